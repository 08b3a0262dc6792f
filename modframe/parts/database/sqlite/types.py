"""How SQLite keeps what it has no type for; SQLAlchemy uses these types in place of its own.

Dates and times are texts of ISO 8601, those with a time zone in UTC and with ``+00:00``.
`Numeric` of up to 15 digits is a number, for those a double keeps; of more digits it is a text.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import types as sqltypes
from sqlalchemy.dialects.sqlite.base import SQLiteTypeCompiler

from ..values import from_database, rounded, unzoned, zoned

EXACT_DIGITS = 15
"""Decimal digits that a double keeps."""
TEXT_NUMBER = "NUMERIC_TEXT"
"""The type's name in a table; SQLite gives a column with "TEXT" in it the affinity of texts."""

Processor = Callable[[Any], Any] | None


class DateTime(sqltypes.DateTime):
    """A moment as a text, such as ``2026-01-31 08:00:00.000000+00:00``."""

    def bind_processor(self, dialect: Any) -> Processor:
        adjust, offset = (zoned, "+00:00") if self.timezone else (unzoned, "")

        def process(value: Any) -> str | None:
            if value is None:
                return None
            if not isinstance(value, datetime):
                if not isinstance(value, date):
                    raise TypeError(f"a DateTime column was given {value!r}, which is no datetime")
                value = datetime.combine(value, time())
            text = adjust(value).replace(tzinfo=None).isoformat(" ", "microseconds")
            return f"{text}{offset}"

        return process

    def literal_processor(self, dialect: Any) -> Processor:
        process = self.bind_processor(dialect)
        return lambda value: f"'{process(value)}'" if process is not None else None

    def result_processor(self, dialect: Any, coltype: object) -> Processor:
        if self.timezone:
            return lambda text: None if text is None else from_database(_moment(text))
        return lambda text: None if text is None else unzoned(_moment(text))


def _moment(text: Any) -> datetime:
    return datetime.fromisoformat(text)


class Numeric(sqltypes.Numeric[Any]):
    """A number with all its digits."""

    def bind_processor(self, dialect: Any) -> Processor:
        scale, as_text = self.scale, is_text(self)

        def process(value: Any) -> str | float | None:
            if value is None:
                return None
            number = rounded(value, scale)
            if not as_text:
                return self._exact_double(number)
            return format(number if scale is not None else _shortened(number), "f")

        return process

    def _exact_double(self, number: Decimal) -> float:
        double = float(number)
        if Decimal(repr(double)) != number:
            raise ValueError(
                f"a {self!r} column was given {number}, which has more than {EXACT_DIGITS} digits: "
                "give the column a larger precision, for example Numeric(30, 10)"
            )
        return double

    def literal_processor(self, dialect: Any) -> Processor:
        process = self.bind_processor(dialect)
        return lambda value: repr(process(value)) if process is not None else None

    def result_processor(self, dialect: Any, coltype: object) -> Processor:
        if not self.asdecimal:
            return lambda value: None if value is None else float(value)
        if self.scale is None:
            return lambda value: None if value is None else Decimal(str(value))
        digits = f".{self.scale}f"

        def process(value: Any) -> Decimal | None:
            if value is None or isinstance(value, str):
                return None if value is None else Decimal(value)
            return Decimal(format(value, digits))

        return process


def is_text(kind: sqltypes.TypeEngine[Any]) -> bool:
    """Return whether numbers of a type are kept as texts, since a double loses digits of them."""
    return (
        isinstance(kind, sqltypes.Numeric)
        and not isinstance(kind, sqltypes.Float)
        and (kind.precision is None or kind.precision > EXACT_DIGITS)
    )


def _shortened(number: Decimal) -> Decimal:
    """Return a number without zeros at its end, so that equal numbers are equal texts."""
    return Decimal(0) if not number else number.normalize()


class TypeCompiler(SQLiteTypeCompiler):
    """Names of types in tables."""

    def visit_NUMERIC(self, type_: Any, **kw: Any) -> str:  # noqa: N802  # SQLAlchemy's
        """Return ``NUMERIC(p, s)``, or ``NUMERIC_TEXT(p, s)`` for one that is kept as a text."""
        text: str = super().visit_NUMERIC(type_, **kw)
        return text.replace("NUMERIC", TEXT_NUMBER) if is_text(type_) else text

    def visit_DECIMAL(self, type_: Any, **kw: Any) -> str:  # noqa: N802  # SQLAlchemy's
        """Return the same as for `Numeric`: it is the same type."""
        return self.visit_NUMERIC(type_, **kw)


COLSPECS = {
    sqltypes.DateTime: DateTime,
    sqltypes.TIMESTAMP: DateTime,
    sqltypes.Numeric: Numeric,
    sqltypes.Float: sqltypes.Float,
}
REFLECTED = {TEXT_NUMBER: sqltypes.NUMERIC}
