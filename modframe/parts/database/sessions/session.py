"""`IntegritySession`: a session that reports what it loses; called by `Databases`.

An error rolls back. Uncommitted changes are rolled back at the end too, and reported: as an error
for strict modules, else as a warning in the log.
"""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from ....runtime.output import print_to_cell
from ....wording import one_line
from ..database import Database
from ..errors import DatabaseConflictError, DatabaseError, UncommittedChangesError
from ..faults import error_of
from ..tracking import TRACKED, Tracked
from ..waiting import finish
from .one_database import DATABASE, PURPOSE, DatabaseSession
from .references import CheckedSession, ReferenceCheck

logger = logging.getLogger("modframe.database")

_WIDTH = 240
"""Characters of a statement, and of its parameters, in the text of an error."""


class IntegritySession(AbstractAsyncContextManager[AsyncSession]):
    """A session on one database, for an ``async with`` block; ``purpose`` is named in messages.

    Raises:
        UncommittedChangesError: On leaving, if it is strict and changes are uncommitted.
        DatabaseConflictError: If another session changed the same rows first.
        DatabaseFullError: If the disk has no room left.
        DatabaseLockedError: If another program held a lock for too long.
        DatabaseLostError: If the connection was lost.
    """

    def __init__(self, database: Database, purpose: str, *, strict: bool) -> None:
        self._database = database
        self._purpose = purpose
        self._strict = strict
        self._session: AsyncSession | None = None

    async def __aenter__(self) -> AsyncSession:
        database = self._database
        if database.gate.locked():  # tables are changing
            async with database.gate:
                pass
        engine = await database.begin_use()
        session = self._session = _session(database, engine, self._purpose)
        tracked = Tracked(session.sync_session, self._purpose, database)
        session.info[TRACKED] = tracked
        database.sessions.append(tracked)
        return session

    async def __aexit__(self, _kind: object, raised: BaseException | None, _: object) -> None:
        session, self._session = self._session, None
        if session is None:  # its generation ended, and has closed it
            return
        tracked: Tracked = session.info[TRACKED]
        try:
            uncommitted = tracked.uncommitted if raised is None else ()
            if isinstance(raised, DBAPIError):
                _shorten(raised)
                if (error := _error_of(self._database, self._purpose, raised)) is not None:
                    raise error from raised
        finally:
            await self._close(session, tracked)
        if uncommitted:
            _report(self._database.name, self._purpose, uncommitted, strict=self._strict)

    async def _close(self, session: AsyncSession, tracked: Tracked) -> None:
        try:
            if session.in_transaction():
                await finish(session.close())
            else:  # nothing has to be sent, so that no task is needed
                session.sync_session.close()
        finally:
            self._database.sessions.remove(tracked)
            self._database.end_use()


def _session(database: Database, engine: AsyncEngine, purpose: str) -> AsyncSession:
    enforced = database.backend.enforces_references
    session = AsyncSession(
        engine,
        expire_on_commit=False,
        sync_session_class=DatabaseSession if enforced else CheckedSession,
        info={DATABASE: database.name, PURPOSE: purpose},
    )
    if not enforced:
        ReferenceCheck(database, session.sync_session, purpose)
    return session


def _error_of(database: Database, purpose: str, fault: DBAPIError) -> DatabaseError | None:
    """Return what a fault becomes; a conflict counts in the database's contention."""
    what = f"session {purpose!r} on database {database.name!r}"
    error = error_of(database.backend, fault, database=database.name, purpose=purpose, what=what)
    if isinstance(error, DatabaseConflictError) or database.backend.fault(fault) == "race":
        database.contention.note()
    return error


def _shorten(error: DBAPIError) -> None:
    """Let the text of an error have one line for the statement and one for its parameters.

    The attributes stay as they are.
    """
    lines = [str(error.args[0])]
    if error.statement:
        lines.append(f"[SQL: {_cut(one_line(error.statement))}]")
    if error.params and not error.hide_parameters:
        lines.append(f"[parameters: {_cut(repr(error.params))}]")
    text = "\n".join(lines)
    error._sql_message = lambda: text  # type: ignore[method-assign]  # what its __str__ returns


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]} ... ({len(text)} characters)"


def _report(database: str, purpose: str, changes: tuple[str, ...], *, strict: bool) -> None:
    error = UncommittedChangesError(
        f"session {purpose!r} on database {database!r} ended with uncommitted changes "
        f"({', '.join(changes)}), which were rolled back",
        cure="call `await session.commit()` before the block ends, or `await session.rollback()` "
        "to drop them on purpose",
        database=database,
        purpose=purpose,
        changes=changes,
    )
    if strict:
        raise error
    logger.warning("%s", error, extra={"database": database, "purpose": purpose})
    print_to_cell(f"warning: {error}")
