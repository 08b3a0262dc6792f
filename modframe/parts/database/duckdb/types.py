"""What DuckDB's values become in Python; SQLAlchemy uses these types in place of its own.

Moments of columns with a time zone come back in UTC, whatever the machine's zone is, and a
`Numeric` is a `Decimal` with all its digits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import types as sqltypes
from sqlalchemy.dialects import postgresql

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


class Interval(postgresql.INTERVAL):
    """``INTERVAL``, which has microseconds and no other precision."""

    @classmethod
    def adapt_emulated_to_native(cls, interval: Any, **_: Any) -> Interval:  # type: ignore[override]
        """Return this type for SQLAlchemy's."""
        return cls(precision=interval.second_precision)

    def literal_processor(self, dialect: Any) -> Processor:
        return lambda value: f"to_microseconds({value // timedelta(microseconds=1)})"


class _Place:
    """Binds a place in a JSON document as DuckDB's path to it, such as ``$."tags"[0]``.

    A key alone would be read as a path if it begins with ``$`` or ``/``.
    """

    def bind_processor(self, dialect: Any) -> Processor:
        return _path

    def literal_processor(self, dialect: Any) -> Processor:
        quote: Any = sqltypes.String().literal_processor(dialect)  # type: ignore[no-untyped-call]
        return lambda value: quote(_path(value))


def _path(value: Any) -> str:
    steps = [value] if isinstance(value, str | int) else value
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else _key(step) for step in steps)


def _key(step: Any) -> str:
    escaped = str(step).replace("\\", "\\\\").replace('"', '\\"')
    return f'."{escaped}"'


class JSONIndexType(_Place, sqltypes.JSON.JSONIndexType):  # type: ignore[misc]
    """A key, or a number in an array; of any kind."""


class JSONIntIndexType(_Place, sqltypes.JSON.JSONIntIndexType):  # type: ignore[misc]
    """A number in an array; a negative one counts from its end."""


class JSONStrIndexType(_Place, sqltypes.JSON.JSONStrIndexType):  # type: ignore[misc]
    """A key of an object."""


class JSONPathType(_Place, sqltypes.JSON.JSONPathType):  # type: ignore[misc]
    """A sequence of keys and numbers."""


COLSPECS = {
    sqltypes.DateTime: DateTime,
    sqltypes.TIMESTAMP: DateTime,
    sqltypes.Numeric: Numeric,
    sqltypes.Float: sqltypes.Float,
    sqltypes.Interval: Interval,
    sqltypes.JSON.JSONIndexType: JSONIndexType,
    sqltypes.JSON.JSONIntIndexType: JSONIntIndexType,
    sqltypes.JSON.JSONStrIndexType: JSONStrIndexType,
    sqltypes.JSON.JSONPathType: JSONPathType,
}
