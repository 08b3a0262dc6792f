"""What makes a comparison by alembic go wrong, and doesn't here; and when nothing is compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    DateTime,
    Enum,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    UniqueConstraint,
    event,
    func,
    inspect,
    text,
)

from modframe.parts.database.databases import Databases, SchemaChange
from tests.parts.database.support import fresh_base


def table_of(*items: Any, **conventions: str) -> MetaData:
    """Metadata with a table `t`, perhaps with conventions for names."""
    metadata: MetaData = fresh_base("shop").metadata
    if conventions:
        metadata.naming_convention = conventions
    Table("t", metadata, Column("id", Integer, primary_key=True), *items)
    return metadata


async def look(databases: Databases, see: Any) -> Any:
    """What an inspector finds."""
    async with databases.session("shop", "look") as session:
        return await (await session.connection()).run_sync(lambda sync: see(inspect(sync)))


async def test_a_naming_convention_without_indexes(databases: Databases) -> None:
    """An index without a name gets one; constraints keep those of the convention."""

    def models() -> MetaData:
        items = [Column("a", Integer, index=True), UniqueConstraint("a")]
        return table_of(*items, uq="uq_%(table_name)s_%(column_0_name)s")

    change = await databases.apply("shop", models())
    assert change.tables == ("t",)
    assert not await databases.apply("shop", models())
    names = await look(databases, lambda found: {one["name"] for one in found.get_indexes("t")})
    uniques = await look(
        databases, lambda found: {one["name"] for one in found.get_unique_constraints("t")}
    )
    assert {"ix_t_a", "uq_t_a"} <= names | uniques


async def test_unique_constraints_are_named_indexes_on_duckdb(folder: Path) -> None:
    """So a unique one has a name there, and can go."""
    async with Databases(folder, url="duckdb") as databases:
        await databases.apply(
            "shop", table_of(Column("a", Integer), UniqueConstraint("a", name="one"))
        )
        indexes = await look(databases, lambda found: found.get_indexes("t"))
        assert [(one["name"], one["unique"]) for one in indexes] == [("one", True)]
        assert await look(databases, lambda found: found.get_unique_constraints("t")) == []
        async with databases.session("shop", "upsert", strict=True) as session:
            for amount in (1, 1):
                await session.execute(
                    text("INSERT INTO t (a) VALUES (:a) ON CONFLICT (a) DO NOTHING"), {"a": amount}
                )
            await session.commit()
        rows = await databases.sql("SELECT count(*) FROM shop.t")
        assert rows.rows == [(1,)]


async def test_things_of_other_engines_are_left_out(databases: Databases, engine: str) -> None:
    """``ddl_if`` is heeded for new tables and for old ones."""

    def models(*more: Any) -> MetaData:
        metadata = table_of(Column("a", Integer), *more)
        here, there = (Index(name, metadata.tables["t"].c.a) for name in ("here", "there"))
        here.ddl_if(dialect=engine)
        there.ddl_if(dialect="mssql")
        return metadata

    await databases.apply("shop", table_of(Column("a", Integer)))
    assert (await databases.apply("shop", models())).indexes == ("here",)
    assert not await databases.apply("shop", models())


async def test_partial_indexes_are_compared_once(databases: Databases, engine: str) -> None:
    """They don't count as unique for all rows, and a second load finds nothing to do."""
    if engine == "duckdb":
        pytest.skip("DuckDB has no partial indexes")

    def models(*more: Any) -> MetaData:
        metadata = table_of(Column("a", Integer), *more)
        table = metadata.tables["t"]
        where = {f"{engine}_where": table.c.a > 5}
        Index("some", table.c.a, unique=True, **where)
        return metadata

    await databases.apply("shop", table_of(Column("a", Integer)))
    assert (await databases.apply("shop", models())).indexes == ("some",)
    assert not await databases.apply("shop", models())
    change = await databases.apply("shop", models(UniqueConstraint("a", name="all_of")))
    assert change.indexes == ("all_of",)


async def test_types_are_compared_by_what_the_engine_makes_of_them(databases: Databases) -> None:
    """None of these is a change when it is loaded again, nor is a default that is a function."""

    def models() -> MetaData:
        return table_of(
            Column("a", String(50)),
            Column("b", Numeric(10, 2)),
            Column("c", Numeric(30, 10)),
            Column("d", Enum("x", "y", name="kind")),
            Column("e", DateTime(timezone=True), server_default=func.now()),
        )

    assert await databases.apply("shop", models())
    async with databases.session("shop", "row", strict=True) as session:
        await session.execute(text("INSERT INTO t (a) VALUES ('x')"))
        await session.commit()
    assert not await databases.apply("shop", models())
    more = models()
    later = Column("f", DateTime(timezone=True), server_default=func.now(), nullable=False)
    more.tables["t"].append_column(later)
    change = await databases.apply("shop", more)
    assert change == SchemaChange("shop", columns=("t.f",))
    assert not await databases.apply("shop", more)


async def test_nothing_is_compared_while_nothing_has_changed(databases: Databases) -> None:
    """One statement is sent then; a table that somebody else changes is compared again."""
    await databases.apply("shop", table_of(Column("a", Integer)))
    statements: list[str] = []
    database = databases.database("shop")

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    async with database.use() as engine:
        event.listen(engine.sync_engine, "after_cursor_execute", note)
        assert not await databases.apply("shop", table_of(Column("a", Integer)))
        reading = [one for one in statements if "advisory" not in one]
        assert len(reading) == 1
        async with databases.session("shop", "by hand", strict=True) as session:
            await session.execute(text("ALTER TABLE t DROP COLUMN a"))
            await session.commit()
        change = await databases.apply("shop", table_of(Column("a", Integer)))
        assert change == SchemaChange("shop", columns=("t.a",))
