"""`DuckDB`: what module databases need to know about DuckDB; found by `backend_class`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ..backend import Backend, BackendOptions, FaultKind, Place, Remark
from ..home import Home
from ..waiting import finish
from .catalog import Catalog
from .copies import save
from .faults import fault_of
from .instance import Instance
from .number_keys import continue_keys, last_key, number_keys
from .remarks import remarks_on
from .unique_indexes import index_uniques


class DuckDB(Backend):
    """DuckDB: one instance for all databases of an app, each an attached file."""

    name = "duckdb"
    title = "DuckDB"
    savepoints = False
    takes_scripts = True
    reads_arrow = True
    enforces_references = False

    def __init__(self, options: BackendOptions, home: Home) -> None:
        super().__init__(options, home)
        self.instance = Instance(
            memory_limit=options.memory_limit,
            threads=options.threads,
            files=options.files,
            spill=options.spill,
        )

    def store(self, database: str, place: Place) -> Catalog:
        return Catalog(database, place.path, self.instance, lock_wait=self.options.lock_wait)

    def adapt(self, metadata: MetaData) -> None:
        number_keys(metadata)
        index_uniques(metadata)

    def remarks(self, metadata: MetaData) -> Iterator[Remark]:
        yield from remarks_on(metadata)

    def continue_keys(self, connection: Connection, table: Table, after: int = 0) -> None:
        continue_keys(connection, table, after)

    def last_key(self, connection: Connection, table: Table) -> int:
        return last_key(connection, table)

    async def save(
        self,
        database: str,
        engine: AsyncEngine,  # its connections don't see the new file
        path: Path,
    ) -> dict[str, int]:
        def work() -> dict[str, int]:
            return save(self.instance.root, database, path, confined=self.options.files)

        return await finish(self.instance.run(work))

    def show_arrow(self, connection: Connection, name: str, rows: Any) -> None:
        driver: Any = connection.connection.dbapi_connection
        driver.perform(
            lambda native: native.unregister(name) if rows is None else native.register(name, rows)
        )

    def fault(self, error: DBAPIError) -> FaultKind:
        return fault_of(error)

    async def aclose(self) -> None:
        await self.instance.aclose()


BACKEND = DuckDB
