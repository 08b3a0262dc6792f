"""`RotatingFile`: a file that lines are appended to, renamed when it is full.

In go bytes that end in a newline; out come `app.log`, `app.log.1`, `app.log.2`, ... `Writer` owns
two of them.

Several processes may write one file (two kernels in one workspace). The standard library's
RotatingFileHandler does not support that: each process renames the other's file and goes on writing
to it. Here every append is one write in append mode, which the operating system keeps whole. Before
it, the path is checked, so that a file which another process renamed is closed. The full file is
renamed under a lock on that file; a process that can't get the lock writes to the full file. So
nothing waits for another process, not even for one that is stopped in a debugger.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ..files import make_folder, open_file

if sys.platform != "win32":
    import fcntl


class RotatingFile:
    """A file that lines are appended to; made, with its folder, with the first line.

    Once it has ``max_bytes`` it is renamed; of renamed files, ``backups`` are kept, at least 1.
    """

    def __init__(self, path: Path, *, max_bytes: int, backups: int) -> None:
        if backups < 1:
            raise ValueError(f"{path.name!r} needs at least 1 backup, or rotating loses lines")
        self.path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._fd: int | None = None
        self._torn = False

    def append(self, lines: bytes) -> None:
        """Write whole lines; rename the file first if it would grow over its size.

        Raises:
            OSError: If writing fails; part of the lines may be written.
        """
        fd = self._current()
        size = os.fstat(fd).st_size
        if size and size + len(lines) > self._max_bytes and self._rotate(fd):
            fd = self._current()
        # After a write that broke off, the next line must not continue the broken one.
        rest = memoryview(b"\n" + lines if self._torn else lines)
        self._torn = True
        while rest:
            rest = rest[os.write(fd, rest) :]
        self._torn = False

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _current(self) -> int:
        """Return the descriptor of the file that is at the path now."""
        if self._fd is not None and self._is_at_path(self._fd):
            return self._fd
        self.close()
        make_folder(self.path.parent)
        self._fd = open_file(self.path, os.O_WRONLY | os.O_APPEND)
        return self._fd

    def _is_at_path(self, fd: int) -> bool:
        try:
            return os.path.samestat(self.path.stat(), os.fstat(fd))
        except FileNotFoundError:
            return False

    def _rotate(self, fd: int) -> bool:
        """Rename the full file; return False if another process is doing that."""
        with _lock(fd) as locked:
            if not locked:
                return False
            if self._is_at_path(fd):  # else another process did it, and a new file is at the path
                for number in range(self._backups - 1, 0, -1):
                    with contextlib.suppress(FileNotFoundError):
                        self._backup(number).replace(self._backup(number + 1))
                try:
                    self.path.replace(self._backup(1))
                except PermissionError:  # Windows, while another process has it open
                    return False
        return True

    def _backup(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


@contextlib.contextmanager
def _lock(fd: int) -> Iterator[bool]:
    """Hold a lock on the file, and yield whether this process has it."""
    if sys.platform == "win32":
        yield True  # no lock needed: renaming an open file is refused there
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)
