"""`OnDisk`: the modules that lie in a workspace's folder and in notebooks, by id.

The engine asks it for what to start and what is required; the watch asks it again after a save. It
keeps only the notebooks it read last, by their state on disk, so its answers are always current.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import WorkspaceError
from ..names import folder_of, path_below
from ..wording import count
from .cells import MAGIC
from .folder import find_modules, read_folder, real_paths
from .folder_change import holding_still
from .notebook import merge_sources, read_notebook
from .source import Source

Stamp = tuple[int, int, int]
"""Time of change in nanoseconds, size in bytes, inode: differs once a file was changed."""


def stamp_of(path: str | Path) -> Stamp | None:
    """Return the stamp of a regular file, or ``None`` if there is none at that path."""
    try:
        status = os.stat(path)  # noqa: PTH116  # called for every file that a module opens
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


@dataclass(frozen=True, slots=True)
class _ReadNotebook:
    """What reading a notebook gave, and the state that the file had then."""

    stamp: Stamp | None
    sources: Mapping[str, Source]
    fault: WorkspaceError | None = None


class OnDisk:
    """The modules below a ``modules/`` folder and those in notebooks, which win over the folder.

    The notebooks are read in the order given, as if their cells were run one after the other.
    """

    def __init__(self, modules: Path, notebooks: Iterable[Path] = ()) -> None:
        self.modules = modules
        self.notebooks = tuple(dict.fromkeys(path.expanduser().resolve() for path in notebooks))
        self._read: dict[Path, _ReadNotebook] = {}

    def refuse_unreadable(self) -> None:
        """Check the notebooks before anything starts.

        Raises:
            WorkspaceError: If one can't be read, or has no ``%%module`` cell.
        """
        for notebook in self.notebooks:
            read = self._read_current(notebook)
            if read.fault is not None:
                raise read.fault
            if not read.sources:
                raise WorkspaceError(
                    f"{notebook.name} has no {MAGIC} cell, so there is nothing of it to serve",
                    cure=f"begin the cells that are a module's files with {MAGIC} NAME [FILE]",
                )

    def ids(self) -> list[str]:
        return sorted({*find_modules(self.modules), *self.in_notebooks()})

    def in_notebooks(self) -> dict[str, list[Source]]:
        """Return module id → its source in each notebook, as last read if it can't be read now."""
        sources: dict[str, list[Source]] = {}
        for notebook in self.notebooks:
            for module_id, source in self._read_current(notebook).sources.items():
                sources.setdefault(module_id, []).append(source)
        return sources

    def folder(self, module_id: str) -> Path | None:
        """Return a module's folder, if there is an ``api.py`` in it."""
        folder = path_below(self.modules, module_id)
        return Path(folder) if os.path.isfile(f"{folder}{os.sep}api.py") else None  # noqa: PTH113

    @contextmanager
    def reading(self) -> Iterator[Callable[[str], Source | None]]:
        """Yield `source`, for many modules: no change of their folder happens in the block.

        Raises:
            WorkspaceError: If a change of the folder that was cut off can't be finished.
        """
        with holding_still(self.modules):
            yield partial(self._source, real_paths())

    def source(self, module_id: str) -> Source | None:
        """Return a module's text as it is now, or ``None``.

        A notebook without ``api.py`` for it adds its cells to the folder's files, as they would in
        a kernel; a notebook with ``api.py`` replaces the folder.

        Raises:
            WorkspaceError: If a file or a notebook of the module can't be read.
        """
        with self.reading() as read:
            return read(module_id)

    def _source(self, real_path: Callable[[str], str], module_id: str) -> Source | None:
        sources = self.in_notebooks().get(module_id, [])
        for notebook in {Path(source.place) for source in sources}:
            if (fault := self._read_current(notebook).fault) is not None:
                raise fault
        if not any("api.py" in source.files for source in sources):
            folder = self.folder(module_id)
            if folder is not None:
                # `holds` compares the unresolved path.
                read = read_folder(
                    folder, module_id=module_id, place=str(folder), real_path=real_path
                )
                sources = [read, *sources]
        return merge_sources(sources) if sources else None

    def holds(self, source: Source) -> bool:
        """Return whether a source was read from here, so that it follows changes here."""
        if source.origin == "notebook":
            return Path(source.place) in self.notebooks
        folder = folder_of(self.modules, source.module_id)
        return source.origin == "folder" and source.place == str(folder)

    def _read_current(self, notebook: Path) -> _ReadNotebook:
        stamp = stamp_of(notebook)
        before = self._read.get(notebook)
        if before is not None and before.stamp == stamp:
            return before
        try:
            read = _ReadNotebook(stamp, read_notebook(notebook))
        except WorkspaceError as error:
            read = _ReadNotebook(stamp, before.sources if before else {}, error)
        self._read[notebook] = read
        return read

    def __repr__(self) -> str:
        return f"<OnDisk {self.modules}, {count(len(self.notebooks), 'notebook')}>"
