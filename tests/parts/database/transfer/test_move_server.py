"""A database moves to a PostgreSQL server with its rows, and back to a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import DatabaseMoveError, DatabaseOpenError, LoadError, ModframeError
from tests.faults.processes import run_script

API = """
import datetime
import decimal
import enum
import uuid

from core.app_context import app_context
from core.database import get_database_base
from modframe.decorators import module
from sqlalchemy import (
    JSON, Boolean, CheckConstraint, Column, Computed, Date, DateTime, Enum, Float, ForeignKey,
    Integer, Interval, LargeBinary, Numeric, String, Time, Uuid, null, select,
)

DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    name = Column(String(40), nullable=False, unique=True)
    price = Column(Numeric(38, 10))
    weight = Column(Float)
    active = Column(Boolean)
    day = Column(Date)
    hour = Column(Time)
    lasts = Column(Interval)
    plain = Column(DateTime)
    at = Column(DateTime(timezone=True))
    data = Column(JSON)
    blob = Column(LargeBinary)
    code = Column(Uuid)
    color = Column(Enum(Color))
    twice = Column(Integer, Computed("id * 2"))


class Note(Base):
    __tablename__ = "notes"
    id = Column(Integer, primary_key=True)
    item_id = Column(Integer, ForeignKey("items.id"))
    answers_id = Column(Integer, ForeignKey("notes.id"))  # one that comes later


FULL = dict(
    price=decimal.Decimal("1234567890123456789012345678.0123456789"), weight=0.1, active=True,
    day=datetime.date(2026, 1, 19), hour=datetime.time(1, 2, 3, 4),
    lasts=datetime.timedelta(days=2, microseconds=5), plain=datetime.datetime(2026, 1, 19, 1),
    at=datetime.datetime(
        2026, 1, 19, 12, 30, 0, 123456, tzinfo=datetime.timezone(datetime.timedelta(hours=5))
    ),
    data={"b": [1, "é"], "a": None}, blob=b"\\x00x\\xff", code=uuid.UUID(int=7), color=Color.BLUE,
)


async def seed(session):
    session.add_all([Item(name="ü' 100% ☃", **FULL), Item(name="empty", data=null())])
    await session.flush()
    session.add_all([Note(id=1, item_id=1), Note(id=2, item_id=1)])
    await session.flush()
    (await session.get_one(Note, 1)).answers_id = 2


def plain(row):
    # each generation has a class of its own for colors
    return [value.name if isinstance(value, Color) else value for value in row]


@module
class Shop:
    async def rows(self):
        async with app_context.database.integrity_session("shop", "rows") as session:
            found = await session.execute(select(Item.__table__).order_by(Item.id))
            notes = await session.execute(select(Note.__table__).order_by(Note.id))
            return [*map(plain, found), *map(plain, notes)]

    async def add(self, name: str) -> int:
        async with app_context.database.transaction("shop", "add") as session:
            item = Item(name=name, weight=1)
            session.add(item)
            await session.flush()
            return item.id

    async def drop(self, name: str) -> None:
        async with app_context.database.transaction("shop", "drop") as session:
            await session.delete(await session.scalar(select(Item).where(Item.name == name)))

    async def is_null(self):
        async with app_context.database.integrity_session("shop", "nulls") as session:
            return list(await session.scalars(select(Item.name).where(Item.data == null())))
