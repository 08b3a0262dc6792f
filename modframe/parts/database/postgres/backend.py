"""`Postgres`: what module databases need to know about PostgreSQL; found by `backend_class`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import Connection, Table, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from ..backend import Backend, FaultKind, Place
from ..errors import DatabaseMoveError
from .faults import fault_of
from .moving import MOVED
from .number_keys import continue_keys, last_key
from .references import references_later
from .store import ServerSchema, make_schema, schemas_at

_NAME = "current_setting('search_path')"
_COMMENT = "obj_description(to_regnamespace(quote_ident(current_schema())), 'pg_namespace')"
_LOCK = f"hashtextextended('modframe tables ' || {_NAME}, 0)"


class Postgres(Backend):
    """PostgreSQL, through psycopg: a schema and an engine for each database."""

    name = "postgresql"
    title = "PostgreSQL"
    reserved = "pg_"
    isolation = "SERIALIZABLE"  # where a row was looked for first, a taken key is a conflict

    def store(self, database: str, place: Place) -> ServerSchema:
        return ServerSchema(database, place, self.options)

    def continue_keys(self, connection: Connection, table: Table, after: int = 0) -> None:
        continue_keys(connection, table, after)

    def last_key(self, connection: Connection, table: Table) -> int:
        return last_key(connection, table)

    @asynccontextmanager
    async def references_later(
        self, connection: AsyncConnection, tables: Sequence[Table]
    ) -> AsyncIterator[None]:
        async with references_later(connection, tables):
            yield

    def fault(self, error: DBAPIError) -> FaultKind:
        return fault_of(error)

    @asynccontextmanager
    async def alone(self, connection: AsyncConnection) -> AsyncIterator[None]:
        statement = f"SELECT pg_advisory_lock({_LOCK}), current_schema(), {_NAME}, {_COMMENT}"
        _, schema, wanted, comment = (await connection.execute(text(statement))).one()
        await connection.rollback()  # what is read from now on was written before the lock came
        try:
            if schema is None:  # somebody dropped it since it was opened
                await make_schema(connection, wanted)
            if str(comment).startswith(MOVED):  # by another process
                raise DatabaseMoveError(
                    f"database {schema!r} was moved away from the server by another process",
                    cure="start this process again, with the engine that it was moved to",
                    database=str(schema),
                )
            yield
        finally:
            if not connection.invalidated:
                await connection.rollback()
                await connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))
                await connection.rollback()

    async def existing(self, url: URL) -> tuple[str, ...]:
        return await schemas_at(url, self.options)


BACKEND = Postgres
