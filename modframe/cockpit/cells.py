"""The values of rows as text, exact to the last digit; for tables that a front end shows.

In come rows as a driver gives them. Out go a cell for each value: its text, ``None`` for NULL, or
`Cut` for one that is long; and which columns hold numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

BEGINNING = 200
"""Characters that are sent of a value that is cut."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The beginning of a long value.

    Attributes:
        text: Its first characters.
        size: How much there is of it, in ``unit``: ``"characters"`` or ``"bytes"``.
    """

    text: str
    size: int
    unit: str = "characters"


Cell = str | Cut | None


@dataclass(slots=True)
class Cells:
    """Makes the cells of one answer.

    Attributes:
        longest: Characters of the longest value that is sent whole.
        room: How many more characters are sent; once they are used up, each value is cut.
    """

    longest: int
    room: int

    def rows(self, rows: Iterable[Iterable[object]]) -> list[list[Cell]]:
        """Return the cells of rows."""
        return [[self.cell(value) for value in row] for row in rows]

    def cell(self, value: object, size: int | None = None) -> Cell:
        """Return the cell of a value; ``size`` is given where only its beginning was read."""
        if value is None:
            return None
        most = self.longest if self.longest <= self.room else BEGINNING
        cell = _bytes(value, most) if isinstance(value, _BYTES) else _text(value, most, size)
        self.room -= len(cell.text if isinstance(cell, Cut) else cell)
        return cell


_BYTES = (bytes, bytearray, memoryview)


def _bytes(value: bytes | bytearray | memoryview, most: int) -> str | Cut:
    if len(value) * 2 <= most:
        return text_of(value)
    return Cut(text_of(value[: BEGINNING // 2]), len(value), "bytes")


def _text(value: object, most: int, size: int | None) -> str | Cut:
    text = text_of(value)
    size = len(text) if size is None else size
    return text if size <= most else Cut(text[:BEGINNING], size)


def text_of(value: object) -> str:
    r"""Return a value as text.

    >>> text_of(Decimal("1E+3")), text_of(b"\x00\xff"), text_of({"a": [None, True]})
    ('1000', '\\x00ff', '{"a": [null, true]}')
    """
    match value:
        case bool():
            return "true" if value else "false"
        case Enum():
            return value.name
        case str():
            return value
        case Decimal():
            return format(value, "f")
        case bytes() | bytearray() | memoryview():
            return f"\\x{value.hex()}"
        case datetime():
            return value.isoformat(" ")
        case dict() | list() | tuple():
            return json.dumps(_plain(value), ensure_ascii=False, default=text_of)
    return str(value)


def _plain(value: Any) -> Any:
    """Return a document whose keys are texts."""
    if isinstance(value, dict):
        return {text_of(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def numeric_columns(rows: Sequence[Sequence[object]], width: int) -> list[bool]:
    """Return of each column whether its values are numbers."""
    return [
        any(row[place] is not None for row in rows)
        and all(row[place] is None or _is_number(row[place]) for row in rows)
        for place in range(width)
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool | Enum)
