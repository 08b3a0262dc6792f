"""Turns DuckDB's errors at opening a file into errors that name the holder and the cure."""

from __future__ import annotations

import os
import re

from .errors import DatabaseLockedError, DatabaseOpenError

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


def locked_error(
    database: str, path: str, *, holder: int | None, waited: float
) -> DatabaseLockedError:
    if holder == os.getpid():
        who = f"this process (pid {holder}) already, through another app or instance"
        cure = "stop that one first, or give this one a data folder of its own"
    else:
        who = f"process {holder}" if holder is not None else "another process"
        stop = f"stop it (kill {holder})" if holder is not None else "stop it"
        cure = (
            f"{stop}, or close its sessions on {database!r}: modframe gives a file back when it "
            "has been idle; or wait longer (MODFRAME_DATABASE_LOCK_WAIT, in seconds), or give "
            "this process a data folder of its own (MODFRAME_DATA)"
        )
    return DatabaseLockedError(
        f"database {database!r} ({path}) is held by {who}; waited {waited:.1f} s for it",
        cure=cure,
        database=database,
        path=path,
        holder=holder,
        waited=waited,
    )


def opening_error(database: str, path: str, error: BaseException) -> DatabaseOpenError:
    """Make the error for a file that can't be opened for another reason than a lock."""
    text = str(error)
    if _WAL.search(text):
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
