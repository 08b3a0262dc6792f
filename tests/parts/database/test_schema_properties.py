"""Any models, any additions to them: what is added is there once, and a revert leaves what was."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    UniqueConstraint,
    inspect,
    text,
)

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import SchemaConflictError
from tests.parts.database.conftest import MakeDatabases
from tests.parts.database.support import fresh_base

TYPES: dict[str, tuple[Any, Any]] = {
    "integer": (Integer, 3),
    "text": (String(20), "it's: 'x'"),
    "flag": (Boolean, True),
    "number": (Numeric(10, 2), 1),
}
columns = st.fixed_dictionaries(
    {
        "type": st.sampled_from(sorted(TYPES)),
        "default": st.sampled_from(["none", "python", "server"]),
        "nullable": st.booleans(),
        "index": st.booleans(),
    }
)
names = st.sampled_from(["a", "b", "order", "Mixed", "by"])
models = st.dictionaries(names, columns, max_size=3)


def metadata_of(table: str, *parts: dict[str, Any], unique: str = "", second: bool = False) -> Any:
    """Metadata with a table of the columns that are given, and perhaps another one."""
    metadata: MetaData = fresh_base("shop").metadata
    made = Table(table, metadata, Column("id", Integer, primary_key=True))
    for name, facts in ((name, facts) for part in parts for name, facts in part.items()):
        kind, value = TYPES[facts["type"]]
        options: dict[str, Any] = {"nullable": facts["nullable"] or facts["default"] == "none"}
        if facts["default"] == "python":
            options["default"] = value
        elif facts["default"] == "server":
            options["server_default"] = "1" if facts["type"] != "flag" else text("true")
        made.append_column(Column(name, kind, **options))
        if facts["index"]:
            Index(f"ix_{table}_{name}", made.c[name])
    if unique and unique in made.c:
        made.append_constraint(UniqueConstraint(made.c[unique]))
    if second:
        Table(f"{table}_more", metadata, Column("id", Integer, primary_key=True))
    return metadata


async def state_of(databases: Databases, table: str) -> tuple[Any, ...]:
    """What is in the database: tables, columns, indexes and rows."""

    def see(connection: Any) -> tuple[Any, ...]:
        found = inspect(connection)
        facts = [
            (one["name"], str(one["type"]), one["nullable"], one["default"])
            for one in found.get_columns(table)
        ]
        indexes = sorted(
            (one["name"], tuple(one["column_names"])) for one in found.get_indexes(table)
        )
        uniques = sorted(tuple(one["column_names"]) for one in found.get_unique_constraints(table))
        tables = sorted(name for name in found.get_table_names() if name.startswith(table))
        rows = connection.execute(text(f"SELECT * FROM {table} ORDER BY id")).all()
        return facts, indexes, uniques, tables, [tuple(row) for row in rows]

    async with databases.session("shop", "look") as session:
        return await (await session.connection()).run_sync(see)


async def check_revert(databases: Databases, table: str, case: dict[str, Any]) -> None:
    """Add to the models of a table, and take it back; assert that the table is what it was."""
    old, added = case["old"], {k: v for k, v in case["added"].items() if k not in case["old"]}
    models = metadata_of(table, old)
    await databases.apply("shop", models)
    async with databases.session("shop", "rows", strict=True) as session:
        for _ in range(case["rows"]):
            await session.execute(models.tables[table].insert())
        await session.commit()
    before = await state_of(databases, table)

    def grown() -> Any:
        return metadata_of(table, old, added, unique=case["unique"], second=case["second"])

    try:
        change = await databases.apply("shop", grown())
    except SchemaConflictError:
        assert case["unique"]
        assert case["rows"] > 1
    else:
        assert set(change.columns) == {f"{table}.{name}" for name in added}
        assert not await databases.apply("shop", grown())
        assert await databases.revert(change) == ()
    assert await state_of(databases, table) == before
    assert not await databases.apply("shop", metadata_of(table, old))


@pytest.mark.parametrize("tries", [5, pytest.param(15, marks=pytest.mark.soak)])
def test_a_revert_leaves_what_was(make_databases: MakeDatabases, tries: int) -> None:
    """On each engine, with and without rows."""
    numbers = count()

    with asyncio.Runner() as runner:
        databases = make_databases()

        @settings(
            max_examples=tries,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(
            st.fixed_dictionaries(
                {
                    "old": models,
                    "added": models,
                    "rows": st.integers(0, 2),
                    "unique": st.sampled_from(["", "a", "b"]),
                    "second": st.booleans(),
                }
            )
        )
        def check(case: dict[str, Any]) -> None:
            runner.run(check_revert(databases, f"t{next(numbers)}", case))

        try:
            check()
        finally:
            runner.run(databases.aclose())
