"""`SQLiteTables`: tables of a SQLite file as Arrow, for people's queries.

The tables that a query names are copied into a temporary file first, by Python's own SQLite, and
the Arrow driver reads that. The driver has an SQLite of its own, and two of them must not have one
file open in one process: when the driver closes it, the locks of the other are gone, and another
process writes into the middle of a transaction.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import adbc_driver_sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from ..adbc import ArrowDriver
from ..arrow import ArrowTable, Types, is_wanted
from ..names import quoted
from .decimals import know_decimals

_PRECISION = re.compile(r"\((\d+)(?:,\s*(\d+))?\)")
_MARKERS = {"integer": "0", "real": "0.0", "text": "''", "blob": "x''"}
"""How a column is kept → a value of that kind, from which the driver learns the column's type."""
_TIMES = {"DATETIME": "TIMESTAMP", "TIMESTAMP": "TIMESTAMP", "DATE": "DATE", "TIME": "TIME"}


async def source(engine: AsyncEngine) -> SQLiteTables:
    """Return what reads the file that an engine is on."""
    async with engine.connect() as connection:
        query = "SELECT file FROM pragma_database_list WHERE name = 'main'"
        path = (await connection.exec_driver_sql(query)).scalar_one()
        await connection.rollback()
    return SQLiteTables(Path(str(path)))


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: how it is kept, and its type to DuckDB."""

    name: str
    kept: str
    type: str

    @property
    def expression(self) -> str:
        """The column as the copy keeps it; a value of another kind than its column's is a text."""
        name = quoted(self.name)
        if self.kept in ("text", "blob"):
            return f"CAST({name} AS {self.kept.upper()})"
        whole = f"CAST({name} AS REAL)" if self.kept == "real" else name
        kinds = "'integer', 'real'" if self.kept == "real" else "'integer'"
        return f"CASE WHEN typeof({name}) IN ({kinds}) THEN {whole} ELSE CAST({name} AS TEXT) END"


class SQLiteTables:
    """The `ArrowSource` of one file, which is opened for reading only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._native: sqlite3.Connection | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._copy: ArrowDriver | None = None

    def open(self) -> None:
        self._folder = TemporaryDirectory(prefix="modframe-sql-", ignore_cleanup_errors=True)
        self._native = sqlite3.connect(
            f"file:{quote(str(self._path))}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,  # another thread interrupts it
        )
        know_decimals(self._native)
        self._native.execute("ATTACH ? AS copy", [self._copy_at("rwc")])
        self._native.execute("PRAGMA copy.journal_mode = OFF")
        self._native.execute("PRAGMA copy.synchronous = OFF")
        self._native.execute("BEGIN")

    def tables(self) -> tuple[str, ...]:
        rows = self.execute(
            "SELECT name FROM main.sqlite_master WHERE type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
        )
        return tuple(str(name) for (name,) in rows)

    def read(self, wanted: Mapping[str, str | None], types: Types) -> dict[str, ArrowTable]:
        found = {}
        for number, (table, text) in enumerate(wanted.items()):
            columns = self._columns(table, types.get(table, {}))
            kept = ", ".join(
                f"{column.expression if is_wanted(column.name, text) else 'NULL'} AS c{place}"
                for place, column in enumerate(columns)
            )
            self.execute(f"CREATE TABLE copy.t{number} AS SELECT {kept} FROM main.{quoted(table)}")
            found[table] = (number, columns)
        self.execute("COMMIT")
        self._reader.close()
        self._native = None
        copy = self._copy = ArrowDriver(
            adbc_driver_sqlite._driver_path(), self._copy_at("ro"), describes=False
        )
        return {
            table: ArrowTable(copy.stream(_stream_query(number, columns)), _select(columns))
            for table, (number, columns) in found.items()
        }

    def interrupt(self) -> None:
        if self._native is not None:
            self._native.interrupt()

    def close(self) -> None:
        for opened in (self._native, self._copy):
            if opened is not None:
                opened.close()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def _reader(self) -> sqlite3.Connection:
        if self._native is None:
            raise RuntimeError("the connection isn't open")
        return self._native

    def execute(self, statement: str) -> sqlite3.Cursor:
        """Run a statement on the connection that reads the file."""
        return self._reader.execute(statement)

    def _columns(self, table: str, types: Mapping[str, str]) -> list[_Column]:
        rows = self.execute(f"PRAGMA main.table_xinfo({quoted(table)})")
        return [
            _column(str(name), str(declared).upper(), types.get(str(name)))
            for _, name, declared, *_ in rows
        ]

    def _copy_at(self, mode: str) -> str:
        folder = self._folder.name if self._folder is not None else ""
        return f"file:{quote(folder)}/copy.sqlite?mode={mode}"


def _column(name: str, declared: str, given: str | None) -> _Column:
    """Return a column of a declared type, such as ``VARCHAR(20)``; ``given`` is the model's."""
    base = declared.partition("(")[0].strip()
    if "BOOL" in declared:
        return _Column(name, "integer", given or "BOOLEAN")
    if base.startswith(("NUMERIC", "DECIMAL")):
        digits = _PRECISION.search(declared)
        sizes = (int(digits[1]), int(digits[2] or 0)) if digits else (38, 18)
        return _Column(name, "text", given or f"DECIMAL({min(sizes[0], 38)}, {sizes[1]})")
    if "INT" in declared:
        return _Column(name, "integer", given or "BIGINT")
    if any(part in declared for part in ("REAL", "FLOA", "DOUB")):
        return _Column(name, "real", given or "DOUBLE")
    if base == "BLOB":
        return _Column(name, "blob", given or "BLOB")
    return _Column(name, "text", given or _TIMES.get(base, "JSON" if base == "JSON" else "VARCHAR"))


def _stream_query(number: int, columns: list[_Column]) -> str:
    """Return the query of a stream, whose first row is no row: the driver learns types from it."""
    markers = "".join(
        f", {_MARKERS[column.kept]} AS c{place}" for place, column in enumerate(columns)
    )
    names = "".join(f", c{place}" for place in range(len(columns)))
    return f"SELECT 0 AS is_row{markers} UNION ALL SELECT 1{names} FROM t{number}"


def _select(columns: list[_Column]) -> str:
    """Return the query that gives names and types; the row that is none is NULL to all filters."""
    values = ", ".join(
        f"{_cast(f'CASE WHEN is_row = 1 THEN c{place} END', column.type)} AS {quoted(column.name)}"
        for place, column in enumerate(columns)
    )
    return f"SELECT {values} FROM {{source}} WHERE is_row = 1"


def _cast(value: str, kind: str) -> str:
    if kind.startswith("INTERVAL"):  # SQLAlchemy keeps it as a moment after 1970
        return f"CAST({value} AS TIMESTAMP) - TIMESTAMP '1970-01-01'"
    return f"CAST({value} AS {kind})"
