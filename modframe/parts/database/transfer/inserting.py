"""`insert_rows`: writes rows in bulk in an open session; called by `Transfers.insert`.

An engine that reads Arrow takes all rows by one statement, any other by batches of them. Both are
statements of the session, so that references are checked and one transaction holds all of it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, column, insert, select
from sqlalchemy import table as selectable
from sqlalchemy.ext.asyncio import AsyncSession

from ..backend import Backend
from .rows import Frame

NAME = "modframe_rows"
"""What the rows are called in the statement that takes them."""


async def insert_rows(session: AsyncSession, table: Table, data: Any, *, backend: Backend) -> int:
    """Insert rows into a table, and return how many; the caller commits.

    Raises:
        DatabaseRowsError: If a column or value doesn't fit the model; nothing was written.
        IntegrityError: If a key is there already, or a reference leads nowhere.
    """
    frame = Frame(data, table)
    if frame.fits_as_arrow and backend.reads_arrow:
        await _insert_arrow(session, frame, backend)
        count = int(frame.arrow.num_rows)
    else:
        count = 0
        for rows in frame.batches():
            await session.execute(insert(table), rows)
            count += len(rows)
    keys = table.autoincrement_column
    if count and keys is not None and keys in frame.columns:
        await (await session.connection()).run_sync(backend.continue_keys, table)
    return count


async def _insert_arrow(session: AsyncSession, frame: Frame, backend: Backend) -> None:
    connection = await session.connection()
    await connection.run_sync(backend.show_arrow, NAME, frame.arrow)
    try:
        source = selectable(NAME, *map(column, frame.names))
        keys = [written.name for written in frame.columns]
        await session.execute(
            insert(frame.table).from_select(keys, select(source), include_defaults=False)
        )
    finally:
        await connection.run_sync(backend.show_arrow, NAME, None)
