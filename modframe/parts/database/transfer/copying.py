"""`copy_rows`: the rows of tables, from one database to another, whatever their engines.

In go two connections in transactions and the tables, as models say them. Called by moves between
engines, and by tests that begin with the rows of wider fixtures.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from sqlalchemy import JSON, Column, Connection, MetaData, Row, Table, insert, null, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ..backend import Backend

OWN = ("alembic_version", "modframe_")
"""How the names of tables begin that modframe keeps in databases itself."""
BATCH = 2000
"""Rows that are in memory at once."""


async def copy_rows(
    source: AsyncConnection, target: AsyncConnection, tables: Iterable[Table], *, backend: Backend
) -> dict[str, int]:
    """Copy all rows of tables into empty ones; keys that are counted go on after them.

    Args:
        tables: Those that others refer to come first, as in ``MetaData.sorted_tables``.
        backend: The engine of ``target``.

    Returns:
        Table → how many rows it has.
    """
    counts: dict[str, int] = {}
    for table in tables:
        written = [column for column in table.columns if column.computed is None]
        count = 0
        async for rows in batches(source, table):
            values = [{c.key: _stored(row, c) for c in written} for row in rows]
            await target.execute(insert(table), values)
            count += len(rows)
        if count:
            await target.run_sync(backend.continue_keys, table)
        counts[table.key] = count
    return counts


async def batches(connection: AsyncConnection, table: Table) -> AsyncIterator[Sequence[Row[Any]]]:
    """Yield the rows of a table in the order of its key, `BATCH` at a time.

    Behind its columns each row says of each JSON value whether it is NULL: that of JSON is none.
    """
    keys = list(table.primary_key.columns)
    nulls = [c.is_(null()).label(_null(c)) for c in table.columns if isinstance(c.type, JSON)]
    ordered = select(table, *nulls).order_by(*keys)
    if connection.dialect.supports_server_side_cursors:
        async for rows in (await connection.stream(ordered)).partitions(BATCH):
            yield rows
        return
    if not keys:
        if rows := (await connection.execute(ordered)).all():
            yield rows
        return
    page = ordered.limit(BATCH)
    while rows := (await connection.execute(page)).all():
        yield rows
        last = [rows[-1]._mapping[key] for key in keys]
        page = ordered.where(tuple_(*keys) > tuple_(*last, types=[key.type for key in keys])).limit(
            BATCH
        )


def _null(column: Column[Any]) -> str:
    return f"{column.name} is NULL"


def _stored(row: Row[Any], column: Column[Any]) -> Any:
    """Return a value to write; Python's None stands for both NULLs of a JSON column."""
    value = row._mapping[column]
    if value is None and isinstance(column.type, JSON):
        return null() if row._mapping[_null(column)] else JSON.NULL
    return value


def own_tables(connection: Connection) -> list[Table]:
    """Read which tables modframe itself keeps in a database: those of seeds and revisions."""
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: name.startswith(OWN))
    return list(metadata.sorted_tables)
