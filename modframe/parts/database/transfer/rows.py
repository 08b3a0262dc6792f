"""`Frame`: rows in bulk as people have them, checked against the columns of a table.

Comes in: a pandas or polars DataFrame, an Arrow table or stream, a Parquet file, or mappings. Goes
out: batches of mappings that fit the model; for an engine that reads Arrow, an Arrow table.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, types
from sqlalchemy.types import TypeEngine

from ....wording import article, one_line
from ..errors import DatabaseError, DatabaseRowsError
from .copying import BATCH

_PLAIN = (
    types.Integer, types.String, types.Float, types.Boolean, types.Date, types.DateTime,
    types.LargeBinary,
)  # fmt: skip
"""Types whose values engines read from Arrow as they are."""
_FREE = (types.JSON, types.Enum, types.ARRAY, types.TypeDecorator, types.Uuid, types.NullType)
"""Types that take several kinds of values: the driver or the engine checks those."""


class Frame:
    """Rows for one table.

    Raises:
        DatabaseRowsError: If columns are unknown, or missing though the table demands them.
        DatabaseError: If it needs a package that isn't installed, or no rows can be read from it.
    """

    def __init__(self, data: Any, table: Table) -> None:
        self.table = table
        self._data = _opened(data, table)
        self.arrow: Any = _as_arrow(self._data)
        self.names = self._names()
        self.columns = [_column(table, name) for name in self.names]
        for column in table.columns:
            if column not in self.columns and _demanded(column):
                raise _fault(
                    table, f"column {column.name!r} is missing, and has no default", column
                )

    def _names(self) -> list[str]:
        if self.arrow is not None:
            return list(self.arrow.schema.names)
        if hasattr(self._data, "columns"):
            return [str(name) for name in self._data.columns]
        self._data = list(self._data)
        names: dict[str, None] = {}
        for number, row in enumerate(self._data):
            if not isinstance(row, Mapping):
                raise _fault(self.table, f"row {number} is {_kind_of(row)}, not a mapping")
            names |= dict.fromkeys(map(str, row))
        return list(names)

    @property
    def fits_as_arrow(self) -> bool:
        """Whether all its columns have Arrow types that are those of the model."""
        return (
            self.arrow is not None
            and all(
                _same_kind(self.arrow.schema.field(name).type, column)
                and (column.nullable or self.arrow.column(name).null_count == 0)
                for name, column in zip(self.names, self.columns, strict=True)
            )
            and not any(_made_by_python(c) for c in self.table.columns if c not in self.columns)
        )

    def batches(self) -> Iterator[list[dict[str, Any]]]:
        """Yield checked rows, `BATCH` at a time: column key → value.

        Raises:
            DatabaseRowsError: At the first value that doesn't fit, with its row and column.
        """
        for start, rows in self._raw():
            yield [self._checked(start + offset, row) for offset, row in enumerate(rows)]

    def _raw(self) -> Iterator[tuple[int, Iterable[Mapping[str, Any]]]]:
        if self.arrow is not None:
            for number, batch in enumerate(self.arrow.to_batches(max_chunksize=BATCH)):
                yield number * BATCH, batch.to_pylist()
        elif hasattr(self._data, "columns"):
            for start in range(0, len(self._data), BATCH):
                part = self._data.iloc[start : start + BATCH].astype(object)
                yield start, part.where(part.notna(), None).to_dict("records")
        else:
            for start in range(0, len(self._data), BATCH):
                yield start, itertools.islice(self._data, start, start + BATCH)

    def _checked(self, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            column.key: _value(self.table, column, number, row.get(name))
            for name, column in zip(self.names, self.columns, strict=True)
        }


def _opened(data: Any, table: Table) -> Any:
    """Return the content of a Parquet file for its path; other data as they are."""
    if isinstance(data, str | Path):
        return _read_parquet(Path(data).absolute(), table)
    if hasattr(data, "to_arrow"):  # polars
        return data.to_arrow()
    framed = hasattr(data, "columns") or hasattr(data, "__arrow_c_stream__")
    if not framed and (isinstance(data, Mapping) or not isinstance(data, Iterable)):
        raise DatabaseError(
            f"no rows can be read from {_kind_of(data)}",
            cure="give a DataFrame, an Arrow table or stream, the path of a Parquet file, or a "
            "list of mappings",
            database="",
        )
    return data


def _read_parquet(file: Path, table: Table) -> Any:
    read = _package("pyarrow.parquet", "a Parquet file").read_table
    broken = import_module("pyarrow").ArrowException
    try:
        if not file.exists():
            raise FileNotFoundError("there is no such file")
        return read(file)
    except (OSError, broken) as exc:
        raise DatabaseRowsError(
            f"rows for table {table.fullname!r}: {str(file)!r} can't be read: {one_line(exc)}; "
            "none was written",
            cure="give the path of a Parquet file that is there and complete, or the rows "
            "themselves, such as a DataFrame",
            database=str(table.metadata.info.get("database", "")),
            table=table.fullname,
            column="",
            row=None,
        ) from exc


def _as_arrow(data: Any) -> Any:
    """Return an Arrow table; ``None`` for mappings, and for DataFrames that can't be one."""
    if hasattr(data, "iloc"):
        try:
            arrow = import_module("pyarrow")
            return arrow.Table.from_pandas(data, preserve_index=False)
        except (ImportError, ValueError, TypeError):  # ArrowInvalid is a ValueError
            return None
    if hasattr(data, "__arrow_c_stream__"):
        return _package("pyarrow", "an Arrow stream").table(data)
    return None


