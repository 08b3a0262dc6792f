"""What values mean on every engine: values for columns come in, what is stored goes out.

The types of the wings' dialects call this, so that the same models give the same rows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal

WIDE = Context(prec=1000)
"""Keeps all digits of a number."""


def zoned(value: datetime) -> datetime:
    """Return a value for a ``DateTime(timezone=True)`` column, in UTC.

    Raises:
        ValueError: If it has no time zone: every engine would take it for another moment.
    """
    if value.tzinfo is None:
        raise ValueError(
            f"a DateTime(timezone=True) column was given {value!r}, which has no time zone: "
            "use datetime.now(UTC), or value.replace(tzinfo=UTC) if it is in UTC"
        )
    return value.astimezone(UTC)


def unzoned(value: datetime) -> datetime:
    """Return a value for a ``DateTime()`` column: one with a time zone is stored in UTC."""
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def from_database(value: datetime) -> datetime:
    """Return a value of a ``DateTime(timezone=True)`` column in UTC; one without zone is in UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def rounded(value: object, scale: int | None) -> Decimal:
    """Return a value for a `Numeric` column with ``scale`` digits after the point.

    It is rounded half away from zero, as engines do that know decimals.

    Raises:
        ValueError: If it is infinite or not a number.
    """
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite():
        raise ValueError(f"a Numeric column was given {value!r}, which is no number with digits")
    if scale is None:
        return number
    return number.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP, context=WIDE)
