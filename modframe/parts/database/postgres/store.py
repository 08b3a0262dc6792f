"""`ServerSchema`: the `Store` of one database, a schema of a server; made by `Postgres`.

The schema is made when it is opened for the first time, and marked by a comment. Its engine is kept
for as long as the app runs, since a connection costs more than most queries.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection as DriverConnection
from psycopg import OperationalError
from psycopg.pq import TransactionStatus
from sqlalchemy import event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from ....wording import one_line
from ..backend import BackendOptions, Place
from ..names import quoted
from .moving import COMMENT, MARK, MOVED, UNFINISHED, SchemaMove, moved_error
from .opening import Reach, opening_error, reach, unmarked_error

logger = logging.getLogger("modframe.database")

_LONGEST = 54
"""Characters of a temporary schema's name before its suffix; PostgreSQL cuts names at 63."""
_CUT_OFF = 5.0
"""Seconds that running queries get to end after they were cancelled."""
_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('modframe schema ' || :name, 0))"
_SCHEMAS = (
    "SELECT nspname, obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace "
    "WHERE nspname NOT LIKE 'pg\\_%%' AND nspname <> 'information_schema' ORDER BY nspname"
)
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = :name ORDER BY tablename"


class ServerSchema:
    """One database, in a schema that has its name; a temporary one has a suffix besides."""

    path: Path | None = None
    gives_back = False
    lost = False

    def __init__(self, database: str, place: Place, options: BackendOptions) -> None:
        self._database = database
        self._temporary = place.temporary
        suffix = f"_{secrets.token_hex(4)}" if place.temporary else ""
        self._schema = (database[:_LONGEST] if suffix else database) + suffix
        self._url = place.url
        self._options = options
        self._open: set[Any] = set()
        self._engine: AsyncEngine | None = None
        self._move: SchemaMove | None = None

    async def open(self) -> AsyncEngine:
        """Connect, and make the schema if it doesn't exist.

        Raises:
            DatabaseURLError: If nothing says where the server is.
            DatabaseOpenError: If the server can't be reached or refuses, or if the schema is
                somebody else's.
        """
        reached = self._reach()
        engine = create_async_engine(reached.url, connect_args=reached.arguments)
        self._watch(engine)
        try:
            async with engine.connect() as connection:
                connection = await connection.execution_options(isolation_level="READ COMMITTED")
                await self._take_schema(connection, reached)
        except (DBAPIError, OSError, OperationalError) as exc:
            await engine.dispose()
            raise opening_error(self._database, reached, exc) from exc
        except BaseException:
            await engine.dispose()
            raise
        self._engine = engine
        return engine

    def _reach(self) -> Reach:
        return reach(
            self._database, self._url, schema=self._schema, lock_wait=self._options.lock_wait
        )

    async def _take_schema(self, connection: AsyncConnection, reached: Reach) -> None:
        """Make the schema, or check that the one that is there may be used."""
        names = {"name": self._schema}
        found = (await connection.execute(text(COMMENT), names)).first()
        comment = str(found[0] or "") if found is not None else ""
        if comment.startswith(UNFINISHED) and self._move is None:  # it was cut off
            await connection.rollback()
            comment = await SchemaMove(self._database, self._schema, reached).clear(comment)
            found = None if not comment else found
        if comment.startswith(MOVED):
            raise moved_error(self._database, reached, comment)
        if found is None:
            await connection.execute(text(_TURN), names)  # one process makes it, others see it then
            found = (await connection.execute(text(COMMENT), names)).first()
        if found is None:
            await make_schema(connection, quoted(self._schema), temporary=self._temporary)
        elif not reached.declared and not str(found[0] or "").startswith(MARK):
            raise unmarked_error(self._database, reached)
        await connection.commit()

    def _watch(self, engine: AsyncEngine) -> None:
        """Know the open connections, and give no session one that the server has closed."""
        pool = engine.sync_engine.pool
        event.listen(pool, "connect", lambda dbapi, _record: self._open.add(dbapi))
        event.listen(pool, "close", lambda dbapi, _record: self._open.discard(dbapi))
        event.listen(pool, "checkout", _check_alive)

    async def tables(self) -> tuple[str, ...]:
        """Return the names of its tables."""
        if self._engine is None:
            return ()
        async with self._engine.connect() as connection:
            rows = await connection.execute(text(_TABLES), {"name": self._schema})
            return tuple(str(name) for (name,) in rows)

    async def release(self, engine: AsyncEngine) -> None:
        """Close all connections; a temporary schema is dropped."""
        self._engine = None
        if self._temporary:
            try:
                async with engine.begin() as connection:
                    await connection.exec_driver_sql(
                        f"DROP SCHEMA IF EXISTS {quoted(self._schema)} CASCADE"
                    )
            except (DBAPIError, OSError) as exc:
                logger.warning("schema %r stays on the server: %s", self._schema, one_line(exc))
        await engine.dispose()

    async def cut_off(self, engine: AsyncEngine | None) -> None:
        """Cancel what sessions run, close their connections, and release it."""
        if engine is not None:
            used = [dbapi.driver_connection for dbapi in self._open]
            await asyncio.gather(*(_end(connection) for connection in used))
            await self.release(engine)

    def check(self) -> None:
        """Do nothing: a connection is checked when a session gets it."""

    def begin_anew(self) -> None:
        """Do nothing: a schema is never lost."""

    # -- moves to another engine --

    async def hold(self) -> None:
        await self._moving().hold()

    async def let_go(self) -> None:
        if (move := self._moved()) is not None:
            await move.close()

    async def set_aside(self, engine: str) -> str | None:
        move = self._moved()
        return await move.set_aside(engine) if move is not None else None

    async def receive(self) -> None:
        await self._moving().receive()

    async def received(self) -> None:
        if (move := self._moved()) is not None:
            await move.received()

    async def discard(self) -> None:
        if (move := self._moved()) is not None:
            await move.discard()

    def _moving(self) -> SchemaMove:
        """Return the move that begins."""
        self._move = SchemaMove(self._database, self._schema, self._reach())
        return self._move

    def _moved(self) -> SchemaMove | None:
        """Return the move that ends."""
        move, self._move = self._move, None
        return move


