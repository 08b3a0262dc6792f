"""`PostgresTables`: tables of a PostgreSQL schema as Arrow, for people's queries.

The driver has a connection of its own, whose transactions read and see one moment: the server
refuses to write on it, whatever it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import adbc_driver_postgresql  # type: ignore[import-untyped]  # ships no annotations
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from ..adbc import ArrowDriver
from ..arrow import ArrowTable, Types, is_wanted
from ..names import quoted

_READS = r"-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\ read"
_PLAIN = {
    "bool", "bytea", "date", "float4", "float8", "int2", "int4", "int8", "interval", "text", "time",
    "timestamp", "timestamptz", "varchar", "_bool", "_float4", "_float8", "_int2", "_int4", "_int8",
    "_text", "_varchar",
}  # fmt: skip
"""Types that the driver hands over as they are; all others come as texts."""
_AS_TEXT = {"json": "JSON", "jsonb": "JSON", "uuid": "UUID"}
_COLUMNS = """
SELECT c.relname, a.attname, t.typname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum
"""


async def source(engine: AsyncEngine) -> PostgresTables:
    """Return what reads the schema that an engine is on."""
    async with engine.connect() as connection:
        schema = (await connection.execute(text("SELECT current_schema()"))).scalar_one()
        rows = (await connection.execute(text(_COLUMNS))).all()
        await connection.rollback()
    columns: dict[str, list[Column]] = {}
    for table, *column in rows:
        columns.setdefault(str(table), []).append(Column(*map(str, column)))
    return PostgresTables(engine.url, str(schema), columns)


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``full`` is its type with its precision: ``numeric(10,2)``."""

    name: str
    kind: str
    full: str


class PostgresTables:
    """The `ArrowSource` of one schema, whose tables have the given columns."""

    def __init__(self, url: URL, schema: str, columns: Mapping[str, Sequence[Column]]) -> None:
        options = f"{url.query.get('options', '')} {_READS}".strip()
        self._url = url.set(drivername="postgresql").update_query_dict({"options": options})
        self._schema = schema
        self._driver: ArrowDriver | None = None
        self._columns = columns

    def open(self) -> None:
        self._driver = ArrowDriver(
            adbc_driver_postgresql._driver_path(),
            self._url.render_as_string(hide_password=False).replace("+", "%20"),
            describes=True,
        )
        self._driver.begin()

    def tables(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def read(self, wanted: Mapping[str, str | None], types: Types) -> dict[str, ArrowTable]:
        """Return tables; the server's catalogue knows all types, so ``types`` isn't needed."""
        return {table: self._table(table, query) for table, query in wanted.items()}

    def stream(self, query: str) -> Any:
        """Return a query's rows as a stream of Arrow."""
        if self._driver is None:
            raise RuntimeError("the connection isn't open")
        return self._driver.stream(query)

    def interrupt(self) -> None:
        if self._driver is not None:
            self._driver.interrupt()

    def close(self) -> None:
        if self._driver is not None:
            self._driver.close()

    def _table(self, table: str, query: str | None) -> ArrowTable:
        read, shown = [], []
        for column in self._columns[table]:
            name = quoted(column.name)
            wanted = is_wanted(column.name, query)
            if column.kind in _PLAIN:
                read.append(f"{name if wanted else f'NULL::{column.full}'} AS {name}")
                shown.append(name)
            else:
                # Not as its own type: one that a schema has made is found in that schema alone.
                read.append(f"{name if wanted else 'NULL'}::text AS {name}")
                shown.append(f"CAST({name} AS {_type(column.kind, column.full)}) AS {name}")
        place = f"{quoted(self._schema)}.{quoted(table)}"
        stream = self.stream(f"SELECT {', '.join(read)} FROM {place}")
        return ArrowTable(stream, f"SELECT {', '.join(shown)} FROM {{source}}")


def _type(kind: str, full: str) -> str:
    """Return DuckDB's type for one that comes as a text."""
    if kind != "numeric":
        return _AS_TEXT.get(kind, "VARCHAR")
    precision = full.removeprefix("numeric").strip("()").split(",")
    if not precision[0] or int(precision[0]) > 38:
        return "DECIMAL(38, 18)"
    return f"DECIMAL({precision[0]}, {precision[1]})"
