"""Reverting what a failed load added to a database: what is dropped, kept and reported."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    inspect,
    text,
)

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.parts.database.databases import Databases, SchemaChange
from tests.parts.database.conftest import MakeDatabases
from tests.parts.database.support import fresh_base


def metadata_of(*items: Any, table: str = "t", schema: str | None = None) -> Any:
    """Metadata with one table: a key and what is given."""
    base = fresh_base("shop")
    Table(table, base.metadata, Column("id", Integer, primary_key=True), *items, schema=schema)
    return base.metadata


async def write(databases: Databases, statement: str) -> None:
    """One statement, committed."""
    async with databases.session("shop", "write", strict=True) as session:
        await session.execute(text(statement))
        await session.commit()


async def columns(databases: Databases, table: str = "t") -> tuple[str, ...]:
    """The columns of a table."""
    found = await look(databases, lambda inspector: inspector.get_columns(table))
    return tuple(column["name"] for column in found)


async def look(databases: Databases, see: Callable[[Any], Any]) -> Any:
    """What an inspector of the database finds."""
    async with databases.session("shop", "look") as session:
        return await (await session.connection()).run_sync(lambda sync: see(inspect(sync)))


def kind(databases: Databases) -> str:
    """The engine's name."""
    return databases.database("shop").backend.name


async def test_what_has_no_data_is_dropped_and_the_rest_named(databases: Databases) -> None:
    """Empty tables, their sequences and empty columns are dropped; what holds data stays."""
    await databases.apply("shop", metadata_of(table="t"))
    await write(databases, "INSERT INTO t DEFAULT VALUES")
    metadata = metadata_of(
        Column("a", Integer), Column("b", String, default="it's"), Column("c", Integer)
    )
    for table in ("parent", "full"):
        Table(table, metadata, Column("id", Integer, primary_key=True))
    Table("child", metadata, Column("id", ForeignKey("parent.id"), primary_key=True))
    change = await databases.apply("shop", metadata)
    await write(databases, 'INSERT INTO "full" DEFAULT VALUES')
    await write(databases, "UPDATE t SET c = 1")
    stays = await databases.revert(change)
    assert stays[:2] == ("column t.c (1 row with a value)", "table full (it holds 1 row)")
    assert stays[2:] == (
        ("sequence full_id_seq (DuckDB can't, for an index or a reference depends on it)",)
        if kind(databases) == "duckdb"
        else ()
    )
    tables = await look(databases, lambda inspector: inspector.get_table_names())
    assert sorted(tables) == ["full", "t"]
    assert await columns(databases) == ("id", "c")
    assert await databases.revert(SchemaChange("shop")) == ()
    again = await databases.apply("shop", metadata)
    assert (again.tables, again.columns) == (("parent", "child"), ("t.a", "t.b"))


@pytest.mark.parametrize(
    ("column", "update", "stays"),
    [
        (lambda: Column("a", Integer, default=3, nullable=False), "", ()),
        (lambda: Column("a", Integer, server_default=text("3")), "UPDATE t SET a = NULL", ()),
        (
            lambda: Column("a", Integer, default=3),
            "UPDATE t SET a = 4 WHERE id = 1",
            ("column t.a (1 row with a value other than the default)",),
        ),
        (lambda: Column("a", Integer, index=True), "", ()),
    ],
)
async def test_defaults_are_no_values(
    column: Callable[[], Any], update: str, stays: tuple[str, ...], databases: Databases
) -> None:
    """A column whose rows hold its default or NULL goes, with its index; another value keeps it."""
    await databases.apply("shop", metadata_of())
    await write(databases, "INSERT INTO t (id) VALUES (1), (2)")
    change = await databases.apply("shop", metadata_of(column()))
    if update:
        await write(databases, update)
    assert await databases.revert(change) == stays
    assert await columns(databases) == (("id", "a") if stays else ("id",))
    await databases.apply("shop", metadata_of(column()))
    await write(databases, "INSERT INTO t (id) VALUES (3)")


async def test_a_column_goes_beside_an_index_that_was_there(databases: Databases) -> None:
    """The index is there afterwards, and a later load adds the column again."""
    await databases.apply("shop", metadata_of(Column("old", Integer, index=True)))
    more = metadata_of(Column("old", Integer, index=True), Column("a", Integer))
    change = await databases.apply("shop", more)
    assert await databases.revert(change) == ()
    assert await columns(databases) == ("id", "old")
    assert await databases.apply("shop", more) == SchemaChange("shop", columns=("t.a",))