"""
FILES = ["duckdb", "sqlite"]
ONE_FILE = ["duckdb", pytest.param("sqlite", marks=pytest.mark.soak)]


def call(app: AppContext, name: str, *arguments: Any) -> Any:
    return getattr(app.get_service("shop"), name)(*arguments).result()


@contextmanager
def start(workspace: Path) -> Iterator[AppContext]:
    with modframe.start(workspace=workspace, data=workspace / "data") as app:
        app.load({"api.py": API}, id="shop")
        yield app


@pytest.fixture
def shop(workspace: Path) -> Iterator[AppContext]:
    """A shop that keeps its data, in DuckDB at first."""
    with start(workspace) as app:
        yield app


def files(workspace: Path) -> list[str]:
    found = (workspace / "data" / "databases").iterdir()
    return sorted(path.name for path in found if not path.name.endswith((".lock", "wal", "-shm")))


def schemas(url: str) -> dict[str, str]:
    """Return the schemas of a server that have a comment, without those of PostgreSQL."""
    with psycopg.connect(url) as connection:
        return dict(
            connection.execute(
                "SELECT nspname, obj_description(oid, 'pg_namespace') FROM pg_namespace "
                "WHERE nspname LIKE 'shop%'"
            ).fetchall()
        )


def execute(url: str, *statements: Any) -> None:
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize("engine", FILES)
def test_there_and_back(workspace: Path, postgres_url: str, engine: str) -> None:
    """Each value, each reference and each counter goes along, both ways, and over a start."""
    counted = engine != "sqlite"  # which gives the highest key again, once its row is deleted
    with start(workspace) as shop:
        if engine != "duckdb":
            shop.database.move("shop", to=engine)
        call(shop, "add", "gone")
        call(shop, "drop", "gone")
        rows, nulls = call(shop, "rows"), call(shop, "is_null")
        assert len(rows) == 4
        moved = shop.database.move("shop", to=postgres_url)
        assert moved.tables == {"items": 2, "notes": 2, "modframe_seed": 1}
        assert moved.needs == "MODFRAME_DATABASE_URL_SHOP=<the URL of the server>"
        assert isinstance(moved.old, Path)
        assert moved.old.name in files(workspace)
        assert f"shop.{engine}" not in files(workspace)
        assert postgres_url not in repr(moved)
        assert (call(shop, "rows"), call(shop, "is_null")) == (rows, nulls)
        assert call(shop, "add", "third") == 3 + counted
        call(shop, "drop", "third")
        back = shop.database.move("shop", to=engine)
        assert (call(shop, "rows"), call(shop, "is_null")) == (rows, nulls)
        assert back.needs == ""
        assert back.old in schemas(postgres_url)
        assert call(shop, "add", "next") == 3 + 2 * counted
        rows = call(shop, "rows")
    with start(workspace) as again:
        assert call(again, "rows") == rows
        assert again.database.move("shop", to=postgres_url).tables["items"] == 3
        assert call(again, "rows") == rows
        assert call(again, "add", "fourth") == 4 + 2 * counted


def test_a_start_finds_it_on_the_server(
    workspace: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the variable the start says what is missing, and begins with no empty database."""
    with start(workspace) as shop:
        shop.database.move("shop", to=postgres_url)
        rows = call(shop, "rows")
    record = workspace / "data" / "databases" / "moved.json"
    assert json.loads(record.read_text()) == {"shop": "postgresql"}
    with (
        pytest.raises(LoadError, match=r"nothing says where.*MODFRAME_DATABASE_URL_SHOP"),
        start(workspace),
    ):
        pass
    monkeypatch.setenv("MODFRAME_DATABASE_URL_SHOP", postgres_url)
    with start(workspace) as again:
        assert call(again, "rows") == rows


def test_a_start_with_the_variable_of_the_server_finds_that_it_moved_away(
    workspace: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable names the server still, and no second, empty database begins there."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL", postgres_url)
    with start(workspace) as shop:
        rows = call(shop, "rows")
        moved = shop.database.move("shop", to="sqlite")
        assert moved.needs == "MODFRAME_DATABASE_URL_SHOP=sqlite"
        assert "the old schema is shop_moved_" in repr(moved)
        assert call(shop, "rows") == rows
    with pytest.raises(LoadError, match=r"was moved from .* to sqlite"), start(workspace):
        pass
    monkeypatch.setenv("MODFRAME_DATABASE_URL_SHOP", "sqlite")
    with start(workspace) as again:
        assert call(again, "rows") == rows