async def make_schema(connection: AsyncConnection, name: str, *, temporary: bool = False) -> None:
    """Make a schema with modframe's mark, and commit; ``name`` is quoted."""
    what = "temporary database" if temporary else "database"
    await connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    await connection.exec_driver_sql(f"COMMENT ON SCHEMA {name} IS '{MARK}: {what}'")
    await connection.commit()


async def schemas_at(url: URL, options: BackendOptions) -> tuple[str, ...]:
    """Return the schemas of a server's database that modframe made, or may use.

    Raises:
        DatabaseURLError: If the URL's parameters can't be used.
        DatabaseOpenError: If the server can't be reached or refuses.
    """
    database = url.database or ""
    reached = reach(database, url, schema="public", lock_wait=options.lock_wait)
    engine = create_async_engine(reached.url, connect_args=reached.arguments, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            rows = (await connection.exec_driver_sql(_SCHEMAS)).all()
    except (DBAPIError, OSError, OperationalError) as exc:
        raise opening_error(database, reached, exc) from exc
    return tuple(
        str(row.nspname)
        for row in rows
        if (reached.declared or str(row.comment).startswith(MARK))
        and not str(row.comment).startswith((MOVED, UNFINISHED))
    )


def _check_alive(dbapi: Any, _record: object, _proxy: object) -> None:
    """Let the pool replace a connection that the server has closed; no query is sent for that.

    What the server said last is read with the first call, the end of the stream with the second.
    """
    driver = dbapi.driver_connection
    try:
        driver.pgconn.consume_input()
        driver.pgconn.consume_input()
    except OperationalError as exc:
        raise DisconnectionError(str(exc)) from exc
    if driver.closed:
        raise DisconnectionError("the connection is closed")


async def _end(connection: DriverConnection[Any]) -> None:
    """Cancel what a connection runs, and close it; its session rolls back on the server."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _CUT_OFF
    while _is_active(connection) and loop.time() < deadline:
        with contextlib.suppress(OperationalError):
            await connection.cancel_safe(timeout=1.0)
        await asyncio.sleep(0.01)
    await connection.close()


def _is_active(connection: DriverConnection[Any]) -> bool:
    return connection.pgconn.transaction_status == TransactionStatus.ACTIVE
