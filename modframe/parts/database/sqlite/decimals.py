"""Numbers that are kept as texts: how SQLite compares and adds them, with all their digits.

Each connection gets the collation and the aggregate. Tables name the collation, so that ORDER BY,
comparisons, MIN, MAX, UNIQUE and indexes follow the numbers; other programs can read such a column,
but not sort by it, which is an error there and no wrong order.
"""

from __future__ import annotations

import sqlite3
from decimal import Context, Decimal, InvalidOperation

COLLATION = "MODFRAME_DECIMAL"
SUM = "modframe_decimal_sum"
_WIDE = Context(prec=1000)


def know_decimals(native: sqlite3.Connection) -> None:
    """Let a connection compare and add numbers that are texts."""
    native.create_collation(COLLATION, _compare)
    native.create_window_function(SUM, 1, Sum)


def _compare(one: str, other: str) -> int:
    try:
        first, second = Decimal(one), Decimal(other)
        return (first > second) - (first < second)
    except InvalidOperation:  # written by another program
        return (one > other) - (one < other)


class Sum:
    """``sum``, also over a window; NULL without values."""

    def __init__(self) -> None:
        self._sum = Decimal(0)
        self._count = 0

    def step(self, value: str | float | None) -> None:
        """Add a value."""
        self._add(value, 1)

    def inverse(self, value: str | float | None) -> None:
        """Take a value away that has left the window."""
        self._add(value, -1)

    def _add(self, value: str | float | None, sign: int) -> None:
        if value is not None:
            self._sum = _WIDE.add(self._sum, sign * Decimal(str(value)))
            self._count += sign

    def value(self) -> str | None:
        """Return the sum of the window."""
        return format(self._sum, "f") if self._count else None

    finalize = value
