"""What the dialect makes of types."""

from __future__ import annotations

import pytest
from sqlalchemy import REAL, Float, Numeric, text

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
