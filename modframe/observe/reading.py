"""`LogFiles`: `app.log` or `errors.jsonl`, and the files it was renamed to, read back.

In goes the path that `RotatingFile` writes to; out come lines, the oldest first, and then new ones
as they are written. ``modframe logs`` and `RecordedErrors` call it, in a process that need not
be the writer's.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_LOOK_AGAIN = 1000
"""Milliseconds after which the files are looked at although the system reported no change."""
_STEP, _LONGEST = 20, 200
"""Milliseconds: the pause that ends a burst of lines, and its greatest length."""


class LogFiles:
    """The files of one log.

    Args:
        path: The newest one; ``app.log.1`` is the one before it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Return whether there is a line to read."""
        return bool(self._files())

    def newest(
        self, pick: Callable[[str], T | None], *, limit: int | None, enough: Callable[[str], bool]
    ) -> tuple[list[T], Position]:
        """Return what was picked of the newest lines, and where they end.

        Args:
            pick: Returns what becomes of a line; ``None`` leaves it out.
            limit: How many at most; ``None`` for all.
            enough: Returns whether nothing older than a line is wanted.
        """
        picked: list[T] = []
        end = Position()
        read: set[int] = set()  # a file that is renamed meanwhile would come again
        for path in self._paths():
            here, found = Position(), deque[T](maxlen=limit)
            first = ""
            for line in self._lines_after(here, path, known=read):
                first = first or line
                if (one := pick(line)) is not None:
                    found.append(one)
            read.add(here.inode)
            end = end if end.inode else here
            picked = [*found, *picked]
            if (limit is not None and len(picked) >= limit) or enough(first):
                break
        return picked[max(0, len(picked) - limit) :] if limit is not None else picked, end

    def follow(self, position: Position) -> Iterator[str]:
        """Yield each line that is written after a position, for ever; also over a rotation."""
        for _ in self._changes():
            for path in self._files_from(position):
                yield from self._lines_after(position, path)

    @staticmethod
    def _lines_after(
        position: Position, path: Path, *, known: Container[int] = ()
    ) -> Iterator[str]:
        """Yield the whole lines of a file after a position, and move the position on.

        A file whose inode is known has none.
        """
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return  # renamed a moment ago: the next look finds it
        with file:
            status = os.fstat(file.fileno())
            if status.st_ino in known:
                return
            if status.st_ino != position.inode or status.st_size < position.offset:
                position.inode, position.offset = status.st_ino, 0
            file.seek(position.offset)
            for content in file:
                if not content.endswith(b"\n"):
                    return  # its rest isn't written yet
                position.offset += len(content)
                yield content[:-1].decode(errors="replace")

    def _files(self) -> list[Path]:
        """Return the files that exist, the newest first."""
        return list(self._paths())

    def _paths(self) -> Iterator[Path]:
        """Yield the files that exist, the newest first; each is looked for when its turn comes."""
        if self.path.is_file():
            yield self.path
        number = 1
        while (backup := self.path.with_name(f"{self.path.name}.{number}")).is_file():
            yield backup
            number += 1

    def _files_from(self, position: Position) -> list[Path]:
        """Return the file that a position is in and those that came after it, the oldest first."""
        paths = self._files()
        for at, path in enumerate(paths):
            with suppress(FileNotFoundError):
                if path.stat().st_ino == position.inode:
                    return paths[at::-1]
        return paths[::-1] if position.inode == 0 else paths[:1]

    def _changes(self) -> Iterator[None]:
        """Yield at once, and then each time when files may have changed."""
        from watchfiles import watch

        while True:
            yield
            folder = next(parent for parent in self.path.parents if parent.is_dir())
            with suppress(FileNotFoundError):  # the folder was removed meanwhile
                for _ in watch(
                    folder, watch_filter=None, recursive=False, step=_STEP, debounce=_LONGEST,
                    rust_timeout=_LOOK_AGAIN, yield_on_timeout=True,
                ):  # fmt: skip
                    yield
                    if folder != self.path.parent or not folder.is_dir():
                        break  # the log's own folder is there by now, or is gone


class Position:
    """How far a log was read: a file, known by its number in the file system, and bytes in it."""

    def __init__(self, inode: int = 0, offset: int = 0) -> None:
        self.inode, self.offset = inode, offset
