"""What DuckDB's values become in Python; SQLAlchemy uses these types in place of its own.

Moments of columns with a time zone come back in UTC, whatever the machine's zone is, and a
`Numeric` is a `Decimal` with all its digits.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import types as sqltypes

from ..values import from_database, unzoned, zoned

Processor = Callable[[Any], Any] | None


class DateTime(sqltypes.DateTime):
    """``TIMESTAMP``, or ``TIMESTAMP WITH TIME ZONE``."""

    def bind_processor(self, dialect: Any) -> Processor:
        adjust = zoned if self.timezone else unzoned
        return lambda value: adjust(value) if hasattr(value, "tzinfo") else value

    def result_processor(self, dialect: Any, coltype: object) -> Processor:
        if not self.timezone:
            return None
        return lambda value: from_database(value) if hasattr(value, "tzinfo") else value


class Numeric(sqltypes.Numeric[Any]):
    """``DECIMAL``, with up to 38 digits."""

    def bind_processor(self, dialect: Any) -> Processor:
        return None

    def result_processor(self, dialect: Any, coltype: object) -> Processor:
        if not self.asdecimal:
            return lambda value: None if value is None else float(value)
        return lambda value: value if value is None or type(value) is Decimal else _decimal(value)


def _decimal(value: Any) -> Decimal:
    """Return a result that is no decimal, such as an average, as one."""
    return Decimal(str(value))


COLSPECS = {
    sqltypes.DateTime: DateTime,
    sqltypes.TIMESTAMP: DateTime,
    sqltypes.Numeric: Numeric,
    sqltypes.Float: sqltypes.Float,
}
