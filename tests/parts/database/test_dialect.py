"""What the dialect makes of types."""

from __future__ import annotations

from sqlalchemy import REAL, Float, Numeric

from modframe.parts.database.duckdb.dialect import ModframeDuckDB


def test_a_float_keeps_its_precision() -> None:
    """SQLAlchemy's `Float` is DuckDB's DOUBLE, so 12.9 comes back as 12.9; REAL stays REAL."""
    compiler = ModframeDuckDB().type_compiler_instance
    kinds = [Float(), Float(53), REAL(), Float(24), Numeric(10, 2)]
    assert [compiler.process(one) for one in kinds] == [
        "DOUBLE", "DOUBLE", "REAL", "REAL", "NUMERIC(10, 2)",
    ]  # fmt: skip
