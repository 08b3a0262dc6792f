"""`DuckDB`: what module databases need to know about DuckDB; found by `backend_class`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, MetaData, Table
from sqlalchemy.exc import DBAPIError

from ..backend import Backend, BackendOptions, FaultKind, Place
from ..home import Home
from .catalog import Catalog
from .faults import fault_of
from .instance import Instance
from .number_keys import continue_keys, number_keys


class DuckDB(Backend):
    """DuckDB: one instance for all databases of an app, each an attached file."""

    name = "duckdb"
    title = "DuckDB"
    savepoints = False
    takes_scripts = True
    reads_arrow = True

    def __init__(self, options: BackendOptions, home: Home) -> None:
        super().__init__(options, home)
        self.instance = Instance(memory_limit=options.memory_limit, threads=options.threads)

    def store(self, database: str, place: Place) -> Catalog:
        return Catalog(database, place.path, self.instance, lock_wait=self.options.lock_wait)

    def adapt(self, metadata: MetaData) -> None:
        number_keys(metadata)

    def continue_keys(self, connection: Connection, table: Table) -> None:
        continue_keys(connection, table)

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
