"""What the dialect makes of types."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import (
    REAL,
    Column,
    Float,
    Integer,
    Numeric,
    String,
    event,
    func,
    insert,
    select,
    text,
)

from modframe.database import get_database_base
from modframe.parts.database.databases import Databases
from modframe.parts.database.duckdb.dialect import ModframeDuckDB
from modframe.parts.database.errors import UnsupportedByDuckDBError


def test_a_float_keeps_its_precision() -> None:
    """SQLAlchemy's `Float` is DuckDB's DOUBLE, so 12.9 comes back as 12.9; REAL stays REAL."""
    compiler = ModframeDuckDB().type_compiler_instance
    kinds = [Float(), Float(53), REAL(), Float(24), Numeric(10, 2)]
    assert [compiler.process(one) for one in kinds] == [
        "DOUBLE", "DOUBLE", "REAL", "REAL", "NUMERIC(10, 2)",
    ]  # fmt: skip


async def test_savepoints_are_refused_with_a_cure() -> None:
    """DuckDB has no savepoints; the error says what to do instead."""
    async with (
        Databases(None) as databases,
        databases.session("shop", "nested") as session,
    ):
        with pytest.raises(UnsupportedByDuckDBError, match="session of its own"):
            async with session.begin_nested():
                await session.execute(text("SELECT 1"))


async def test_many_rows_are_sent_by_few_statements() -> None:
    """DuckDB plans each statement anew, so a thousand rows are one ``VALUES``, in either way."""
    base = get_database_base("shop")

    class Item(base):  # type: ignore[misc, valid-type]
        __tablename__ = "items"
        id = Column(Integer, primary_key=True)
        name = Column(String, nullable=False)

    sent: list[int] = []  # the rows of each statement

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement.partition("VALUES")[2].count("("))

    async with Databases(None) as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "fill") as session:
            connection = await session.connection()
            event.listen(connection.engine.sync_engine, "before_cursor_execute", note)
            rows = [{"id": number, "name": f"item {number}"} for number in range(2500)]
            await session.execute(insert(Item), rows)
            session.add_all(Item(id=number, name="other") for number in range(2500, 5000))
            await session.commit()
            assert sent == [1000, 1000, 500] * 2
            assert await session.scalar(select(func.count()).select_from(Item)) == 5000
