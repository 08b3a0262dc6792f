"""`Rows`: the frozen result of a query, as text, as HTML, and as a DataFrame or an Arrow table.

Made by `Query.run`, and returned to the caller of ``app.database.sql``. pandas, pyarrow and polars
are imported by the methods that need them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .... import html
from ....table import Table
from ....wording import count, duration, one_line
from ..errors import DatabaseError

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]  # ships no annotations

SHOWN = 50
"""Rows that a notebook shows."""
TEXT_SHOWN, TEXT_WIDTH = 10, 40
"""Rows that a text shows, and characters of each value."""
_NUMBERS = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*|BIGNUM)\Z")
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)\Z")
_ARROW = {
    "BOOLEAN": "bool_", "TINYINT": "int8", "SMALLINT": "int16", "INTEGER": "int32",
    "BIGINT": "int64", "UTINYINT": "uint8", "USMALLINT": "uint16", "UINTEGER": "uint32",
    "UBIGINT": "uint64", "FLOAT": "float32", "DOUBLE": "float64", "VARCHAR": "string",
    "BLOB": "binary", "DATE": "date32",
}  # fmt: skip
"""DuckDB's types → pyarrow's functions for those that an empty column needs to be told."""


@dataclass(frozen=True, repr=False)
class Rows:
    """The result of a query.

    Attributes:
        rows: The rows, as tuples.
        columns: The columns' names.
        types: The columns' types, as DuckDB names them.
        took: Seconds that the query took.
        cut: Whether there are more rows than ``limit`` let through.
    """

    rows: list[tuple[Any, ...]]
    columns: tuple[str, ...]
    types: tuple[str, ...] = field(default=(), compare=False)
    took: float = field(default=0.0, compare=False)
    cut: bool = field(default=False, compare=False)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def df(self) -> DataFrame:
        """Return the rows as a pandas DataFrame.

        Raises:
            DatabaseError: If pandas isn't installed.
        """
        return _library("pandas", "df").DataFrame.from_records(
            self.rows, columns=list(self.columns)
        )

    def arrow(self) -> Any:
        """Return the rows as a pyarrow Table.

        Raises:
            DatabaseError: If pyarrow isn't installed.
        """
        arrow = _library("pyarrow", "arrow")
        types = self.types or ("",) * len(self.columns)
        arrays = [
            arrow.array([row[place] for row in self.rows], type=_arrow_type(arrow, kind))
            for place, kind in enumerate(types)
        ]
        return arrow.Table.from_arrays(arrays, names=list(self.columns))

    def pl(self) -> Any:
        """Return the rows as a polars DataFrame.

        Raises:
            DatabaseError: If polars isn't installed.
        """
        return _library("polars", "pl").DataFrame(
            self.rows, schema=list(self.columns), orient="row", infer_schema_length=None
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    @property
    def summary(self) -> str:
        """How many rows there are, and how long the query took: ``2 rows in 3 ms``."""
        return f"{count(self.count, 'row')}{self._timing}"

    @property
    def _timing(self) -> str:
        took = f" in {duration(self.took)}" if self.took else ""
        return took + ("; there are more, limit=... lets more through" if self.cut else "")

    def __repr__(self) -> str:
        columns = ", ".join(self.columns)
        return f"<Rows: {count(self.count, 'row')} of {columns}{self._timing}>"

    def __str__(self) -> str:
        """Return the first rows as a table of plain text, numbers to the right."""
        texts = [[_text(cell) for cell in row] for row in self.rows[:TEXT_SHOWN]]
        head = [one_line(name) for name in self.columns]
        table = "\n".join(Table.of(texts, head=head, right=self._numeric).lines(ruled=True))
        hidden = self.count - len(texts)
        return f"{table}\n{f'… {hidden} more · ' if hidden else ''}{self.summary}"

    def _repr_html_(self) -> str:
        null = html.soft("NULL")
        table = html.table(
            [[null if cell is None else cell for cell in row] for row in self.rows[:SHOWN]],
            head=self.columns,
            right=self._numeric,
            draw={},
        )
        hidden = self.count - SHOWN
        more = f"… {hidden} more · " if hidden > 0 else ""
        return html.row(table, html.tag("div", html.soft(f"{more}{self.summary}")))

    @property
    def _numeric(self) -> frozenset[int]:
        """Which columns hold numbers."""
        return frozenset(place for place, kind in enumerate(self.types) if _NUMBERS.match(kind))


def _text(value: object) -> str:
    text = "NULL" if value is None else one_line(value)
    return text if len(text) <= TEXT_WIDTH else f"{text[: TEXT_WIDTH - 1]}…"


def _library(name: str, method: str) -> Any:
    try:
        return import_module(name)
    except ImportError as exc:
        raise DatabaseError(
            f"{method}() needs {name}, which isn't installed",
            cure=f"run `pip install {name}`, or use .rows and .columns",
            database="",
        ) from exc


def _arrow_type(arrow: Any, kind: str) -> Any:
    """Return pyarrow's type for one of DuckDB; ``None`` leaves it to the values."""
    if decimal := _DECIMAL.match(kind):
        return arrow.decimal128(int(decimal[1]), int(decimal[2]))
    if kind.startswith("TIMESTAMP"):
        return arrow.timestamp("us", tz="UTC" if "ZONE" in kind else None)
    return getattr(arrow, _ARROW[kind])() if kind in _ARROW else None
