"""Rows in bulk: DataFrames, Arrow, Parquet and mappings into a table of a module's models."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy.exc import IntegrityError

import modframe
from modframe.app import AppContext
from modframe.errors import ModframeError
from modframe.parts.database.errors import DatabaseRowsError

API = """
import datetime

from core.app_context import app_context
from core.database import get_database_base
from modframe.decorators import module
from sqlalchemy import (
    JSON, Boolean, Column, Date, DateTime, Float, ForeignKey, Integer, Numeric, String,
)

DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    name = Column(String(20), nullable=False, unique=True)
    price = Column(Float)
    stock = Column(Integer)
    active = Column(Boolean, default=True)
    day = Column(Date)
    at = Column(DateTime)


class Line(Base):
    __tablename__ = "lines"
    id = Column(Integer, primary_key=True)
    item_id = Column(Integer, ForeignKey("items.id"))


class Note(Base):
    __tablename__ = "notes"
    id = Column(Integer, primary_key=True)
    data = Column(JSON)
    cost = Column(Numeric(20, 2))


@module
class Shop:
    async def store(self, data) -> int:
        return await app_context.database.insert("shop.items", data)
"""
DAY = datetime.datetime(2026, 1, 19)
FRAME = pd.DataFrame(
    {"name": ["a", "b", "c"], "price": [1.5, None, 2], "stock": [1, 2, None], "day": [DAY] * 3}
)


@pytest.fixture
def shop(app: AppContext) -> AppContext:
    app.load({"api.py": API}, id="shop")
    return app


def names(app: AppContext) -> list[Any]:
    return [name for (name,) in app.database.sql("SELECT name FROM shop.items ORDER BY id").rows]


def forms(tmp_path: Path) -> dict[str, Any]:
    pa = pytest.importorskip("pyarrow")
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    path = tmp_path / "items.parquet"
    __import__("pyarrow.parquet").parquet.write_table(table, path)
    rows = [{"name": "a", "price": 1.5, "stock": 1}, {"name": "b", "stock": 2}, {"name": "c"}]
    return {"frame": FRAME, "table": table, "stream": table.to_reader(), "file": path, "rows": rows}


@pytest.mark.parametrize("form", ["frame", "table", "stream", "file", "rows"])
async def test_each_form_gives_the_same_rows(shop: AppContext, tmp_path: Path, form: str) -> None:
    """Gaps are NULL, defaults of the model apply, and keys are counted."""
    assert await shop.database.insert("shop.items", forms(tmp_path)[form]) == 3
    rows = shop.database.sql("SELECT id, name, price, stock, active FROM shop.items ORDER BY 1")
    prices = [1.5, None, None] if form == "rows" else [1.5, None, 2.0]
    assert rows.rows == [
        (1, "a", prices[0], 1, True), (2, "b", prices[1], 2, True), (3, "c", prices[2], None, True)
    ]  # fmt: skip


async def test_arrow_goes_by_one_statement_and_keys_go_on(shop: AppContext) -> None:
    """Rows with keys of their own leave the counter behind them."""
    frame = pd.DataFrame(
        {"id": range(1, 5001), "name": map(str, range(5000)), "active": True, "at": DAY}
    )
    assert await shop.database.insert("shop.items", frame) == 5000
    assert await shop.database.insert("shop.items", [{"name": "next"}]) == 1
    found = shop.database.sql('SELECT max(id), max("at") FROM shop.items').rows
    assert found == [(5001, DAY)]


async def test_values_that_python_makes(shop: AppContext) -> None:
    """JSON and exact numbers are written as the models say."""
    rows = [{"data": {"a": [1]}, "cost": "1"}]
    with pytest.raises(ModframeError, match="row 0, column 'cost'"):
        await shop.database.insert("shop.notes", rows)
    assert await shop.database.insert("shop.notes", [{"data": {"a": [1]}, "cost": 12.3}]) == 1


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ([{"name": "a"}, {"name": "b", "stock": "many"}], "row 1, column 'stock': 'many' is a str"),
        (pd.DataFrame({"name": ["a", "b"], "stock": [1.0, 1.5]}), "row 1, column 'stock': 1.5"),
        (pd.DataFrame({"name": ["a", None]}), "row 1, column 'name': it has no value"),
        (pd.DataFrame({"name": ["a", 3]}), "row 1, column 'name': 3 is an int"),
        (pd.DataFrame({"nam": ["a"]}), "no column 'nam' to write; there are id, name"),
        (pd.DataFrame({"price": [1.0]}), "column 'name' is missing"),
        ([{"name": "x" * 21}], "longer than the 20"),
        (
            [{"id": 1, "name": "a"}, {"name": "b"}],
            "row 1, column 'id': it has no value; give each row",
        ),
        (
            [{"name": "a"}, {"id": 2, "name": "b"}],
            "row 0, column 'id': it has no value; give each row",
        ),
        (
            pd.DataFrame({"name": ["a", "b"], "id": [1, None]}),
            "row 1, column 'id': it has no value",
        ),
        ([3], "row 0 is an int"),
        (3, "no rows can be read from an int"),
    ],
)
async def test_errors_name_row_and_column(shop: AppContext, data: Any, text: str) -> None:
    """A value that doesn't fit is named by its row and column, and nothing is written."""
    with pytest.raises(ModframeError, match=text):
        await shop.database.insert("shop.items", data)
    assert names(shop) == []