@pytest.mark.parametrize("engine", ONE_FILE)
def test_a_move_to_the_server_that_fails_changes_nothing(
    workspace: Path, postgres_url: str, engine: str
) -> None:
    """A text that is too long for the server is named; the source goes on, the server is empty."""
    with start(workspace) as shop:
        if engine != "duckdb":
            shop.database.move("shop", to=engine)
        call(shop, "add", "n" * 41)
        before = files(workspace)
        with pytest.raises(
            LoadError, match=r"PostgreSQL doesn't take the rows of table items: .*varying\(40\)"
        ):
            shop.database.move("shop", to=postgres_url)
        assert schemas(postgres_url) == {}
        assert files(workspace) == before
        assert call(shop, "add", "next") == 4
        call(shop, "drop", "n" * 41)
        assert shop.database.move("shop", to=postgres_url).tables["items"] == 3


def test_a_move_from_the_server_that_fails_changes_nothing(
    workspace: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has no arrays, which is the reason of the refusal; the rows stay on the server."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL", postgres_url)
    arrays = (
        API.replace("    twice = Column", "    tags = Column(ARRAY(Integer))\n    twice = Column")
        .replace("import (\n    JSON", "import (\n    ARRAY, JSON")
        .replace("color=", "tags=[1, 2], color=")
    )
    with modframe.start(workspace=workspace, data=workspace / "data") as shop:
        shop.load({"api.py": arrays}, id="shop")
        rows = call(shop, "rows")
        with pytest.raises(LoadError, match=r"items\.tags: SQLite has no arrays"):
            shop.database.move("shop", to="sqlite")
        assert not [name for name in files(workspace) if name.startswith("shop")]
        assert schemas(postgres_url) == {"shop": "modframe: database"}
        assert call(shop, "add", "next") == 3
        call(shop, "drop", "next")
        assert shop.database.move("shop", to="duckdb").tables["items"] == 2
        assert call(shop, "rows") == rows


def test_rows_that_are_there_are_named(shop: AppContext, postgres_url: str) -> None:
    """What a server has stays, and so does what an unfinished start made, unless it has no rows."""
    execute(
        postgres_url,
        "CREATE SCHEMA shop",
        "COMMENT ON SCHEMA shop IS 'modframe: database'",
        "CREATE TABLE shop.items (id integer)",
        "CREATE TABLE shop.other (id integer)",
        "INSERT INTO shop.items VALUES (1), (2)",
    )
    with pytest.raises(DatabaseMoveError, match=r"not empty: items \(2\).*nothing was changed"):
        shop.database.move("shop", to=postgres_url)
    execute(postgres_url, "DELETE FROM shop.items", "CREATE VIEW shop.seen AS SELECT 1 AS one")
    with pytest.raises(DatabaseMoveError, match="not empty: seen;"):
        shop.database.move("shop", to=postgres_url)
    assert call(shop, "add", "next") == 3
    execute(postgres_url, "DROP VIEW shop.seen")
    assert shop.database.move("shop", to=postgres_url).tables["items"] == 3


