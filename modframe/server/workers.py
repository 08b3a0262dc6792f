"""`sole_worker`: refuses to run as one of several workers of a server.

`create_app` calls it before anything loads. ``uvicorn --workers 2``, ``WEB_CONCURRENCY`` and their
like start processes of one application that know nothing of each other: each would have modules,
tasks and databases of its own, and a swap would reach one of them.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ServeError
from ..files import make_folder, open_file

if sys.platform != "win32":
    import fcntl

_LOCK = "worker.lock"
_LONGEST = 64
_held: set[int] = set()
"""Descriptors of locks. Process-wide, because a fork hook is, and can't be removed."""


def _close_in_child() -> None:
    """Close the locks that a forked child got from its parent, which would outlive the parent."""
    while _held:
        os.close(_held.pop())


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_close_in_child)


@contextmanager
def sole_worker(data: Path | None) -> Iterator[None]:
    """Be the only process that a server has started for this data folder, inside the block.

    Processes that were started separately may share a data folder. Without one nothing is checked.

    Raises:
        ServeError: If the process that started this one has started another one, which runs.
    """
    if data is None or sys.platform == "win32":
        yield
        return
    make_folder(data)
    lock = open_file(data / _LOCK, os.O_RDWR)
    _held.add(lock)
    try:
        _take(lock, data)
        yield
    finally:
        if lock in _held:  # a forked child has closed its own
            _held.discard(lock)
            os.close(lock)


def _take(lock: int, data: Path) -> None:
    """Take the lock, or leave it with a process that this one has nothing to do with."""
    own = (os.getpid(), os.getppid())
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # it is held, or this file system has none
        holder = _read(lock)
        if holder and holder[1] == own[1] and _is_worker():
            raise ServeError(
                f"process {own[0]} is a second worker of a server: process {holder[0]} runs the "
                f"app on {data}. Each would have modules, tasks and databases of its own, and a "
                "swap would reach one of them",
                cure="start the server with one worker: --workers 1, and no WEB_CONCURRENCY",
                holder=holder[0],
            ) from None
        return
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{own[0]} {own[1]}\n".encode(), 0)


def _read(lock: int) -> tuple[int, int] | None:
    """Return the process that has the lock and the one that started it; ``None`` if unknown."""
    words = os.pread(lock, _LONGEST, 0).split()
    if len(words) == 2 and all(word.isdigit() for word in words):
        return int(words[0]), int(words[1])
    return None


def _is_worker() -> bool:
    """Return whether a server has started this process, not a shell or another program."""
    if multiprocessing.parent_process() is not None:
        return True
    import psutil

    try:  # one that was forked has its parent's command line
        return bool(psutil.Process(os.getppid()).cmdline() == psutil.Process().cmdline())
    except psutil.Error:
        return False
