"""`Reads`: the files that a generation opened for reading while it was built: SQL, YAML, templates.

The batch opens a recording around a module's body and its phases. An audit hook adds each file that
is opened meanwhile, by `open`, `pathlib` or a template engine. The watch rebuilds a module when one
of its files changes.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence, Set
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from ..source.disk import Stamp, stamp_of

_current: ContextVar[Reads | None] = ContextVar("modframe_reads", default=None)
_MAX_FILES = 1000
"""A module that reads more has a folder of data, not a few files that belong to its source."""
_CODE = (".py", ".pyc", ".pyi", ".pyd", ".so")
_SYSTEM = ("/proc", "/sys", "/dev", "/lib", "/usr/lib", "/usr/share")


class Reads(Set[Path]):
    """The files, as a set of paths that grows while the generation is built.

    Files of Python and of installed packages are excluded: a rebuild doesn't read them again.
    """

    _declared: tuple[Path, tuple[str, ...]] = (Path(), ())

    def __init__(self) -> None:
        self._stamps: dict[str, Stamp] = {}
        self._excluded: tuple[str, ...] = _INSTALLED
        self._recordings = 0

    def exclude(self, folder: Path | None) -> None:
        """Record no file below a folder."""
        prefix = f"{folder}{os.sep}"
        if folder is not None and prefix not in self._excluded:
            self._excluded = (*self._excluded, prefix)

    def recording(self) -> Recording:
        """Record files opened in this block, also by tasks and threads that it starts."""
        return Recording(self)

    def add_declared(self, folder: Path, patterns: Iterable[str]) -> None:
        """Add files that a module declares, by patterns such as ``queries/*.sql`` in its folder."""
        self._declared = (folder, tuple(patterns))
        for path in self._declared_files():
            self._record(str(path))

    @property
    def folders(self) -> set[Path]:
        """The folders that hold the files."""
        return {path.parent for path in self}

    def _declared_files(self) -> list[Path]:
        folder, patterns = self._declared
        return [path for pattern in patterns for path in folder.glob(pattern)]

    def _record(self, path: str) -> None:
        name = os.path.abspath(path)  # noqa: PTH100  # `Path.absolute` keeps the dots
        if name in self._stamps or len(self._stamps) >= _MAX_FILES or name.endswith(_CODE):
            return
        if not name.startswith(self._excluded) and (stamp := stamp_of(name)) is not None:
            self._stamps[name] = stamp

    def __contains__(self, path: object) -> bool:
        return str(path) in self._stamps

    def __iter__(self) -> Iterator[Path]:
        return iter([Path(name) for name in list(self._stamps)])

    def __len__(self) -> int:
        return len(self._stamps)

    def __bool__(self) -> bool:
        """Return whether there are files to watch, or patterns that may match some later."""
        return bool(self._stamps or self._declared[1])

    @classmethod
    def _from_iterable(cls, paths: Iterable[Any]) -> Any:
        return set(paths)

    def __repr__(self) -> str:
        return f"<Reads: {len(self)} files>"


class Recording:
    """A ``with`` block in which `Reads` adds what is opened."""

    __slots__ = ("_reads", "_token")

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def __enter__(self) -> None:
        _install_hook()
        self._token = _current.set(self._reads)
        self._reads._recordings += 1

    def __exit__(self, *_: object) -> None:
        self._reads._recordings -= 1
        _current.reset(self._token)


def changed_files(reads: Sequence[Reads]) -> list[Path]:
    """Return the files that changed, vanished or appeared since they were read, sorted.

    Args:
        reads: One for each generation that read files; if several read a file, the last counts.
    """
    stamps: dict[str, Stamp] = {}
    for files in reads:
        stamps.update(files._stamps)
    changed = [Path(name) for name, stamp in stamps.items() if stamp_of(name) != stamp]
    declared = {path for files in reads for path in files._declared_files()}
    new = [path for path in declared if path.is_file() and str(path) not in stamps]
    return sorted([*changed, *new])


def _installed_folders() -> tuple[str, ...]:
    # Not all below `sys.prefix`: that may be /usr, and a workspace /usr/src/app.
    bases = {sys.prefix, sys.base_prefix, sys.exec_prefix}
    folders = {f"{base}/{part}" for base in bases for part in ("lib", "lib64", "share", "etc")}
    folders |= set(sysconfig.get_paths().values()) - bases
    folders |= {*site.getsitepackages(), site.getusersitepackages(), *_SYSTEM}
    return tuple(sorted(f"{folder.rstrip(os.sep)}{os.sep}" for folder in folders))


_INSTALLED = _installed_folders()
_WRITING = os.O_WRONLY | os.O_RDWR | getattr(os, "O_DIRECTORY", 0)


@cache
def _install_hook() -> None:
    """Install the audit hook, once: it is process-wide and can't be removed."""
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    # Called for every event that Python audits; an exception here would be raised by `open`.
    if event != "open":
        return
    reads = _current.get()
    if reads is None or not reads._recordings:
        return
    path, _, flags = arguments
    if isinstance(path, str | bytes) and not flags & _WRITING:
        try:
            reads._record(os.fsdecode(path))
        except (OSError, ValueError):
            return  # the current folder is gone, or the name has a NUL: no file to watch