@pytest.mark.parametrize("content", [None, b"", b"PAR1 and no more", b"id,name"])
async def test_a_file_that_cant_be_read(
    shop: AppContext, tmp_path: Path, content: bytes | None
) -> None:
    """A Parquet file that is missing or broken is named by its path, with the cause."""
    pytest.importorskip("pyarrow")
    file = tmp_path / "items.parquet"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DatabaseRowsError) as caught:
        await shop.database.insert("shop.items", file)
    text = str(caught.value)
    assert f"rows for table 'items': '{file}' can't be read: " in text
    assert ("there is no such file" in text) is (content is None)
    assert "Give the path of a Parquet file" in text
    with pytest.raises(DatabaseRowsError, match="can't be read"):
        await shop.get_service("shop").store(str(file))
    assert names(shop) == []


async def test_a_key_that_is_there_already(shop: AppContext) -> None:
    """It is SQLAlchemy's error, and no row of the batch stays."""
    await shop.database.insert("shop.items", [{"name": "b"}])
    with pytest.raises(IntegrityError):
        await shop.database.insert("shop.items", FRAME)
    assert names(shop) == ["b"]


async def test_an_unknown_table_is_named(shop: AppContext) -> None:
    """The nearest name is said."""
    with pytest.raises(ModframeError, match=r"'shop\.item'.*shop\.items"):
        await shop.database.insert("shop.item", FRAME)


async def test_in_module_code(shop: AppContext) -> None:
    """A module writes through its own app_context."""
    assert await shop.get_service("shop").store(FRAME) == 3
    assert names(shop) == ["a", "b", "c"]


@pytest.mark.parametrize("many", [True, False], ids=["frame", "rows"])
async def test_references_are_checked(shop: AppContext, many: bool) -> None:
    """A row that refers to none is refused, however the rows are written."""
    await shop.database.insert("shop.items", [{"name": "a"}])
    rows = [{"item_id": 1}, {"item_id": 7}]
    with pytest.raises(IntegrityError):
        await shop.database.insert("shop.lines", pd.DataFrame(rows) if many else rows)
    assert shop.database.sql("SELECT count(*) FROM shop.lines").rows == [(0,)]


COUNTED = """
from core.app_context import app_context
from core.database import get_database_base
from modframe.decorators import module
from sqlalchemy import BigInteger, Column, Identity, Integer, Sequence, String, func, select

DATABASE_NAME = "counted"
Base = get_database_base(DATABASE_NAME)


class Plain(Base):
    __tablename__ = "plain"
    id = Column(Integer, primary_key=True)
    name = Column(String)


class Named(Base):
    __tablename__ = "The Names"
    number = Column("The Number", BigInteger, Identity(), primary_key=True)
    name = Column(String)


class Elsewhere(Base):
    __tablename__ = "elsewhere"
    __table_args__ = {"schema": "Other Place"}
    id = Column(Integer, primary_key=True)
    name = Column(String)


class Own(Base):
    __tablename__ = "own"
    id = Column(Integer, Sequence("own_numbers", metadata=Base.metadata), primary_key=True)
    name = Column(String)


@module
class Counted:
    async def newest(self, table) -> int:
        rows = Base.metadata.tables[table]
        newest = select(func.max(*rows.primary_key)).where(rows.c.name == "counted")
        async with app_context.database.integrity_session("counted", "newest") as session:
            return await session.scalar(newest)
"""
NO_SCHEMAS = '    __table_args__ = {"schema": "Other Place"}\n'


@pytest.fixture
def counted(
    database_url: str, engine: str, monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> Iterator[AppContext]:
    """Tables with keys of each kind, on each engine."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL", database_url)
    with modframe.start(workspace=workspace, data=workspace / "data") as app:
        text = COUNTED.replace(NO_SCHEMAS, "") if engine == "sqlite" else COUNTED
        app.load({"api.py": text}, id="counted")
        yield app


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("plain", "id"),
        ("The Names", "The Number"),
        ("Other Place.elsewhere", "id"),
        ("own", "id"),
    ],
)
def test_keys_go_on_after_those_that_were_given(
    counted: AppContext, engine: str, table: str, key: str
) -> None:
    """Few or many at once, whatever numbers them; lower keys don't take the counter back."""
    table = table.rpartition(".")[2] if engine == "sqlite" else table

    def insert(*keys: int) -> None:
        rows = [{key: number, "name": "given"} for number in keys] or [{"name": "counted"}]
        counted.database.insert(f"counted.{table}", rows).result()

    def newest() -> int:
        number: int = counted.get_service("counted").newest(table).result()
        return number

    insert(1, 2, 3)
    insert()
    assert newest() == 4
    insert(5_000)
    insert()
    assert newest() == 5_001
    insert(100)
    insert()
    assert newest() in (5_002, 5_003)  # DuckDB looks at the counter by taking a number
