"""A database moves to another engine with its rows, under live modules."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import modframe
from modframe.app import AppContext
from modframe.errors import DatabaseMoveError, LoadError, ModframeError
from tests.waiting import wait_for

API = """
import datetime
import decimal
import uuid

from core.app_context import app_context
from core.database import get_database_base
from modframe.decorators import module
from sqlalchemy import (
    JSON, Boolean, Column, Date, DateTime, Float, ForeignKey, Integer, LargeBinary, Numeric, String,
    Uuid, select,
)

DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    name = Column(String(40), nullable=False, unique=True)
    price = Column(Numeric(20, 4))
    weight = Column(Float)
    active = Column(Boolean)
    day = Column(Date)
    at = Column(DateTime(timezone=True))
    data = Column(JSON)
    blob = Column(LargeBinary)
    code = Column(Uuid)


class Note(Base):
    __tablename__ = "notes"
    id = Column(Integer, primary_key=True)
    item_id = Column(Integer, ForeignKey("items.id"))


async def seed(session):
    session.add(Item(name="seeded"))


@module
class Shop:
    async def initialize(self):
        self.at_start = await self.names()

    async def first(self):
        return self.at_start

    async def add(self, name: str) -> int:
        async with app_context.database.integrity_session("shop", "add") as session:
            item = Item(
                name=name, price=decimal.Decimal("12.3400"), weight=0.1, active=True,
                day=datetime.date(2026, 1, 19),
                at=datetime.datetime(2026, 1, 19, 12, 30, tzinfo=datetime.timezone.utc),
                data={"b": [1], "a": None}, blob=b"\\x00x", code=uuid.UUID(int=7),
            )
            session.add(item)
            await session.flush()
            session.add(Note(item_id=item.id))
            await session.commit()
            return item.id

    async def weigh(self, weight: float) -> None:
        async with app_context.database.transaction("shop", "weigh") as session:
            (await session.get_one(Item, 1)).weight = weight

    async def names(self) -> list[str]:
        async with app_context.database.integrity_session("shop", "names") as session:
            return list(await session.scalars(select(Item.name).order_by(Item.id)))
"""


@pytest.fixture
def shop(workspace: Path) -> Iterator[AppContext]:
    """A shop that keeps its data, in DuckDB at first."""
    with modframe.start(workspace=workspace, data=workspace / "data") as app:
        app.load({"api.py": API}, id="shop")
        app.get_service("shop").add("a").result()
        yield app


def files(workspace: Path) -> list[str]:
    found = (workspace / "data" / "databases").iterdir()
    return sorted(path.name for path in found if not path.name.endswith((".lock", "wal", "-shm")))


def call(app: AppContext, name: str, *arguments: Any) -> Any:
    return getattr(app.get_service("shop"), name)(*arguments).result()


def test_there_and_back(shop: AppContext, workspace: Path) -> None:
    """Rows, keys and the seed's record go along; the old file is kept; a later start finds it."""
    moved = shop.database.move("shop", to="sqlite")
    assert moved.tables == {"items": 2, "notes": 1, "modframe_seed": 1}
    assert moved.old is not None
    assert files(workspace) == sorted(["moved.json", "shop.sqlite", moved.old.name])
    assert call(shop, "first") == ["seeded", "a"]
    assert call(shop, "add", "b") == 3
    shop.stop()
    with modframe.start(workspace=workspace, data=workspace / "data") as again:
        again.load({"api.py": API}, id="shop")
        assert call(again, "names") == ["seeded", "a", "b"]
        back = again.database.move("shop", to="duckdb")
        assert back.tables["items"] == 3
        assert call(again, "add", "c") == 4
        assert again.database.sql("SELECT count(*) FROM shop.items").rows == [(4,)]
    record = workspace / "data" / "databases" / "moved.json"
    assert json.loads(record.read_text()) == {"shop": "duckdb"}


def test_values_that_engines_write_in_their_own_way_go_along(shop: AppContext) -> None:
    """A negative zero is no difference, a NULL of SQL stays one, and all digits are compared."""
    number = Decimal("1234567890123456.1234")
    shop.database.insert("shop.items", [{"name": "n", "weight": -0.0, "price": number}]).result()
    for engine in ("sqlite", "duckdb"):
        assert shop.database.move("shop", to=engine).tables["items"] == 3
        nulls = shop.database.sql("SELECT name FROM shop.items WHERE data IS NULL ORDER BY 1")
        assert nulls.rows == [("n",), ("seeded",)]
        assert shop.database.sql("SELECT max(price) FROM shop.items").rows == [(number,)]


def test_a_value_that_differs_is_named_by_its_column(shop: AppContext) -> None:
    """SQLite keeps what is not a number as NULL, so the database stays where it is."""
    call(shop, "weigh", math.nan)
    with pytest.raises(LoadError, match="the values differ in weight; nothing was changed"):
        shop.database.move("shop", to="sqlite")
    assert call(shop, "add", "b") == 3


def test_a_move_that_fails_changes_nothing(shop: AppContext, workspace: Path) -> None:
    """If a module can't start on the new engine, everything is where it was, and goes on."""
    fussy = API.replace(
        "self.at_start = await self.names()",
        "self.at_start = await self.names()\n"
        "        async with app_context.database.integrity_session('shop', 'engine') as session:\n"
        "            if 'sqlite' in str(session.bind.url):\n"
        "                raise ValueError('not there')",
    )
    shop.load({"api.py": fussy}, id="shop")
    with pytest.raises(LoadError, match="not there"):
        shop.database.move("shop", to="sqlite")
    assert files(workspace) == ["shop.duckdb"]
    assert call(shop, "add", "b") == 3
    assert call(shop, "names") == ["seeded", "a", "b"]


