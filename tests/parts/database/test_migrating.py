"""Migrating: what a load refuses is done as a person allows it, on each engine, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, inspect, text

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import (
    DatabaseBusyError,
    MigrationError,
    SchemaConflictError,
)
from modframe.parts.database.schema.request import Request
from tests.parts.database.conftest import MakeDatabases
from tests.parts.database.support import fresh_base

Columns = Callable[[], list[Any]]


def metadata_of(*items: Any) -> Any:
    """Metadata with a table `t`: a key and what is given."""
    base = fresh_base("shop")
    Table("t", base.metadata, Column("id", Integer, primary_key=True), *items)
    return base.metadata


async def write(databases: Databases, *statements: str) -> None:
    """Statements, committed."""
    async with databases.session("shop", "write", strict=True) as session:
        for statement in statements:
            await session.execute(text(statement))
        await session.commit()


async def read(databases: Databases, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    async with databases.session("shop", "read") as session:
        return [tuple(row) for row in await session.execute(text(query))]


async def look(databases: Databases, see: Callable[[Any], Any]) -> Any:
    """What an inspector of the database finds."""
    async with databases.session("shop", "look") as session:
        return await (await session.connection()).run_sync(lambda sync: see(inspect(sync)))


async def indexes(databases: Databases) -> dict[str, list[str]]:
    found = await look(databases, lambda inspector: inspector.get_indexes("t"))
    return {index["name"]: index["column_names"] for index in found}


async def refused(databases: Databases, metadata: Any) -> SchemaConflictError:
    """The error of a load whose models don't fit."""
    with pytest.raises(SchemaConflictError) as info:
        await databases.apply("shop", metadata, user="modules.standard.shop~2")
    return info.value


BEFORE: Columns = lambda: [  # noqa: E731  # a fresh one for each
    Column("a", Integer, index=True),
    Column("note", String),
    Column("b", Integer, server_default=text("7"), nullable=False),
]
ROWS = "INSERT INTO t (a, note) VALUES (1, 'x'), (2, NULL), (3, 'y')"


@pytest.fixture
async def shop(databases: Databases) -> Databases:
    """A database with three rows in a table that has an index."""
    await databases.apply("shop", metadata_of(*BEFORE()), user="modules.standard.shop~1")
    await write(databases, ROWS)
    return databases


async def test_a_column_is_renamed_with_its_index(shop: Databases) -> None:
    """Rows keep their values; what has no name for it in the models would lose them."""
    models = metadata_of(
        Column("amount", Integer, index=True, nullable=False),
        Column("remark", String),
        Column("b", Integer, server_default=text("7"), nullable=False),
    )
    error = await refused(shop, models)
    assert error.differences[0].startswith("t.amount: the model says NOT NULL")
    request = Request(rename={"t.a": "amount", "t.note": "remark"})
    plan = await shop.migrate("shop", request)
    assert plan.done
    assert {step.name for step in plan.steps if step.status == "allowed"} == {
        "rename column t.a to amount",
        "rename column t.note to remark",
    }
    assert await read(shop, "SELECT amount, remark, b FROM t ORDER BY id") == [
        (1, "x", 7),
        (2, None, 7),
        (3, "y", 7),
    ]
    assert await indexes(shop) == {"ix_t_amount": ["amount"]}
    assert not await shop.apply("shop", models)
    with pytest.raises(Exception, match=r"(?i)not.null"):
        await write(shop, "INSERT INTO t (remark) VALUES ('z')")


async def test_columns_are_dropped_with_their_indexes(shop: Databases) -> None:
    """Indexed ones as well, and those before an index; the rest is there as it was."""
    models = metadata_of(Column("note", String, index=True))
    error = await refused(shop, metadata_of(Column("a", String)))
    assert "app.database.migrate('shop', allow=['change type t.a'])" in str(error)
    await shop.apply("shop", models, user="modules.standard.shop~1")
    plan = await shop.migrate("shop", Request(), plan_only=True)
    by_name = {step.name: step for step in plan.steps}
    assert by_name["drop column t.a"].loses == "a value in 3 rows"
    assert by_name["drop column t.a"].status == "possible, not needed"
    assert not plan.missing
    await shop.migrate("shop", Request(allow=("drop column t.a", "drop column t.b")))
    assert await read(shop, "SELECT * FROM t ORDER BY id") == [(1, "x"), (2, None), (3, "y")]
    assert await indexes(shop) == {"ix_t_note": ["note"]}
    await write(shop, "INSERT INTO t (note) VALUES ('new')")
    assert (await read(shop, "SELECT max(id) FROM t")) == [(4,)]


