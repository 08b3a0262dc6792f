"""`Reads`: the files a generation read while it was built: SQL, YAML, templates.

The runtime opens a recording around a module's body and around its phases; one audit hook in the
process writes down what is opened meanwhile, however it is: `open`, `pathlib`, a template engine.
The watch builds a module anew when one of its files changes.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
import threading
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ..source.disk import Stamp, stamp_of

_current: ContextVar[Reads | None] = ContextVar("modframe_reads", default=None)
_MOST = 1000
"""Whoever reads more has a folder of data, and not a few files that belong to its text."""
_CODE = (".py", ".pyc", ".pyi", ".pyd", ".so")
_SYSTEM = ("/proc", "/sys", "/dev", "/lib", "/usr/lib", "/usr/share")
_installing = threading.Lock()
_installed = False


class Reads(Set[Path]):
    """The files, a set of paths that grows while its generation is built.

    Python's own files are left out, and all that is installed: importing anew would not read them
    again.
    """

    def __init__(self) -> None:
        self._stamps: dict[str, Stamp] = {}
        self._left_out: tuple[str, ...] = _INSTALLED
        self._declared: tuple[Path, tuple[str, ...]] = (Path(), ())
        self._open = 0

    def leave_out(self, folder: Path | None) -> None:
        """Record nothing below a folder."""
        if folder is not None:
            self._left_out = (*self._left_out, f"{folder}{os.sep}")

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Write down what is opened inside, by tasks and threads that start there included."""
        _install()
        token = _current.set(self)
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            _current.reset(token)

    def add_declared(self, folder: Path, patterns: Iterable[str]) -> None:
        """Put in what a module declares: patterns such as ``queries/*.sql``, below its folder."""
        self._declared = (folder, tuple(patterns))
        for path in self._matching():
            self._note(str(path))

    @property
    def folders(self) -> set[Path]:
        """Where they lie."""
        return {path.parent for path in self}

    def _matching(self) -> list[Path]:
        folder, patterns = self._declared
        return [path for one in patterns for path in folder.glob(one)]

    def _note(self, path: str) -> None:
        name = os.path.abspath(path)  # noqa: PTH100  # `Path.absolute` keeps the dots
        if name in self._stamps or len(self._stamps) >= _MOST or name.endswith(_CODE):
            return
        if not name.startswith(self._left_out) and (stamp := stamp_of(name)) is not None:
            self._stamps[name] = stamp

    def __contains__(self, path: object) -> bool:
        return str(path) in self._stamps

    def __iter__(self) -> Iterator[Path]:
        return iter([Path(name) for name in list(self._stamps)])

    def __len__(self) -> int:
        return len(self._stamps)

    def __bool__(self) -> bool:
        """Whether there is something to follow, patterns that match nothing yet included."""
        return bool(self._stamps or self._declared[1])

    @classmethod
    def _from_iterable(cls, paths: Iterable[Any]) -> Any:
        return set(paths)

    def __repr__(self) -> str:
        return f"<Reads: {len(self)} files>"


def changed_files(reads: Sequence[Reads]) -> list[Path]:
    """The files that aren't what they were when they were read, gone and new ones included.

    Args:
        reads: Of the generations that read them; what a later one saw counts.
    """
    seen = {name: stamp for one in reads for name, stamp in list(one._stamps.items())}
    other = [Path(name) for name, stamp in seen.items() if stamp_of(name) != stamp]
    declared = {path for one in reads for path in one._matching() if path.is_file()}
    return sorted([*other, *(path for path in declared if str(path) not in seen)])


def _installed_folders() -> tuple[str, ...]:
    # Not all below `sys.prefix`: that may be /usr, and a workspace /usr/src/app.
    bases = {sys.prefix, sys.base_prefix, sys.exec_prefix}
    folders = {f"{base}/{part}" for base in bases for part in ("lib", "lib64", "share", "etc")}
    folders |= set(sysconfig.get_paths().values()) - bases
    folders |= {*site.getsitepackages(), site.getusersitepackages(), *_SYSTEM}
    return tuple(sorted(f"{folder.rstrip(os.sep)}{os.sep}" for folder in folders))


_INSTALLED = _installed_folders()
_WRITING = os.O_WRONLY | os.O_RDWR | getattr(os, "O_DIRECTORY", 0)


def _install() -> None:
    """Put the hook in, once: Python has no way to take one out again."""
    global _installed
    if not _installed:
        with _installing:
            if not _installed:
                sys.addaudithook(_opened)
                _installed = True


def _opened(event: str, arguments: tuple[Any, ...]) -> None:
    # Called for everything Python audits; what it raises would come out of the module's `open`.
    if event != "open":
        return
    reads = _current.get()
    if reads is None or not reads._open:
        return
    path, _, flags = arguments
    if isinstance(path, str | bytes) and not flags & _WRITING:
        try:
            reads._note(os.fsdecode(path))
        except (OSError, ValueError):
            return  # no folder to be relative to, or no text: nothing that could be followed
