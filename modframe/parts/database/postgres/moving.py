"""`SchemaMove`: what the server has to know of a move: of its source, or of its target.

Comes in: how the schema is reached. Goes out: locks and comments. One connection stays open from
`hold` or `receive` to the end of the move, so that another process can tell a move that goes on
from one that was cut off. Called by `ServerSchema`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from psycopg import OperationalError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from ....wording import one_line
from ..errors import DatabaseBusyError, DatabaseMoveError, DatabaseOpenError
from ..names import literal, quoted
from .opening import Reach, opening_error, unmarked_error, variable_of

logger = logging.getLogger("modframe.database")

MARK = "modframe"
"""How the comment of a schema begins that modframe made."""
MOVED = f"{MARK}: moved to "
"""How it goes on where a database was moved away: it holds old rows, or keeps the name free."""
UNFINISHED = f"{MARK}: unfinished move; before: "
"""How it goes on while rows are moved in; the comment that was there before follows."""
_LONGEST = 40
"""Characters of a name before what says that it was moved; PostgreSQL cuts names at 63."""
_TURN = "SELECT pg_advisory_lock(hashtextextended('modframe move ' || :name, 0))"
_TOO_LONG = "55P03"
"""The code of an error after `lock_timeout`."""
COMMENT = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = :name"
_RIGHTS = """
SELECT pg_has_role(nspowner, 'USAGE') AND has_database_privilege(current_database(), 'CREATE')
FROM pg_namespace WHERE nspname = :name
"""
_HELD = """
SELECT relname, relkind IN ('r', 'p') FROM pg_class WHERE relnamespace = CAST(:oid AS oid)
AND relkind IN ('r', 'p', 'v', 'm', 'f') UNION ALL
SELECT proname, false FROM pg_proc WHERE pronamespace = CAST(:oid AS oid) ORDER BY 1
"""
_OID = "SELECT oid FROM pg_namespace WHERE nspname = :name"


class SchemaMove:
    """A move from or into one schema of a server."""

    def __init__(self, database: str, schema: str, reached: Reach) -> None:
        self._database = database
        self._schema = schema
        self._reached = reached
        self._connection: AsyncConnection | None = None
        self._before = ""

    # -- from here --

    async def hold(self) -> None:
        """Let no other process write to the tables, until `set_aside` or `close`."""
        connection = await self._connect()
        async with self._errors():
            if not (await connection.execute(text(_RIGHTS), self._names)).scalar():
                raise self._refused(
                    "its role may not rename the schema",
                    cure="let it own the schema and make others (GRANT CREATE ON DATABASE)",
                )
            for name, is_table in await self._held(connection):
                if is_table:
                    await self._lock(connection, name)

    async def _lock(self, connection: AsyncConnection, table: str) -> None:
        place = f"{quoted(self._schema)}.{quoted(table)}"
        try:
            await connection.exec_driver_sql(f"LOCK TABLE {place} IN SHARE MODE")
        except DBAPIError as exc:
            if not _waited(exc):
                raise
            raise DatabaseBusyError(
                f"database {self._database!r} can't be moved while another program writes to "
                f"table {table}",
                cure="let it end, then move it again",
                database=self._database,
                purposes=(),
            ) from exc

    async def set_aside(self, engine: str) -> str:
        """Rename the schema, and leave an empty one that says where the database is; close."""
        stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
        aside = f"{self._schema[:_LONGEST]}_moved_{stamp}"
        connection = await self._connect()
        try:
            async with self._errors():
                for statement in (
                    f"ALTER SCHEMA {quoted(self._schema)} RENAME TO {quoted(aside)}",
                    self._comment(f"{MOVED}{engine}", aside),
                    f"CREATE SCHEMA {quoted(self._schema)}",
                    self._comment(f"{MOVED}{engine}"),
                ):
                    await connection.exec_driver_sql(statement)
                await connection.commit()
        except DatabaseOpenError as exc:
            raise DatabaseMoveError(
                f"database {self._database!r} is in {engine} now, with all rows, and the server "
                f"can't note that: {exc.message}",
                cure=f"set {variable_of(self._database)}={engine} before the next start, or it "
                "begins with the old rows",
                database=self._database,
            ) from exc
        finally:
            await self.close()
        return aside

    # -- into here --

    async def receive(self) -> None:
        """Make the schema anew, in place of one without rows; it counts after `received`."""
        if self._reached.declared:
            raise self._refused(
                "the URL declares a schema that modframe didn't make, and a move needs one that it "
                "can take back",
                cure="leave ?schema=existing out, or back up, change the URL, and restore",
            )
        connection = await self._connect()
        async with self._errors():
            comment = await self._comment_there(connection)
            if comment is not None and comment.startswith(UNFINISHED):
                comment = comment.removeprefix(UNFINISHED)  # what was cut off leaves nothing
            elif comment is not None:
                await self._refuse_rows(connection, comment)
            self._before = comment or ""
            await self._make_anew(connection, f"{UNFINISHED}{self._before}")

    async def received(self) -> None:
        """Let it count; close."""
        try:
            await self._say(f"{MARK}: database")
        except DatabaseOpenError:  # of a connection that was open for long; try a new one
            await self.close()
            await self._say(f"{MARK}: database")
        finally:
            await self.close()

    async def _say(self, comment: str) -> None:
        connection = await self._connect()
        async with self._errors():
            await connection.exec_driver_sql(self._comment(comment))
            await connection.commit()

    async def discard(self) -> None:
        """Leave what was there before `receive`; close."""
        connection = await self._connect()
        try:
            async with self._errors():
                await self._take_back(connection)
        except DatabaseOpenError as exc:  # and the error that ended the move is the one to raise
            logger.warning(
                "schema %r keeps what a move began, and the next one replaces it: %s",
                self._schema, one_line(exc),
            )  # fmt: skip
        finally:
            await self.close()

    async def clear(self, comment: str) -> str:
        """Take back a move that was cut off, for one who opens the schema; close.

        Return the comment that the schema has then; empty if there is none.

        Raises:
            DatabaseMoveError: If the move goes on, in another process.
        """
        try:
            connection = await self._connect()
            async with self._errors():
                self._before = comment.removeprefix(UNFINISHED)
                await self._take_back(connection)
        finally:
            await self.close()
        return self._before

    async def _take_back(self, connection: AsyncConnection) -> None:
        if self._before:
            await self._make_anew(connection, self._before)
        else:
            await connection.exec_driver_sql(
                f"DROP SCHEMA IF EXISTS {quoted(self._schema)} CASCADE"
            )
            await connection.commit()

    async def _make_anew(self, connection: AsyncConnection, comment: str) -> None:
        name = quoted(self._schema)
        await connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        await connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        await connection.exec_driver_sql(self._comment(comment))
        await connection.commit()

    async def _refuse_rows(self, connection: AsyncConnection, comment: str) -> None:
        """Refuse a schema that somebody else made, or that holds more than empty tables."""
        if not comment.startswith(MARK):
            raise unmarked_error(self._database, self._reached)
        found = []
        for name, is_table in await self._held(connection):
            place = f"{quoted(self._schema)}.{quoted(name)}"
            count = 1
            if is_table:
                count = await connection.scalar(text(f"SELECT count(*) FROM {place}"))
            if count:
                found.append(f"{name} ({count})" if is_table else name)
        if found:
            raise self._refused(
                f"the schema {self._schema!r} on {self._reached.place} is not empty: "
                f"{', '.join(found)}",
                cure=f"if nobody needs these, DROP SCHEMA {quoted(self._schema)} CASCADE, and move "
                "it then",
            )

    # -- what both need --

    async def close(self) -> None:
        """Give back what the connection holds."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
            await connection.engine.dispose()

    async def _connect(self) -> AsyncConnection:
        """Return the connection, whose first use waits for no other move of this database.

        Raises:
            DatabaseMoveError: If another one goes on.
            DatabaseOpenError: If the server can't be reached.
        """
        if (connection := self._connection) is None:
            engine = create_async_engine(
                self._reached.url, connect_args=self._reached.arguments, poolclass=NullPool
            )
            async with self._errors():
                connection = self._connection = await engine.connect()
                connection = await connection.execution_options(isolation_level="READ COMMITTED")
                try:
                    await connection.execute(text(_TURN), self._names)
                except DBAPIError as exc:
                    if not _waited(exc):
                        raise
                    raise self._refused(
                        "another process moves it at this moment", cure="wait until that is done"
                    ) from exc
        return connection

    @property
    def _names(self) -> dict[str, str]:
        return {"name": self._schema}

    async def _comment_there(self, connection: AsyncConnection) -> str | None:
        """Return the schema's comment; ``None`` if there is no schema."""
        found = (await connection.execute(text(COMMENT), self._names)).first()
        return None if found is None else str(found[0] or "")

    async def _held(self, connection: AsyncConnection) -> list[tuple[str, bool]]:
        """Return what is in the schema, with whether it is a table."""
        oid = await connection.scalar(text(_OID), self._names)
        rows = await connection.execute(text(_HELD), {"oid": oid})
        return [(str(name), bool(is_table)) for name, is_table in rows]

    def _comment(self, comment: str, schema: str | None = None) -> str:
        value = literal(comment).replace("%", "%%")  # the driver's own sign
        return f"COMMENT ON SCHEMA {quoted(schema or self._schema)} IS {value}"

    def _refused(self, why: str, *, cure: str) -> DatabaseMoveError:
        return DatabaseMoveError(
            f"database {self._database!r} is not moved: {why}; nothing was changed",
            cure=cure,
            database=self._database,
        )

    @asynccontextmanager
    async def _errors(self) -> AsyncIterator[None]:
        """Make one error of what the driver raises; the connection is closed then."""
        try:
            yield
        except (DBAPIError, OSError, OperationalError) as exc:
            await self.close()
            raise opening_error(self._database, self._reached, exc) from exc
        except BaseException:
            await self.close()
            raise


def _waited(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", "") == _TOO_LONG


def moved_error(database: str, reached: Reach, comment: str) -> DatabaseOpenError:
    """Make the error for a schema whose rows were moved away."""
    engine = comment.removeprefix(MOVED)
    return DatabaseOpenError(
        f"database {database!r} was moved from {reached.place} to {engine}",
        cure=f"set {variable_of(database)}={engine}; or, to begin with an empty one, drop the "
        f"schema {database!r}, which is kept to say so",
        database=database,
        path=reached.place,
    )
