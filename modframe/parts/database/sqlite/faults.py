"""What SQLite's errors mean: an error of SQLAlchemy comes in, a `FaultKind` goes out.

SQLite gives each error a code; the low byte is its kind. See https://www.sqlite.org/rescode.html.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from ..backend import FaultKind

_KINDS: dict[int, FaultKind] = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_CONSTRAINT: "integrity",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_CANTOPEN: "lost",
    sqlite3.SQLITE_NOTADB: "lost",
}


def fault_of(error: DBAPIError) -> FaultKind:
    """Return what an error of SQLite means.

    ``SQLITE_BUSY_SNAPSHOT`` is a conflict: the session has read, another one has written since, and
    so it can't write any more. Any other ``SQLITE_BUSY`` means that somebody wrote for longer than
    the wait.
    """
    code = code_of(error.orig)
    if code == sqlite3.SQLITE_BUSY_SNAPSHOT:
        return "conflict"
    return _KINDS.get(code & 0xFF, "lost" if error.connection_invalidated else "other")


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether the same statement may succeed a little later."""
    code = code_of(error)
    return code & 0xFF == sqlite3.SQLITE_BUSY and code != sqlite3.SQLITE_BUSY_SNAPSHOT


def code_of(error: BaseException | None) -> int:
    """Return the extended code of an error of SQLite; 0 for any other error."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code if isinstance(code, int) else 0
