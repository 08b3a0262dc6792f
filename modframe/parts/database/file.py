"""`DatabaseFile`: the file of a database: the same one all the time, and held by one process;
`FileStore`: the base of stores that have one.

A wing locks it before its engine opens it; it is checked before each transaction and commit.

DuckDB locks its file by a POSIX lock. The system drops that when the process closes any descriptor
of the file, for example at the end of a copy. So modframe has a lock of its own: an ``flock`` on
``<name>.duckdb.lock``, which holds the owner's pid. The lock's file stays: if it were removed, two
processes could lock two files. Windows needs none: DuckDB opens its file for itself alone there.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sys
import weakref
from datetime import UTC, datetime
from pathlib import Path

from ...files import make_file, make_folder, open_file, sync
from .errors import (
    MAKE_ROOM,
    DatabaseFileLostError,
    DatabaseLockedError,
    DatabaseOpenError,
    DatabaseOpenFullError,
)

if sys.platform != "win32":
    import fcntl

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when a file can't grow."""
Identity = tuple[int, int]
"""Device and inode of a file."""

_files: weakref.WeakSet[DatabaseFile] = weakref.WeakSet()


def _close_in_child() -> None:
    """Close the locks that a forked child got from its parent, which would outlive the parent."""
    for file in list(_files):
        file.close_lock()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_close_in_child)


