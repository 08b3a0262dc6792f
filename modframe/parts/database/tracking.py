"""Tracks the uncommitted changes of sessions; called by engines and sessions.

Comes in: SQLAlchemy's events of an engine, so that flushes, Core statements and plain SQL are all
seen. Goes out: the SQL verbs of the changes since the last commit or rollback.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Session

KEY = "modframe_changes"
COMMITTING = "modframe_committing"
TRACKED = "modframe_tracked"
"""Where a session's ``info`` holds its `Tracked`."""
_USED_BY = "modframe_used_by"
"""Where a connection's ``info`` holds a weak reference to the `Tracked` that uses it."""
ON_WRITE = "modframe_on_write"
"""Where a connection's ``info`` holds what is called after each statement of its transaction that
changes something, with connection, statement and SQLAlchemy's context of the execution."""
_WRITES = re.compile(
    r"\s*(?:(?:--[^\n]*\n|/\*.*?\*/)\s*)*"
    r"(INSERT|UPDATE|DELETE|MERGE|CREATE|ALTER|DROP|TRUNCATE|COPY|REPLACE|COMMENT|WITH)\b",
    re.IGNORECASE | re.DOTALL,
)
_INNER = re.compile(r"\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\b", re.IGNORECASE)


def verb_of(statement: str) -> str | None:
    """Return the verb of a statement that changes something; ``None`` if it only reads.

    >>> verb_of("insert into t values (1)"), verb_of("SELECT 1")
    ('INSERT', None)
    """
    match = _WRITES.match(statement)
    if match is None:
        return None
    verb = match[1].upper()
    if verb == "WITH":
        inner = _INNER.search(statement)
        return inner[1].split()[0].upper() if inner else None
    return verb


def watch_engine(engine: AsyncEngine) -> None:
    """Note uncommitted changes in the ``info`` of each connection of an engine."""
    event.listen(engine.sync_engine, "before_cursor_execute", _note)
    event.listen(engine.sync_engine, "after_cursor_execute", _written)
    event.listen(engine.sync_engine, "begin", _settled)
    event.listen(engine.sync_engine, "commit", _before_commit)
    event.listen(engine.sync_engine, "rollback", _on_rollback)


def _note(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    if (verb := verb_of(statement)) is not None:
        connection.info.setdefault(KEY, {})[verb] = None


def _written(
    connection: Connection, _cursor: Any, statement: str, _parameters: Any, context: Any, *_: Any
) -> None:
    on_write = connection.info.get(ON_WRITE)
    if on_write is not None:
        on_write(connection, statement, context)


def _usable(connection: Connection) -> bool:
    """Return whether a connection still has its ``info``; a lost one has lost its changes too."""
    return not connection.closed and not connection.invalidated


def _settled(connection: Connection) -> None:
    if _usable(connection):
        connection.info.pop(COMMITTING, None)


def _before_commit(connection: Connection) -> None:
    """Mark the connection until the commit has ended: its tables must not change meanwhile."""
    connection.info.pop(ON_WRITE, None)
    if connection.info.pop(KEY, None):
        connection.info[COMMITTING] = True


def _on_rollback(connection: Connection) -> None:
    if _usable(connection):
        for key in (KEY, COMMITTING, ON_WRITE):
            connection.info.pop(key, None)


def watch_sessions(kind: type[Session]) -> None:
    """Tell the `Tracked` of each session of a class what the session does.

    Listening to a class once takes no time; listening to each session takes 0.2 ms.
    """

    def tracked(session: Session) -> Tracked:
        known: Tracked = session.info[TRACKED]
        return known

    event.listen(kind, "after_begin", lambda session, _, made: tracked(session).after_begin(made))
    event.listen(kind, "before_commit", lambda session: tracked(session).check())
    event.listen(kind, "after_commit", lambda session: tracked(session).after_commit())


def note_conflict(connection: Connection, error: DBAPIError) -> None:
    """Note a conflict in the session that uses a connection, even if its code catches the error."""
    used_by = connection.info.get(_USED_BY) if _usable(connection) else None
    tracked: Tracked | None = used_by() if used_by is not None else None
    if tracked is not None:
        tracked.conflict = error


class Tracked:
    """An open session: what it is for, and what it would lose if it were closed now.

    ``hold`` is called before a transaction begins, and may wait; ``check`` before a commit.
    ``conflict`` is the last error that said that another session was first.
    """

    def __init__(
        self,
        session: Session,
        purpose: str,
        *,
        hold: Callable[[], None],
        check: Callable[[], None],
    ) -> None:
        self.purpose = purpose
        self.conflict: DBAPIError | None = None
        self._session = session
        self._hold = hold
        self.check = check
        self._connections: list[Connection] = []

    def after_begin(self, connection: Connection) -> None:
        """Wait until a transaction may begin, and watch its connection."""
        self._hold()  # DuckDB begins the transaction later, with the first statement
        self._connections = [known for known in self._connections if not known.closed]
        if connection not in self._connections:
            self._connections.append(connection)
        connection.info[_USED_BY] = weakref.ref(self)

    def after_commit(self) -> None:
        """Note that its changes are committed."""
        for connection in self._connections:
            _settled(connection)

    @property
    def busy(self) -> bool:
        """Whether it is in a transaction, which may read or write at any time."""
        return any(
            _usable(connection) and connection.in_transaction() for connection in self._connections
        )

    @property
    def writing(self) -> bool:
        """Whether it has changes in the database that are uncommitted or being committed."""
        return bool(self.written) or self.committing

    @property
    def committing(self) -> bool:
        """Whether it is committing changes now."""
        return any(
            _usable(connection) and connection.info.get(COMMITTING)
            for connection in self._connections
        )

    @property
    def written(self) -> tuple[str, ...]:
        """The verbs of statements that were sent to the database and not committed."""
        verbs: dict[str, None] = {}
        for connection in self._connections:
            if _usable(connection):
                verbs.update(connection.info.get(KEY, {}))
        return tuple(verbs)

    @property
    def uncommitted(self) -> tuple[str, ...]:
        """The same, and the objects that were not sent yet."""
        session = self._session
        changed = [item for item in session.dirty if session.is_modified(item)]
        unsent = {
            f"{kind} {type(item).__name__}": None
            for kind, objects in (
                ("new", session.new),
                ("changed", changed),
                ("deleted", session.deleted),
            )
            for item in objects
        }
        return (*unsent, *self.written)
