"""`DuckDB`: what module databases need to know about DuckDB; found by `backend_class`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import MetaData
from sqlalchemy.exc import DBAPIError

from ..backend import Backend, BackendOptions, FaultKind, Place, Remark
from ..home import Home
from .catalog import Catalog
from .faults import fault_of
from .instance import Instance
from .number_keys import number_keys
from .remarks import remarks_on
from .unique_indexes import index_uniques


class DuckDB(Backend):
    """DuckDB: one instance for all databases of an app, each an attached file."""

    name = "duckdb"
    title = "DuckDB"
    savepoints = False
    enforces_references = False

    def __init__(self, options: BackendOptions, home: Home) -> None:
        super().__init__(options, home)
        self.instance = Instance(memory_limit=options.memory_limit, threads=options.threads)

    def store(self, database: str, place: Place) -> Catalog:
        return Catalog(database, place.path, self.instance, lock_wait=self.options.lock_wait)

    def adapt(self, metadata: MetaData) -> None:
        number_keys(metadata)
        index_uniques(metadata)

    def remarks(self, metadata: MetaData) -> Iterator[Remark]:
        yield from remarks_on(metadata)

    def fault(self, error: DBAPIError) -> FaultKind:
        return fault_of(error)

    async def aclose(self) -> None:
        await self.instance.aclose()


BACKEND = DuckDB
