"""Makes the errors of a database's file: who holds it, why it can't be opened, that it is lost.

Called by `Catalog` with DuckDB's errors, and by `DatabaseFile`.
"""

from __future__ import annotations

import os
import re

from ..errors import DatabaseFileLostError, DatabaseLockedError, DatabaseOpenError

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


def unlockable_error(database: str, path: str, error: OSError) -> DatabaseOpenError:
    """Make the error for a file whose folder is on a file system without locks."""
    return DatabaseOpenError(
        f"database {database!r} can't be locked, so that two processes could write to it: "
        f"{path}.lock: {error.strerror or error}",
        cure="give this process a data folder on a local disk (MODFRAME_DATA)",
        database=database,
        path=path,
    )


def lost_error(database: str, path: str, *, deleted: bool) -> DatabaseFileLostError:
    """Make the error for a file that is not at its path any more."""
    if deleted:
        what = "deleted"
        cure = (
            "put the file back; or load each module that uses it again, "
            "app.load(ID, force=True), to begin with an empty one"
        )
    else:
        what = "replaced by another file"
        cure = "run this again: once no session of the old file is open, the new one is opened"
    return DatabaseFileLostError(
        f"database {database!r}: its file {path} was {what} while modframe used it, so nothing "
        "was written",
        cure=cure,
        database=database,
        path=path,
        deleted=deleted,
    )