async def test_schemas_and_their_indexes_go(databases: Databases) -> None:
    """A new schema goes with its tables; one that was there keeps what it had."""
    if kind(databases) == "sqlite":
        pytest.skip("SQLite has no schemas")
    first = await databases.apply("shop", metadata_of(Column("a", Integer), schema="deep"))
    assert first.schemas == ("deep",)
    indexed = metadata_of(Column("a", Integer), Index("ix_a", "a"), schema="deep")
    second = await databases.apply("shop", indexed)
    assert second == SchemaChange("shop", indexes=("deep.ix_a",))
    assert await databases.revert(second) == ()
    assert await databases.revert(first) == ()
    assert "deep" not in await look(databases, lambda inspector: inspector.get_schema_names())


async def test_what_another_generation_relies_on_stays(databases: Databases) -> None:
    """A generation that found the table of a failing load keeps it."""
    user = "modules.standard.other~1"
    change = await databases.apply("shop", metadata_of(), user="modules.standard.shop~2")
    await databases.apply("shop", metadata_of(), user=user)
    stays = await databases.revert(change, user="modules.standard.shop~2")
    assert stays[0] == "table t (standard.other relies on it)"
    assert stays[1:] == (
        ("sequence t_id_seq (standard.other relies on it)",) if kind(databases) == "duckdb" else ()
    )
    databases.release(user)
    assert await databases.revert(change) == ()


async def test_a_unique_index_stays_for_a_generation_that_needs_the_constraint(
    databases: Databases,
) -> None:
    """The index replaces the constraint, also for a module that found it there."""
    await databases.apply("shop", metadata_of(Column("a", Integer)))
    unique = metadata_of(Column("a", Integer), UniqueConstraint("a"))
    change = await databases.apply("shop", unique, user="modules.standard.shop~2")
    await databases.apply("shop", unique, user="modules.standard.other~1")
    assert await databases.revert(change, user="modules.standard.shop~2") == (
        "index t_a_key (standard.other relies on it)",
    )


async def test_a_session_in_a_transaction_keeps_a_column(make_databases: MakeDatabases) -> None:
    """Its commit would fail otherwise, though it has only read so far; the reason names it."""
    async with make_databases(lock_wait=0.05) as databases:
        await databases.apply("shop", metadata_of())
        change = await databases.apply("shop", metadata_of(Column("a", Integer)))
        async with databases.session("shop", "slow reader", strict=True) as session:
            await session.execute(text("SELECT * FROM t"))
            stays = await databases.revert(change)
            assert stays == ("column t.a (in the way: 1 session, 'slow reader')",)
            await session.execute(text("INSERT INTO t DEFAULT VALUES"))
            await session.commit()


@pytest.mark.soak
async def test_sessions_that_write_meanwhile_lose_nothing(databases: Databases) -> None:
    """Open sessions read and write the table while columns come and go: every commit succeeds."""
    await databases.apply("shop", metadata_of())
    done = asyncio.Event()

    async def live() -> int:
        written = 0
        async with databases.session("shop", "live", strict=True) as session:
            while not done.is_set():
                await session.execute(text("SELECT count(*) FROM t"))
                await session.execute(text("INSERT INTO t DEFAULT VALUES"))
                await session.commit()
                written += 1
                await asyncio.sleep(0)
        return written

    async def changes() -> None:
        try:
            for _ in range(10):
                column = Column("a", Integer, default=1)
                change = await databases.apply("shop", metadata_of(column))
                assert await databases.revert(change) == ()
        finally:
            done.set()

    writers = 1 if kind(databases) == "sqlite" else 2  # of two that have read one may write there
    *written, _ = await asyncio.gather(*(live() for _ in range(writers)), changes())
    async with databases.session("shop", "count") as session:
        count = (await session.execute(text("SELECT count(*) FROM t"))).scalar_one()
    assert count == sum(written)


MODEL = """
    from core.database import get_database_base
    from modframe.decorators import module
    from sqlalchemy import Column, Integer, String
    from core.app_context import app_context

    DATABASE_NAME = "{database}"
    Base = get_database_base(DATABASE_NAME)


    class Row(Base):
        __tablename__ = "rows"
        id = Column(Integer, primary_key=True)
        {extra}


    @module
    class {name}:
        async def initialize(self):
            {initialize}

        async def add(self):
            async with app_context.database.integrity_session(DATABASE_NAME, "add") as session:
                session.add(Row())
                await session.commit()
"""


def model(extra: str = "", initialize: str = "pass", database: str = "shop") -> dict[str, str]:
    name = database.capitalize()
    body = dedent(initialize).strip().replace("\n", "\n        ")
    filled = dedent(MODEL).format(extra=extra, initialize=body, database=database, name=name)
    return {"api.py": filled}


@pytest.fixture
def app_with_files(tmp_path: Path) -> Any:
    with modframe.start(workspace=tmp_path, data=tmp_path / "data", modules=[]) as app:
        yield app


def shape(app: AppContext, database: str = "shop") -> tuple[str, ...]:
    return app.database.sql(f"SELECT * FROM {database}.rows").columns


