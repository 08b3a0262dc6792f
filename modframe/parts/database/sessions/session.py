"""`IntegritySession`: a session that reports what it loses; called by `Databases`.

An error rolls back. Uncommitted changes are rolled back at the end too, and reported: as an error
for strict modules, else as a warning in the log.
"""

from __future__ import annotations

import logging
import sys
import time
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from ....observe import Numbers, begin_span, end_span
from ....runtime.output import print_to_cell
from ....wording import one_line
from ..database import Database
from ..errors import DatabaseConflictError, DatabaseError, UncommittedChangesError
from ..faults import error_of
from ..tracking import Tracked
from ..waiting import finish
from .one_database import DatabaseSession
from .references import CheckedSession, ReferenceCheck

logger = logging.getLogger("modframe.database")

_WIDTH = 240
"""Characters of a statement, and of its parameters, in the text of an error."""


class IntegritySession(AbstractAsyncContextManager[AsyncSession]):
    """A session on one database, for an ``async with`` block; ``purpose`` is named in messages.

    ``opened`` lists it while it is open: the sessions of one generation. ``numbers`` counts it when
    it ends; one that an exception ends, or that was cut off, has failed.

    Raises:
        UncommittedChangesError: On leaving, if it is strict and changes are uncommitted.
        DatabaseConflictError: If another session changed the same rows first.
        DatabaseFullError: If the disk has no room left.
        DatabaseLockedError: If another program held a lock for too long.
        DatabaseLostError: If the connection was lost.
    """

    def __init__(
        self,
        database: Database,
        purpose: str,
        *,
        strict: bool,
        numbers: Numbers,
        opened: dict[Any, None] | None = None,
    ) -> None:
        self._database = database
        self._purpose = purpose
        self._strict = strict
        self._numbers, self._opened = numbers, opened
        self._began = 0.0
        self._session: AsyncSession | None = None
        self._tracked: Tracked | None = None
        self._span: Any = None

    async def __aenter__(self) -> AsyncSession:
        database = self._database
        if database.gate.locked():  # tables are changing
            async with database.gate:
                pass
            while database.moved_to is not None:  # meanwhile
                database = self._database = database.moved_to
        engine = await database.begin_use()
        enforced = database.backend.enforces_references
        session = self._session = AsyncSession(
            engine,
            expire_on_commit=False,
            sync_session_class=DatabaseSession if enforced else CheckedSession,
            database=database,
            purpose=self._purpose,
        )
        made: Any = session.sync_session  # a `DatabaseSession`
        if not enforced:
            ReferenceCheck(database, made, self._purpose)
        self._tracked = made.tracked
        database.sessions.append(made.tracked)
        if self._opened is not None:
            self._opened[self] = None
        self._began = time.perf_counter()
        self._span = begin_span("session", database=database.name, purpose=self._purpose)
        return session

    async def __aexit__(self, _kind: object, raised: BaseException | None, _: object) -> None:
        try:
            uncommitted = self.uncommitted if raised is None else ()
            if isinstance(raised, DBAPIError):
                _shorten(raised)
                if (error := _error_of(self._database, self._purpose, raised)) is not None:
                    raise error from raised
        finally:
            failed = isinstance(raised, Exception) or (self._strict and bool(self.uncommitted))
            await self._close(idle=raised is None, failed=failed)
        if uncommitted:
            _report(self._database.name, self._purpose, uncommitted, strict=self._strict)

    async def cut_off(self) -> None:
        """Roll back and close; does nothing if that was done already."""
        await self._close(idle=False, failed=True)

    async def _close(self, *, idle: bool, failed: bool) -> None:
        """Do it; ``idle`` says that no other task can be running a statement in it."""
        session, tracked = self._session, self._tracked
        self._session = self._tracked = None
        if session is None or tracked is None:
            return
        if self._opened is not None:
            self._opened.pop(self, None)
        later = idle and self._database.backend.ends_reads_later and not tracked.writing
        try:
            if session.in_transaction() and not later:
                await finish(session.close())
            else:  # nothing is awaited, so that no task is needed and nothing can be cancelled
                session.sync_session.close()
        finally:
            end_span(self._span, sys.exc_info()[1])
            self._database.sessions.remove(tracked)
            self._database.end_use()
            self._numbers.happened("sessions", time.perf_counter() - self._began, failed=failed)

    @property
    def uncommitted(self) -> tuple[str, ...]:
        """What would be lost if it were closed now, as SQL verbs."""
        return self._tracked.uncommitted if self._tracked is not None else ()

    def __str__(self) -> str:
        return f"{self._purpose!r} on database {self._database.name!r}"


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