@pytest.mark.parametrize(
    ("to", "text"),
    [("duckdb", "in duckdb already"), ("oracle", "no database engine 'oracle'")],
)
def test_where_it_can_t_go(shop: AppContext, to: str, text: str) -> None:
    """It is said before anything is copied."""
    with pytest.raises(ModframeError, match=text):
        shop.database.move("shop", to=to)
    assert call(shop, "names") == ["seeded", "a"]


def test_a_database_that_no_module_declares(shop: AppContext, workspace: Path) -> None:
    """Nothing is made for a misspelt name."""
    before = files(workspace)
    with pytest.raises(ModframeError, match=r"no database 'shup'.*Did you mean 'shop'"):
        shop.database.move("shup", to="sqlite")
    assert files(workspace) == before


def test_an_engine_that_is_fixed(shop: AppContext, workspace: Path) -> None:
    """What the file or the environment says would win at the next start, so it is named."""
    text = API.replace(
        'DATABASE_NAME = "shop"', 'DATABASE_NAME = "shop"\nDATABASE_ENGINE = "duckdb"'
    )
    shop.load({"api.py": text}, id="shop")
    with pytest.raises(ModframeError, match="Take DATABASE_ENGINE away"):
        shop.database.move("shop", to="sqlite")
    assert files(workspace) == ["shop.duckdb"]


def test_tables_without_models_are_not_left_behind(shop: AppContext) -> None:
    """A table that no live module knows is named."""
    shop.load(
        {
            "api.py": API
            + "\n\nclass Old(Base):\n    __tablename__ = 'old'\n    id = Column(Integer, primary_key=True)\n"
        },
        id="shop",
    )
    shop.load({"api.py": API}, id="shop")
    with pytest.raises(ModframeError, match="models of old"):
        shop.database.move("shop", to="sqlite")


def test_a_module_is_loaded_again_between_a_migration_and_a_move(
    shop: AppContext, workspace: Path
) -> None:
    """Its live models aren't those of the tables any more, which is said before anything waits."""
    changed = API.replace(
        "    weight = Column(Float)\n", "    mass = Column(Float, nullable=False)\n"
    )
    with pytest.raises(LoadError):
        shop.load({"api.py": changed}, id="shop")
    shop.database.migrate("shop", allow=["drop column items.weight"], fill={"items.mass": 0.0})
    with pytest.raises(DatabaseMoveError) as caught:
        shop.database.move("shop", to="sqlite")
    assert "its tables were changed since standard.shop was loaded" in str(caught.value)
    assert "ask for: add column items.weight, drop column items.mass" in str(caught.value)
    assert "Load the module again first (standard.shop)" in str(caught.value)
    assert files(workspace) == ["shop.duckdb"]
    shop.load({"api.py": changed.replace("weight", "mass")}, id="shop")
    assert shop.database.move("shop", to="sqlite").tables["items"] == 2


@pytest.mark.parametrize("fails", [False, True])
def test_who_writes_meanwhile_waits(shop: AppContext, workspace: Path, fails: bool) -> None:
    """What is committed is in the database that is used afterwards, moved or not."""
    started, go = workspace / "started", workspace / "go"
    slow = API.replace(
        "self.at_start = await self.names()",
        "self.at_start = await self.names()\n"
        "        async with app_context.database.integrity_session('shop', 'engine') as session:\n"
        "            on_new_engine = 'sqlite' in str(session.bind.url)\n"
        "        if on_new_engine:\n"
        f"            pathlib.Path({str(started)!r}).touch()\n"
        f"            while not pathlib.Path({str(go)!r}).exists():\n"
        "                await asyncio.sleep(0.01)\n"
        f"            assert not {fails}",
    ).replace("import uuid\n", "import asyncio\nimport pathlib\nimport uuid\n")
    shop.load({"api.py": slow}, id="shop")

    def write() -> None:
        async def work(session: Any) -> None:
            await session.execute(text("UPDATE items SET weight = 7 WHERE id = 1"))

        shop.database.transaction("shop", "meanwhile", retry=1)(work).result()

    with ThreadPoolExecutor() as threads:
        move = threads.submit(shop.database.move, "shop", to="sqlite")
        wait_for(started.exists)
        written = threads.submit(write)
        with pytest.raises(TimeoutError):
            written.result(0.1)
        go.touch()
        assert isinstance(move.exception(), LoadError if fails else type(None))
        written.result()
    assert shop.database.sql("SELECT weight FROM shop.items WHERE id = 1").rows == [(7.0,)]
    assert call(shop, "add", "b") == 3


def test_modules_that_share_it_move_together(shop: AppContext) -> None:
    """Neither is told that the other one's rows are kept by another engine."""
    head, rest = API.split("class Item(Base)")
    other = "class Extra(Base)" + rest.partition("\n\n\n")[0].replace('"items"', '"extras"')
    shop.load({"api.py": head + other + "\n\n\n@module\nclass Depot:\n    pass\n"}, id="depot")
    moved = shop.database.move("shop", to="sqlite")
    assert moved.tables == {"items": 2, "notes": 1, "extras": 0, "modframe_seed": 1}
    assert [shop.modules[one].findings for one in ("shop", "depot")] == [(), ()]
