"""Which changes a transaction holds that nobody committed; called by engines and sessions.

Comes in: SQLAlchemy's events of an engine, so that flushes, Core statements and plain SQL are all
seen. Goes out: the verbs of what was changed since the last commit or rollback.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Session

KEY = "modframe_changes"
COMMITTING = "modframe_committing"
TRACKED = "modframe_tracked"
"""Where a session's ``info`` holds its `Tracked`."""
_WRITES = re.compile(
    r"\s*(?:(?:--[^\n]*\n|/\*.*?\*/)\s*)*"
    r"(INSERT|UPDATE|DELETE|MERGE|CREATE|ALTER|DROP|TRUNCATE|COPY|REPLACE|COMMENT|WITH)\b",
    re.IGNORECASE | re.DOTALL,
)
_INNER = re.compile(r"\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\b", re.IGNORECASE)


def verb_of(statement: str) -> str | None:
    """The verb of a statement that changes something; ``None`` for one that reads.

    >>> verb_of("insert into t values (1)"), verb_of("SELECT 1")
    ('INSERT', None)
    """
    found = _WRITES.match(statement)
    if found is None:
        return None
    verb = found[1].upper()
    if verb == "WITH":
        inner = _INNER.search(statement)
        return inner[1].split()[0].upper() if inner else None
    return verb


def watch_engine(engine: AsyncEngine) -> None:
    """Note in each connection's ``info`` what was changed and not committed."""
    event.listen(engine.sync_engine, "before_cursor_execute", _note)
    event.listen(engine.sync_engine, "begin", _settled)
    event.listen(engine.sync_engine, "commit", _commits)
    event.listen(engine.sync_engine, "rollback", _rolls_back)


def _note(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    if (verb := verb_of(statement)) is not None:
        connection.info.setdefault(KEY, {})[verb] = None


def _usable(connection: Connection) -> bool:
    """Whether a connection has its ``info`` still; one that was lost has lost its changes too."""
    return not connection.closed and not connection.invalidated


def _settled(connection: Connection) -> None:
    if _usable(connection):
        connection.info.pop(COMMITTING, None)


def _commits(connection: Connection) -> None:
    """Called before the commit is sent: until it has landed, its tables must not change."""
    if connection.info.pop(KEY, None):
        connection.info[COMMITTING] = True


def _rolls_back(connection: Connection) -> None:
    if _usable(connection):
        connection.info.pop(KEY, None)
        connection.info.pop(COMMITTING, None)


class Tracked:
    """A session that is open: what it is for, and what it would lose if it were closed now.

    Args:
        session: The session.
        purpose: What it is for.
        hold: Called before a transaction begins; may wait.
    """

    def __init__(self, session: Session, purpose: str, hold: Callable[[], None]) -> None:
        self.purpose = purpose
        self._session = session
        self._hold = hold
        self._connections: list[Connection] = []
        event.listen(session, "after_begin", self._after_begin)
        event.listen(session, "after_commit", self._after_commit)

    def _after_begin(self, _session: Session, _transaction: Any, connection: Connection) -> None:
        self._hold()  # the adapter tells DuckDB with the first statement, so after this
        self._connections = [one for one in self._connections if not one.closed]
        if connection not in self._connections:
            self._connections.append(connection)

    def _after_commit(self, _session: Session) -> None:
        for connection in self._connections:
            _settled(connection)

    @property
    def busy(self) -> bool:
        """Whether it is in a transaction, which may read or write at any moment."""
        return any(_usable(one) and one.in_transaction() for one in self._connections)

    @property
    def writing(self) -> bool:
        """Whether it has changes in the database that are not settled: open, or in a commit."""
        return bool(self.written) or any(
            _usable(one) and one.info.get(COMMITTING) for one in self._connections
        )

    @property
    def written(self) -> tuple[str, ...]:
        """The verbs of what was sent to the database and not committed."""
        found: dict[str, None] = {}
        for connection in self._connections:
            if _usable(connection):
                found.update(connection.info.get(KEY, {}))
        return tuple(found)

    @property
    def uncommitted(self) -> tuple[str, ...]:
        """The same, and the objects that were not sent yet."""
        session = self._session
        changed = [one for one in session.dirty if session.is_modified(one)]
        found = {
            f"{kind} {type(one).__name__}": None
            for kind, objects in (
                ("new", session.new),
                ("changed", changed),
                ("deleted", session.deleted),
            )
            for one in objects
        }
        return (*found, *self.written)