def _package(name: str, what: str) -> Any:
    try:
        return import_module(name)
    except ImportError as exc:
        raise DatabaseError(
            f"{what} needs pyarrow, which isn't installed", cure="run `pip install pyarrow`",
            database="",
        ) from exc  # fmt: skip


def _column(table: Table, name: str) -> Column[Any]:
    column = table.columns.get(name)
    if column is None or column.computed is not None:
        known = ", ".join(column.name for column in table.columns if column.computed is None)
        raise _fault(table, f"there is no column {name!r} to write; there are {known}")
    return column


def _demanded(column: Column[Any]) -> bool:
    counted = column is column.table.autoincrement_column
    has_default = column.default is not None or column.server_default is not None
    return not (column.nullable or counted or has_default or column.computed is not None)


def _made_by_python(column: Column[Any]) -> bool:
    return column.default is not None and not column.default.is_sequence


def _same_kind(arrow_type: Any, column: Column[Any]) -> bool:
    kind: TypeEngine[Any] = column.type
    if not isinstance(kind, _PLAIN) or isinstance(kind, _FREE) or getattr(kind, "timezone", False):
        return False
    check = import_module("pyarrow").types
    kinds = {
        int: (check.is_integer,),
        float: (check.is_floating, check.is_integer),
        str: (check.is_string, check.is_large_string),
        bool: (check.is_boolean,),
        datetime.date: (check.is_date,),
        datetime.datetime: (lambda given: check.is_timestamp(given) and given.tz is None,),
        bytes: (check.is_binary, check.is_large_binary),
    }
    return any(fits(arrow_type) for fits in kinds.get(kind.python_type, ()))


def _value(table: Table, column: Column[Any], number: int, value: Any) -> Any:
    """Return a value as the column takes it.

    A whole float is an int, since pandas makes floats of columns with gaps; midnight is a date.
    """
    if value is None:
        if column.nullable:
            return None
        text = "it has no value" + (
            "" if _demanded(column) else "; give each row one, or leave the column out of all"
        )
        raise _fault(table, f"row {number}, column {column.name!r}: {text}", column, number)
    kind = column.type
    if isinstance(kind, _FREE):
        return value
    wanted = kind.python_type
    if wanted is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if wanted is datetime.date and isinstance(value, datetime.datetime):
        if value.time() == datetime.time():
            return value.date()
    elif isinstance(value, wanted) and not (isinstance(value, bool) and wanted is int):
        length = getattr(kind, "length", None)
        if length is None or len(value) <= length:
            return value
        text = f"{value[:40]!r} is longer than the {length} that the model says"
        raise _fault(table, f"row {number}, column {column.name!r}: {text}", column, number)
    elif wanted in (float, Decimal) and isinstance(value, int | float | Decimal):
        return wanted(str(value)) if wanted is Decimal else float(value)
    text = f"{value!r} is {_kind_of(value)}, and the model says {kind!r}"
    raise _fault(table, f"row {number}, column {column.name!r}: {text}", column, number)


def _kind_of(value: object) -> str:
    return article(type(value).__name__)


def _fault(
    table: Table, text: str, column: Column[Any] | None = None, row: int | None = None
) -> DatabaseRowsError:
    return DatabaseRowsError(
        f"rows for table {table.fullname!r}: {text}; none was written",
        cure="correct the data, or the model; rows are counted from 0",
        database=str(table.metadata.info.get("database", "")),
        table=table.fullname,
        column=column.name if column is not None else "",
        row=row,
    )