NOTE = "note = Column(String, default='-')"


def test_a_failed_load_leaves_the_tables_as_they_were(app_with_files: AppContext) -> None:
    """Its column is gone again, the live generation goes on writing, and a later load works."""
    app = app_with_files
    app.load(model(), id="shop")
    app.get_service("shop").add().result()
    with pytest.raises(LoadError) as info:
        app.load(model(NOTE, "raise ValueError('no')"), id="shop")
    assert [one.rule for one in info.value.findings] == ["phase2-failed"]
    assert shape(app) == ("id",)
    app.get_service("shop").add().result()
    app.load(model(NOTE), id="shop")
    assert app.database.sql("SELECT note FROM shop.rows").rows == [("-",), ("-",)]


def test_what_a_failed_load_wrote_is_kept_and_reported(app_with_files: AppContext) -> None:
    """The error's findings and notes, and the log, name the column; the same model loads then."""
    app = app_with_files
    app.load(model(), id="shop")
    app.get_service("shop").add().result()
    writing = """
        async with app_context.database.integrity_session("shop", "seed") as session:
            session.add(Row(note="seed"))
            await session.commit()
        raise ValueError("no")
    """
    with pytest.raises(LoadError, match="ValueError: no") as info:
        app.load(model(NOTE, writing), id="shop")
    kept = info.value.findings[-1]
    assert (kept.rule, kept.level) == ("database-kept", "warning")
    assert kept.message == (
        "the database 'shop' keeps what the failed load added: "
        "column rows.note (1 row with a value other than the default)"
    )
    assert info.value.__notes__ == [f"warning: {kept}"]
    assert any(kept.message in line.message for line in app.snapshot().log)
    assert app.get_service("shop").add().result() is None
    app.load(model(NOTE), id="shop")
    assert shape(app) == ("id", "note")


def test_a_change_of_two_databases_is_reverted_in_both(
    app_with_files: AppContext,
) -> None:
    """Each module's additions go when one of them fails, from each database's file."""
    app = app_with_files
    pair = ("shop", "depot")
    app.load([(name, model(database=name)) for name in pair])
    with pytest.raises(LoadError, match="no"):
        app.load([("shop", model(NOTE)), ("depot", model(NOTE, "raise ValueError('no')", "depot"))])
    assert [shape(app, name) for name in pair] == [("id",), ("id",)]
    seeded = """
        async with app_context.database.integrity_session("shop", "seed") as session:
            session.add(Row(note="seed"))
            await session.commit()
    """
    with pytest.raises(LoadError, match="no") as info:
        app.load(
            [
                ("shop", model(NOTE, seeded)),
                ("depot", model(NOTE, "raise ValueError('no')", "depot")),
            ]
        )
    assert shape(app, "depot") == ("id",)
    assert "'shop' keeps what the failed load added: column rows.note" in info.value.__notes__[0]
    assert [one.rule for one in info.value.findings] == ["phase2-failed", "database-kept"]
    for name in pair:
        app.get_service(name).add().result()
    app.load([(name, model(NOTE, database=name)) for name in pair])
    assert [shape(app, name) for name in pair] == [("id", "note")] * 2


def test_a_task_of_the_failed_load_ends_before_its_table_is_checked(
    app_with_files: AppContext,
) -> None:
    """A task that holds a session on the new table is cancelled first; then the table goes."""
    app = app_with_files
    holding = """
        import asyncio
        held = asyncio.Event()

        async def hold():
            async with app_context.database.integrity_session("shop", "held") as session:
                session.add(Row())
                await session.flush()
                held.set()
                await asyncio.Event().wait()

        self.task = asyncio.create_task(hold())
        await held.wait()
        raise ValueError("no")
    """
    with pytest.raises(LoadError, match="no") as info:
        app.load(model(initialize=holding), id="shop")
    assert [one.rule for one in info.value.findings] == ["phase2-failed"]
    assert app.database.sql("SHOW ALL TABLES").rows == []


def test_the_live_generation_writes_while_loads_fail(app_with_files: AppContext) -> None:
    """Every write of the live generation succeeds while columns are added and dropped."""
    app = app_with_files
    app.load(model(), id="shop")
    stop, written, errors = threading.Event(), [0], []

    def write_on() -> None:
        try:
            while not stop.is_set():
                app.get_service("shop").add().result()
                written[0] += 1
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=write_on)
    thread.start()
    try:
        for _ in range(5):
            with pytest.raises(LoadError):
                app.load(model(NOTE, "raise ValueError('no')"), id="shop")
    finally:
        stop.set()
        thread.join()
    assert errors == []
    assert app.database.sql("SELECT count(*) FROM shop.rows").rows == [(written[0],)]
    assert shape(app) == ("id",)
