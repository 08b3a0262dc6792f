"""Reads what DuckDB says when it can't open a file; called by `Catalog`."""

from __future__ import annotations

import re

from ..errors import DatabaseOpenError
from ..file import opening_full_error
from .faults import meaning_of

_LOCK = ("Conflicting lock is held", "Could not set lock on file", "being used by another process")
_PID = re.compile(r"\(PID (\d+)\)")
_WAL = re.compile(r"\bWAL\b|\.wal\b|replaying", re.IGNORECASE)


def holder_of(error: BaseException) -> tuple[bool, int | None]:
    """Return whether another process holds the lock, and that process's id if it is known.

    >>> holder_of(OSError("Conflicting lock is held in /usr/bin/python3 (PID 12)"))
    (True, 12)
    """
    text = str(error)
    if not any(sign in text for sign in _LOCK):
        return False, None
    pid = _PID.search(text)
    return True, int(pid[1]) if pid else None


def opening_error(database: str, path: str, error: BaseException) -> DatabaseOpenError:
    """Make the error for a file that can't be opened for another reason than a lock."""
    text = str(error)
    if meaning_of(error) == "full":
        return opening_full_error(database, path, text)
    if "WAL does not match" in text:
        cure = (
            f"the log beside it belongs to another file: move {path + '.wal'!r} aside (it may hold "
            "the latest commits of that file), and use the database again"
        )
    elif _WAL.search(text):
        cure = (
            f"its log is damaged: stop all processes, move {path + '.wal'!r} aside (never delete "
            "it, it holds the latest commits) and start again"
        )
    elif "not a valid DuckDB" in text:
        cure = "move that file aside, or choose another name for the database"
    else:
        cure = "see that the folder is there, is writable and has room"
    return DatabaseOpenError(
        f"database {database!r} can't be opened: {text}", cure=cure, database=database, path=path
    )
