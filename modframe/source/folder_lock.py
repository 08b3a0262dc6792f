"""`lock_folder`: a lock on a folder that several processes change; a dead one's lock is free.

In goes a folder, out comes a context in which this thread has the lock. `folder_change` uses it.
The lock is an ``flock`` on the folder itself, so no file is made for it. Where the system can't
lock a folder (Windows, NFS), a hidden file in the folder is locked in its place.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import FolderBusyError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

WAIT = 10.0
"""Seconds that a change of another process gets to end; it takes some milliseconds."""
_STEP = 0.005
_LOCK_FILE = ".modframe-lock"
_HELD = (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def lock_folder(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of an existing folder; ``shared`` locks exclude only the others.

    Raises:
        FolderBusyError: If another process has held it for `WAIT` seconds.
        OSError: If there is no such folder, or nothing in it can be locked.
    """
    descriptor = _open_and_lock(folder, shared=shared)
    try:
        yield
    finally:
        _release(descriptor)


def _open_and_lock(folder: Path, *, shared: bool) -> int:
    try:
        return _lock(_open(folder, locks_folders=True), folder, shared=shared)
    except OSError:
        if not folder.is_dir():
            raise
        # NFS locks nothing that is not open for writing, and a folder never is.
        return _lock(_open(folder, locks_folders=False), folder, shared=shared)


def _lock(descriptor: int, folder: Path, *, shared: bool) -> int:
    ends = time.monotonic() + WAIT
    try:
        while not _try_lock(descriptor, shared=shared):
            if time.monotonic() >= ends:
                raise FolderBusyError(
                    f"another process has been changing {folder} for {WAIT:g} s",
                    cure="see which one exports into it, and try again",
                )
            time.sleep(_STEP)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _try_lock(descriptor: int, *, shared: bool) -> bool:
    """Return whether the lock was free and is held now."""
    try:
        _lock_now(descriptor, shared=shared)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True


if sys.platform == "win32":

    def _open(folder: Path, *, locks_folders: bool) -> int:  # noqa: ARG001  # it never does
        # The file goes when the last process has closed it.
        return os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_TEMPORARY)

    def _lock_now(descriptor: int, *, shared: bool) -> None:  # noqa: ARG001  # it has no shared ones
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _release(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        os.close(descriptor)

else:

    def _open(folder: Path, *, locks_folders: bool) -> int:
        if locks_folders:
            return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        return os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT | _NO_LINKS, 0o600)

    def _lock_now(descriptor: int, *, shared: bool) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    def _release(descriptor: int) -> None:
        # Not by closing alone: a child that was forked meanwhile has the descriptor as well.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)