def test_a_file_with_rows_is_not_overwritten(
    workspace: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of a file that isn't in use stay in it."""
    with start(workspace) as shop:
        rows = call(shop, "rows")
    monkeypatch.setenv("MODFRAME_DATABASE_URL", postgres_url)
    with start(workspace) as shop:
        call(shop, "add", "next")
        with pytest.raises(DatabaseMoveError, match=r"shop\.duckdb has rows.*nothing was changed"):
            shop.database.move("shop", to="duckdb")
        assert call(shop, "add", "more") == 4
    monkeypatch.delenv("MODFRAME_DATABASE_URL")
    with start(workspace) as shop:
        assert call(shop, "rows") == rows


def test_where_it_can_t_go(shop: AppContext, postgres_url: str) -> None:
    """It is said before anything is copied, and no message has the password."""
    for to, text in (
        ("postgresql", "nothing says where the server is"),
        ("sqlite:///elsewhere.sqlite", "name the engine alone"),
        ("mysql://user:secret@host/db", "engine 'mysql', which modframe doesn't have"),
        ("postgresql://user:secret@localhost:1/db", "can't be opened on localhost"),
        (f"{postgres_url}&schema=existing", "leave .schema=existing out"),
    ):
        with pytest.raises(ModframeError, match=f"(?i){text}") as caught:
            shop.database.move("shop", to=to)
        assert "secret" not in str(caught.value)
    execute(postgres_url, "CREATE SCHEMA shop")
    with pytest.raises(DatabaseOpenError, match="that modframe didn't make"):
        shop.database.move("shop", to=postgres_url)
    assert schemas(postgres_url) == {"shop": None}
    assert call(shop, "add", "next") == 3


def test_others_that_write_are_waited_for(
    workspace: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that another program writes meanwhile would be lost, so that one has to end first."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL", postgres_url)
    monkeypatch.setenv("MODFRAME_DATABASE_LOCK_WAIT", "0.2")
    with start(workspace) as shop:
        with psycopg.connect(postgres_url) as other:
            other.execute("UPDATE shop.items SET weight = 7 WHERE id = 2")
            with pytest.raises(ModframeError, match="another program writes to table items"):
                shop.database.move("shop", to="duckdb")
            assert call(shop, "add", "next") == 3
        assert shop.database.move("shop", to="duckdb").tables["items"] == 3
        assert call(shop, "rows")[1][3] == 7


KILLED = """
import os, signal, modframe
from tests.parts.database.transfer.test_move_server import API

def killed(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

app = modframe.start(workspace=".", data="data")
app.load({{"api.py": API}}, id="shop")
from modframe.parts.database import choice
from modframe.parts.database.transfer import moving
{where} = killed
app.database.move("shop", to={to!r})
"""
COPIED, BEFORE_THE_RECORD = "moving.checksum", "choice.Chooser.keep_moved"


@pytest.mark.parametrize("engine", ONE_FILE)
def test_killed_on_the_way_to_the_server(workspace: Path, postgres_url: str, engine: str) -> None:
    """The file has all rows, and the next move takes the place of what was left half done."""
    with start(workspace) as shop:
        if engine != "duckdb":
            shop.database.move("shop", to=engine)
        rows = call(shop, "rows")
    done = run_script(KILLED.format(where=COPIED, to=postgres_url), workspace)
    assert done.returncode == -9, done.stderr
    assert schemas(postgres_url) == {"shop": "modframe: unfinished move; before: "}
    with start(workspace) as shop:
        assert call(shop, "rows") == rows
        assert shop.database.move("shop", to=postgres_url).tables["items"] == 2
        assert call(shop, "rows") == rows
    assert schemas(postgres_url) == {"shop": "modframe: database"}


@pytest.mark.parametrize("engine", ONE_FILE)
def test_killed_on_the_way_from_the_server(
    workspace: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """The server has all rows, the file counts as none, and the next move makes it anew."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL", postgres_url)
    done = run_script(KILLED.format(where=COPIED, to=engine), workspace)
    assert done.returncode == -9, done.stderr
    assert f"shop.{engine}.unfinished" in files(workspace)
    with start(workspace) as shop:
        assert not shop.modules["shop"].findings
        assert call(shop, "add", "next") == 3
        assert shop.database.move("shop", to=engine).tables["items"] == 3
        assert call(shop, "add", "more") == 4
    assert f"shop.{engine}.unfinished" not in files(workspace)


@pytest.mark.soak
def test_killed_before_the_record(workspace: Path, postgres_url: str) -> None:
    """Both have all rows, and the file is used, as it was."""
    with start(workspace) as shop:
        rows = call(shop, "rows")
    done = run_script(KILLED.format(where=BEFORE_THE_RECORD, to=postgres_url), workspace)
    assert done.returncode == -9, done.stderr
    assert schemas(postgres_url) == {"shop": "modframe: database"}
    with start(workspace) as shop:
        assert call(shop, "rows") == rows
        with pytest.raises(DatabaseMoveError, match=r"not empty: items \(2\)"):
            shop.database.move("shop", to=postgres_url)


@pytest.mark.soak
def test_an_unfinished_move_is_taken_back_by_a_start_on_the_server(
    workspace: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that is told to use the server finds no half of the rows there."""
    done = run_script(KILLED.format(where=COPIED, to=postgres_url), workspace)
    assert done.returncode == -9, done.stderr
    monkeypatch.setenv("MODFRAME_DATABASE_URL", postgres_url)
    with start(workspace) as shop:
        assert shop.modules["shop"].findings[0].rule == "database-engine"
        assert call(shop, "add", "next") == 3  # after those that it seeded anew
