"""`SQLite`: what module databases need to know about SQLite; found by `backend_class`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import MetaData
from sqlalchemy.exc import DBAPIError

from ..backend import Backend, FaultKind, Place, Remark
from .faults import fault_of
from .remarks import remarks_on
from .store import SQLiteStore


class SQLite(Backend):
    """SQLite: a file for each database; several processes may use it."""

    name = "sqlite"
    title = "SQLite"
    copies_to_alter = True

    def store(self, database: str, place: Place) -> SQLiteStore:
        return SQLiteStore(database, place, self.options)

    def remarks(self, metadata: MetaData) -> Iterator[Remark]:
        yield from remarks_on(metadata)

    def fault(self, error: DBAPIError) -> FaultKind:
        return fault_of(error)


BACKEND = SQLite