class DatabaseFile:
    """The file of the database ``database``; making this object makes nothing on disk.

    ``path`` has no symbolic links, so that one file has one lock. A file that is not ``exclusive``
    has none: its engine lets processes share it.
    """

    def __init__(self, database: str, path: Path, *, exclusive: bool = True) -> None:
        self.database = database
        self._exclusive = exclusive
        self.path = os.path.realpath(path)
        self.lock_path = f"{self.path}.lock"
        self._lock: int | None = None
        self._lock_identity: Identity | None = None
        self._opened: Identity | None = None
        _files.add(self)

    def lock(self) -> None:
        """Take the lock, without waiting; does nothing if this object has it.

        Raises:
            DatabaseLockedError: If another process has it, or another object of this one.
            DatabaseOpenError: If the file system has no locks.
            OSError: If the lock's file can't be made.
        """
        if sys.platform == "win32" or not self._exclusive:
            return
        if self._lock is not None and _identity(self.lock_path) == self._lock_identity:
            return
        make_folder(Path(self.path).parent)
        lock = open_file(Path(self.lock_path), os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as exc:
            holder = _read_pid(lock)
            os.close(lock)
            raise locked_error(self.database, self.path, holder=holder, waited=0.0) from exc
        except OSError as exc:
            os.close(lock)
            raise unlockable_error(self.database, self.path, exc) from exc
        self.close_lock()  # one whose file somebody removed
        self._lock, self._lock_identity = lock, _identity(lock)

    def unlock(self) -> None:
        """Give the lock back; does nothing if this object doesn't have it."""
        if self._lock is not None:
            with contextlib.suppress(OSError):  # closing it gives it back as well
                os.ftruncate(self._lock, 0)
            self.close_lock()

    def close_lock(self) -> None:
        """Close the descriptor of the lock; the lock goes with the last one of all processes."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    # -- is it still the same? ------------------------------------------------------------

    def note_opened(self) -> None:
        """Remember which file is at the path: its engine has just opened it."""
        self._opened = _identity(self.path)

    def forget(self) -> None:
        """Forget which file it was: the next one is made or opened as if it were the first."""
        self._opened = None

    @property
    def lost(self) -> bool:
        """Whether the file that was opened is not at its path any more."""
        return self._opened is not None and _identity(self.path) != self._opened

    @property
    def deleted(self) -> bool:
        """Whether the file that was opened is not at its path, and no other one is."""
        return self._opened is not None and _identity(self.path) is None

    def check(self) -> None:
        """Check that what is written gets into the file at the path, and that nobody else opens it.

        Raises:
            DatabaseFileLostError: If the file was deleted or replaced.
            DatabaseLockedError: If the lock's file was removed, and another process made a new one.
        """
        if self._opened is not None and _identity(self.path) != self._opened:
            raise lost_error(self.database, self.path, deleted=self.deleted)
        if self._exclusive:
            self.lock()


class FileStore:
    """What stores in a file share: which file it is, and whether it is still there.

    One without a ``path`` is in memory: it is never lost, and never given back.
    """

    def __init__(self, name: str, path: Path | None, *, exclusive: bool = True) -> None:
        self.name = name
        self.path = path
        self.gives_back = path is not None
        self._file = DatabaseFile(name, path, exclusive=exclusive) if path is not None else None

    def check(self) -> None:
        if self._file is not None:
            self._file.check()

    @property
    def lost(self) -> bool:
        return self._file is not None and self._file.lost

    def begin_anew(self) -> None:
        if self._file is not None:
            self._file.forget()

    # -- moves to another engine --

    async def hold(self) -> None:
        """Do nothing: the sessions of this process have ended."""

    async def let_go(self) -> None:
        """Do nothing, as `hold` does."""

    async def set_aside(self, engine: str) -> Path | str | None:
        _ = engine
        return await asyncio.to_thread(_set_aside, self.path) if self.path is not None else None

    async def receive(self) -> None:
        await asyncio.to_thread(self._receive)

    def _receive(self) -> None:
        if self._file is None or self.path is None:
            return
        make_folder(self.path.parent)
        self._file.lock()  # no other process is about to fill it
        mark = _mark_of(self.path)
        make_file(mark)
        sync(mark)
        sync(mark.parent)
        _remove(self.path)

    async def received(self) -> None:
        if self.path is not None:
            await asyncio.to_thread(_mark_of(self.path).unlink)

    async def discard(self) -> None:
        if self.path is not None:
            await asyncio.to_thread(_remove, self.path)
            await asyncio.to_thread(_mark_of(self.path).unlink, missing_ok=True)


def is_whole(path: Path | None) -> bool:
    """Return whether there is a file, and not only what a move that was cut off left of one."""
    return path is not None and path.is_file() and not _mark_of(path).exists()


def _mark_of(path: Path) -> Path:
    """Return the file that is beside a database's file while rows are moved into it."""
    return path.with_name(f"{path.name}.unfinished")


def _remove(path: Path) -> None:
    """Delete a closed database's file, with what its engine keeps beside it."""
    for end in ("", ".wal", "-wal", "-shm"):
        path.with_name(f"{path.name}{end}").unlink(missing_ok=True)


def _set_aside(path: Path) -> Path | None:
    """Give a closed database's file another name, which is returned."""
    if not path.exists():
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    return path.rename(path.with_name(f"{path.name}.moved-{stamp}"))


def _identity(file: str | int) -> Identity | None:
    try:
        status = os.stat(file)  # noqa: PTH116  # called for every transaction
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def _read_pid(lock: int) -> int | None:
    """Return the pid in the lock's file; ``None`` while its owner is about to write it."""
    text = os.pread(lock, 20, 0).strip()
    return int(text) if text.isdigit() else None


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


def unlockable_error(database: str, path: str, error: OSError) -> DatabaseOpenError:
    """Make the error for a file whose folder is full, or on a file system without locks."""
    if error.errno in _FULL:
        return opening_full_error(database, path, str(error))
    return DatabaseOpenError(
        f"database {database!r} can't be locked, so that two processes could write to it: "
        f"{path}.lock: {error.strerror or error}",
        cure="give this process a data folder on a local disk (MODFRAME_DATA)",
        database=database,
        path=path,
    )


def opening_full_error(database: str, path: str, reason: str) -> DatabaseOpenFullError:
    """Make the error for a file that can't be opened for want of room."""
    return DatabaseOpenFullError(
        f"database {database!r} ({path}) can't be opened, for its disk has no room left: {reason}",
        cure=MAKE_ROOM,
        database=database,
        path=path,
        purpose="",
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