CHANGES: dict[str, tuple[Columns, Request, str, list[tuple[Any, ...]]]] = {
    "type": (
        lambda: [Column("a", String, index=True)],
        Request(allow=("change type t.a",)),
        "SELECT a FROM t ORDER BY id",
        [("1",), ("2",), ("3",)],
    ),
    "not null with a fill": (
        lambda: [Column("a", Integer, index=True), Column("note", String, nullable=False)],
        Request(fill={"t.note": "it's: new"}),
        "SELECT note FROM t ORDER BY id",
        [("x",), ("it's: new",), ("y",)],
    ),
    "not null of an indexed column": (
        lambda: [Column("a", Integer, index=True, nullable=False)],
        Request(allow=("set not null t.a",)),
        "SELECT a FROM t ORDER BY id",
        [(1,), (2,), (3,)],
    ),
    "null": (
        lambda: [Column("b", Integer)],
        Request(allow=("drop not null t.b",)),
        "SELECT b FROM t ORDER BY id",
        [(7,), (7,), (7,)],
    ),
    "a new column with a fill": (
        lambda: [Column("kind", String, nullable=False)],
        Request(fill={"t.kind": "old"}),
        "SELECT kind, a FROM t ORDER BY id",
        [("old", 1), ("old", 2), ("old", 3)],
    ),
    "a check": (
        lambda: [Column("a", Integer), CheckConstraint("a > 0", name="positive")],
        Request(allow=("add check t.positive",)),
        "SELECT a, note, b FROM t ORDER BY id",
        [(1, "x", 7), (2, None, 7), (3, "y", 7)],
    ),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_what_was_refused_is_done(what: str, shop: Databases) -> None:
    """The models fit afterwards, the index is there, keys go on, and the module loads."""
    after, request, query, rows = CHANGES[what]
    models = metadata_of(*after())
    await refused(shop, models)
    plan = await shop.migrate("shop", request, plan_only=True)
    assert not plan.missing
    await refused(shop, models)
    assert (await shop.migrate("shop", request)).done
    assert await read(shop, query) == rows
    assert await indexes(shop) == {"ix_t_a": ["a"]}
    assert not await shop.apply("shop", models, user="modules.standard.shop~2")
    filled = [f", {name.partition('.')[2]}" for name in request.fill]
    values = [", 'z'"] * len(filled)
    await write(shop, f"INSERT INTO t (a{''.join(filled)}) VALUES (4{''.join(values)})")
    assert (await read(shop, "SELECT max(id) FROM t")) == [(4,)]


async def test_a_check_is_enforced_afterwards(shop: Databases) -> None:
    """A check, also of a column, that a copy of the table brought stays through the next copy."""
    await shop.apply("shop", metadata_of(Column("a", Integer, index=True)))
    checked = Column("a", Integer, CheckConstraint("a > 0"), index=True)
    await refused(shop, metadata_of(checked))
    await shop.migrate("shop", Request(allow=("add check t.t_check_1",)))
    models = metadata_of(
        Column("a", Integer, index=True), Column("note", Integer), CheckConstraint("a > 0")
    )
    await write(shop, "UPDATE t SET note = '5'")
    await refused(shop, models)
    await shop.migrate("shop", Request(allow=("change type t.note",)))
    with pytest.raises(Exception, match=r"(?i)check"):
        await write(shop, "INSERT INTO t (a) VALUES (0)")


async def test_what_is_not_meant_or_not_enough_is_an_error(shop: Databases) -> None:
    """Each error names the nearest; nothing was changed."""
    models = metadata_of(Column("a", String, index=True), Column("more", Integer))
    await refused(shop, models)
    change = ("change type t.a",)
    cases = [
        (Request(), r"than is allowed: change type t.a \(allow=\['change type t.a'\]\)"),
        (Request(allow=("change tipe t.a",)), "did you mean 'change type t.a'"),
        (Request(allow=("add column t.more", *change)), "needs no permission"),
        (Request(allow=change, rename={"t.nota": "more"}), "did you mean 't.note'"),
        (Request(allow=change, rename={"t.note": "moore"}), "did you mean 'more'"),
        (Request(allow=change, fill={"t.a": 1}), "no column 't.a' becomes NOT NULL"),
    ]
    for request, words in cases:
        with pytest.raises(MigrationError, match=f"(?i){words}") as info:
            await shop.migrate("shop", request)
        assert "nothing was changed" in str(info.value).lower()
    assert [name for name, *_ in await columns(shop)] == ["id", "a", "note", "b"]


async def columns(databases: Databases) -> list[tuple[str, str, bool]]:
    """Name, type and nullable of each column."""
    found = await look(databases, lambda inspector: inspector.get_columns("t"))
    return [(column["name"], str(column["type"]), column["nullable"]) for column in found]


async def test_a_failed_one_leaves_all_as_it_was(shop: Databases) -> None:
    """Rows that a step doesn't fit make the whole fail, those steps included that went before."""
    before = (await columns(shop), await indexes(shop), await read(shop, "SELECT * FROM t"))
    models = metadata_of(
        Column("a", String, index=True),
        Column("note", String, nullable=False),
        Column("more", Integer),
        CheckConstraint("b > 100", name="much"),
        Column("b", Integer, server_default=text("7"), nullable=False),
    )
    await refused(shop, models)
    allow = ("change type t.a", "set not null t.note", "add check t.much")
    with pytest.raises(
        MigrationError,
        match=r"(?i)refuses the migration.*\b(null|much|check)\b.*Nothing was changed",
    ) as error:
        await shop.migrate("shop", Request(allow=allow))
    assert "aborted" not in str(error.value)  # what fails after the first error
    after = (await columns(shop), await indexes(shop), await read(shop, "SELECT * FROM t"))
    assert after == before
    tables = await look(shop, lambda inspector: inspector.get_table_names())
    assert tables == ["t"]
    await write(shop, "INSERT INTO t (a) VALUES (9)")


async def test_without_models_there_is_nothing_to_migrate_to(databases: Databases) -> None:
    """A module has to be loaded first; a refused load is enough."""
    await write(databases, "CREATE TABLE t (id INTEGER)")
    with pytest.raises(MigrationError, match="no models are known"):
        await databases.migrate("shop", Request())


async def test_another_modules_tables_are_left_alone(shop: Databases) -> None:
    """What it relies on is no step: neither dropped nor renamed."""
    base = fresh_base("shop")
    Table("theirs", base.metadata, Column("id", Integer, primary_key=True))
    await shop.apply("shop", base.metadata, user="modules.standard.other~1")
    await shop.apply("shop", metadata_of(Column("a", Integer)), user="modules.standard.shop~2")
    shop.release("modules.standard.shop~1")
    names = [step.name for step in (await shop.migrate("shop", Request(), plan_only=True)).steps]
    assert "drop table theirs" not in names
    assert "drop column t.note" in names


async def test_a_table_that_no_model_has_is_dropped_if_allowed(shop: Databases) -> None:
    base = fresh_base("shop")
    Table("old", base.metadata, Column("id", Integer, primary_key=True))
    await shop.apply("shop", base.metadata, user="modules.standard.shop~1")
    await write(shop, "INSERT INTO old DEFAULT VALUES")
    await shop.apply("shop", metadata_of(*BEFORE()), user="modules.standard.shop~2")
    plan = await shop.migrate("shop", Request(allow=("drop table old",)))
    assert [(step.name, step.loses) for step in plan.steps] == [("drop table old", "1 row")]
    assert await look(shop, lambda inspector: inspector.get_table_names()) == ["t"]
    assert shop.describe()[0].tables == ("t",)


async def test_open_sessions_are_let_out_first(make_databases: MakeDatabases) -> None:
    """A writer's commit succeeds; one that goes on is named, and nothing was changed."""
    async with make_databases(lock_wait=60.0) as databases:
        await databases.apply("shop", metadata_of(*BEFORE()))
        models = metadata_of(Column("a", String, index=True))
        await refused(databases, models)
        request = Request(allow=("change type t.a",))
        async with databases.session("shop", "writer", strict=True) as session:
            await session.execute(text("INSERT INTO t (a) VALUES (1)"))
            migration = asyncio.create_task(databases.migrate("shop", request))
            await asyncio.sleep(0.1)
            assert not migration.done()
            await session.commit()
        assert (await migration).done
        assert await read(databases, "SELECT a FROM t") == [("1",)]


async def test_a_writer_that_goes_on_is_named(make_databases: MakeDatabases) -> None:
    async with make_databases(lock_wait=0.05) as databases:
        await databases.apply("shop", metadata_of(*BEFORE()))
        await refused(databases, metadata_of(Column("a", String, index=True)))
        async with databases.session("shop", "slow writer", strict=True) as session:
            await session.execute(text("INSERT INTO t (a) VALUES (1)"))
            with pytest.raises(DatabaseBusyError, match="'slow writer'"):
                await databases.migrate("shop", Request(allow=("change type t.a",)))
            await session.commit()


async def test_indexes_of_expressions_stay(shop: Databases) -> None:
    """They are there after a change of the table, and are compared by their names."""

    def models(*items: Any) -> Any:
        metadata = metadata_of(Column("a", Integer), *items)
        table = metadata.tables["t"]
        Index("twice", (table.c.a + 1), unique=True)
        return metadata

    change = await shop.apply("shop", models())
    assert change.indexes == ("twice",)
    assert not await shop.apply("shop", models())
    more = models(Column("note", String, nullable=False))
    await refused(shop, more)
    await shop.migrate("shop", Request(fill={"t.note": ""}))
    with pytest.raises(Exception, match=r"(?i)constraint|unique"):
        await write(shop, "INSERT INTO t (a, note) VALUES (1, '')")
    assert not await shop.apply("shop", more)
