"""`Table`: rows under column names, ready to be shown; HTML, terminals and text draw it.

In come cells of any kind. Columns that have nothing to say are left out, and columns of numbers
are found, so that every display aligns them to the right.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest

from .wording import one_line

_NUMBER = re.compile(r"[<≤~]?\s?-?\d+(\.\d+)?( ?(ms|s|min|h|%|B|KB|MB|GB|rows?))?\Z")
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Table:
    """Rows to be shown.

    Attributes:
        head: The names of the columns; empty if they have none.
        rows: The cells of each row.
        right: The columns, counted from 0, that are aligned to the right.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    right: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls,
        rows: Iterable[Sequence[object]],
        *,
        head: Sequence[str] = (),
        right: Collection[int] | None = None,
    ) -> Table:
        """Return a table without the columns that say nothing; those of numbers go to the right.

        With ``right``, which says which columns those are, no column is left out.

        >>> Table.of([("tea", None, 3), ("milk", "", 12)], head=("what", "note", "price"))
        Table(head=('what', 'price'), rows=(('tea', 3), ('milk', 12)), right=frozenset({1}))
        """
        kept = tuple(map(tuple, rows))
        if right is not None or not kept:
            return cls(tuple(head), kept, frozenset(right or ()))
        columns = [
            (name, cells)
            for name, cells in zip_longest(head, zip(*kept, strict=True), fillvalue="")
            if any(map(_says, cells))
        ]
        return cls(
            tuple(name for name, _ in columns) if head else (),
            tuple(zip(*(cells for _, cells in columns), strict=True)),
            frozenset(place for place, (_, cells) in enumerate(columns) if are_numbers(cells)),
        )

    def texts(self) -> list[tuple[str, ...]]:
        """Return the cells of the head and of each row as text of one line."""
        rows = [self.head, *self.rows] if self.head else self.rows
        return [tuple(map(one_line, row)) for row in rows]

    def aligned(self) -> Iterator[tuple[str, ...]]:
        """Yield the cells of the head and of each row, filled to the widths of their columns."""
        texts = self.texts()
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        for row in texts:
            yield tuple(
                cell.rjust(width) if place in self.right else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )

    def lines(self, *, ruled: bool = False) -> Iterator[str]:
        """Yield the head, with a rule below it if that is wanted, and each row as text."""
        for number, cells in enumerate(self.aligned()):
            yield _GAP.join(cells).rstrip()
            if ruled and not number:
                yield _GAP.join("─" * len(cell) for cell in cells)


def are_numbers(cells: Iterable[object]) -> bool:
    """Return whether the cells that say something are numbers, with their units perhaps."""
    told = [cell for cell in cells if _says(cell)]
    return bool(told) and all(map(_is_number, told))


def _is_number(cell: object) -> bool:
    if isinstance(cell, bool):
        return False
    if isinstance(cell, int | float | Decimal):
        return True
    return isinstance(cell, str) and _NUMBER.match(cell) is not None


def _says(cell: object) -> bool:
    return cell is not None and cell != ""
