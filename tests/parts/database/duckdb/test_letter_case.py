"""Names that differ from those in the file in case alone: DuckDB takes them for the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import inspect, text

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.parts.database.databases import Databases

TABLES = (
    'CREATE SCHEMA "Depot"',
    'CREATE SEQUENCE "Items_Id_seq"',
    'CREATE SEQUENCE "Depot"."Shelves_Id_seq"',
    'CREATE TABLE "Items" ("Id" INTEGER DEFAULT nextval(\'"Items_Id_seq"\') PRIMARY KEY, '
    '"Name" VARCHAR NOT NULL UNIQUE, "Price" INTEGER CHECK ("Price" > 0), "Note" VARCHAR)',
    'CREATE INDEX "IX_Items_Price" ON "Items" ("Price")',
    'CREATE UNIQUE INDEX "Ux_Items" ON "Items" (lower("Note"))',
    'CREATE TABLE "Depot"."Shelves" ("Id" INTEGER PRIMARY KEY)',
    'INSERT INTO "Items" ("Name", "Price", "Note") VALUES (\'a\', 1, \'x\')',
)
API = """
from core.app_context import app_context
from core.database import get_database_base
from modframe.decorators import module
from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, String, func, select

DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    name = Column(String, nullable=False, unique=True)
    price = Column(Integer, CheckConstraint("price > 0"), index=True)
    note = Column(String)
    {more}
    __table_args__ = (Index("ux_items", func.lower(note), unique=True),)


class Shelf(Base):
    __tablename__ = "shelves"
    __table_args__ = {{"schema": "depot"}}
    id = Column(Integer, primary_key=True)


@module
class Shop:
    {start}

    async def add(self, name: str) -> list[tuple]:
        async with app_context.database.integrity_session("shop", "add") as session:
            session.add(Item(name=name, note=name))
            await session.commit()
            return [tuple(row) for row in await session.execute(select(Item.id, Item.name))]
"""


def api(more: str = "", start: str = "number = 1") -> dict[str, str]:
    return {"api.py": API.format(more=more, start=start)}


@pytest.fixture
def app(workspace: Path) -> Iterator[AppContext]:
    """An app whose database an earlier version made, with models that spelled it otherwise."""
    file = workspace / "data" / "databases" / "shop.duckdb"
    file.parent.mkdir(parents=True)
    with duckdb.connect(str(file)) as connection:
        for statement in TABLES:
            connection.execute(statement)
    with modframe.start(workspace=workspace, data=workspace / "data") as started:
        yield started


def in_file(app: AppContext) -> set[str]:
    found = app.database.sql("SELECT * FROM shop.items LIMIT 1")
    return set(found.columns)


def possible(app: AppContext) -> list[str]:
    """What a migration could do: where files had constraints there are unique indexes today."""
    return [step.name for step in app.database.migrate("shop", plan=True).steps]


def test_it_is_no_difference(app: AppContext) -> None:
    """Nothing is made, or found to be in the way; rows are there, and keys are counted."""
    app.load(api(), id="shop")
    assert app.get_service("shop").add("b").result() == [(1, "a"), (2, "b")]
    assert possible(app) == ["drop unique items.items_name_key"]
    assert in_file(app) == {"Id", "Name", "Price", "Note"}


def test_what_is_new_is_added(app: AppContext) -> None:
    """To the table that is there; a load that fails takes it back."""
    more = "size = Column(Integer, index=True, unique=True)"
    with pytest.raises(LoadError, match="not today"):
        app.load(
            api(more, "async def initialize(self):\n        raise ValueError('not today')"),
            id="shop",
        )
    assert in_file(app) == {"Id", "Name", "Price", "Note"}
    app.load(api(more), id="shop")
    assert in_file(app) == {"Id", "Name", "Price", "Note", "size"}
    assert app.get_service("shop").add("b").result() == [(1, "a"), (2, "b")]
    assert possible(app) == ["drop unique items.items_name_key"]


@pytest.mark.parametrize(
    ("old", "new", "step"),
    [
        ("price = Column(Integer", "price = Column(BigInteger", "change type items.price"),
        ("note = Column(String)", "note = Column(String, nullable=False)", "set not null items.note"),
        ("    note = Column(String)\n", "    note = 'x'\n", "drop column items.Note"),
        ("name = Column(String, nullable=False", "name = Column(String", "drop not null items.name"),
    ],
)  # fmt: skip
def test_a_migration_changes_what_is_there(app: AppContext, old: str, new: str, step: str) -> None:
    """The table is copied or altered under the name that it has."""
    text = api()["api.py"].replace(old, new)
    if "drop column" in step:
        text = text.replace("__table_args__ = (", "less = (")
        app.load({"api.py": text}, id="shop")
    else:
        with pytest.raises(LoadError, match=step.rpartition(" ")[2]):
            app.load({"api.py": text}, id="shop")
    app.database.migrate("shop", allow=[step])
    app.load({"api.py": text}, id="shop")
    assert app.get_service("shop").add("b").result() == [(1, "a"), (2, "b")]


def test_it_moves_to_an_engine_that_tells_case(app: AppContext) -> None:
    """Its tables are called there as the models say."""
    text = api()["api.py"].replace('    __table_args__ = {"schema": "depot"}\n', "")
    app.load({"api.py": text}, id="shop")
    assert app.database.move("shop", to="sqlite").tables["items"] == 1
    assert app.get_service("shop").add("b").result() == [(1, "a"), (2, "b")]


async def test_reflection_finds_tables_by_any_case(folder: Path) -> None:
    """Without models it shows the names as they are in the file."""

    def see(connection: Any) -> None:
        found = inspect(connection)
        assert found.has_table("items")
        assert found.has_sequence("ITEMS_ID_SEQ")
        assert found.get_table_names() == ["Items"]
        assert [each["name"] for each in found.get_columns("ITEMS")] == [
            "Id",
            "Name",
            "Price",
            "Note",
        ]
        assert found.get_table_names(schema="DEPOT") == ["Shelves"]

    async with Databases(folder) as databases, databases.session("shop", "look") as session:
        for statement in TABLES:
            await session.execute(text(statement))
        await (await session.connection()).run_sync(see)
        await session.rollback()
