"""`SQLite`: what module databases need to know about SQLite; found by `backend_class`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import MetaData, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ..backend import Backend, FaultKind, Place, Remark
from ..waiting import finish
from .copies import copy_into, save
from .faults import fault_of
from .remarks import remarks_on
from .store import SQLiteStore


class SQLite(Backend):
    """SQLite: a file for each database; several processes may use it."""

    name = "sqlite"
    title = "SQLite"
    ends_reads_later = True

    def store(self, database: str, place: Place) -> SQLiteStore:
        return SQLiteStore(database, place, self.options)

    def remarks(self, metadata: MetaData) -> Iterator[Remark]:
        yield from remarks_on(metadata)

    @asynccontextmanager
    async def references_later(
        self, connection: AsyncConnection, tables: Sequence[Table]
    ) -> AsyncIterator[None]:
        _ = tables
        await connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")  # until the commit
        yield

    async def save(self, database: str, engine: AsyncEngine, path: Path) -> dict[str, int]:
        async with engine.connect() as connection:
            place = await connection.exec_driver_sql(
                "SELECT file FROM pragma_database_list WHERE name = 'main'"
            )
            return await finish(asyncio.to_thread(save, place.scalar_one(), path))

    async def put_back(self, file: Path, place: Path) -> None:
        await asyncio.to_thread(place.parent.mkdir, parents=True, exist_ok=True)
        await finish(asyncio.to_thread(copy_into, str(file), str(place)))

    def fault(self, error: DBAPIError) -> FaultKind:
        return fault_of(error)


BACKEND = SQLite
