"""`OnDisk`: the modules that lie in a workspace's folder and in notebooks, by id.

The engine asks it for what is to start and what is required; the watch asks it again after a save.
It keeps nothing but the notebooks it read last, so it always tells what is there now.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import WorkspaceError
from ..names import folder_of
from ..wording import count
from .cells import MAGIC
from .folder import find_modules, read_folder
from .notebook import joined, read_notebook
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
class _Read:
    """What reading a notebook gave, and the state of the file it is about."""

    stamp: Stamp | None
    sources: Mapping[str, Source]
    fault: WorkspaceError | None = None


class OnDisk:
    """The modules below a folder, and those that notebooks hold, which win over the folder.

    Args:
        modules: The workspace's ``modules/``.
        notebooks: Read in this order, as if their cells were run one after the other.
    """

    def __init__(self, modules: Path, notebooks: Iterable[Path] = ()) -> None:
        self.modules = modules
        self.notebooks = tuple(dict.fromkeys(one.expanduser().resolve() for one in notebooks))
        self._read: dict[Path, _Read] = {}

    def refuse_unreadable(self) -> None:
        """Look at the notebooks before anything begins.

        Raises:
            WorkspaceError: If one can't be read, or has no ``%%module`` cell.
        """
        for notebook in self.notebooks:
            read = self._look_at(notebook)
            if read.fault is not None:
                raise read.fault
            if not read.sources:
                raise WorkspaceError(
                    f"{notebook.name} has no {MAGIC} cell, so there is nothing of it to serve",
                    cure=f"begin the cells that are a module's files with {MAGIC} NAME [FILE]",
                )

    def ids(self) -> list[str]:
        """Every module there is."""
        return sorted({*find_modules(self.modules), *self.in_notebooks()})

    def in_notebooks(self) -> dict[str, list[Source]]:
        """Module id → what each notebook says of it, in order; as last read, if it can't be now."""
        found: dict[str, list[Source]] = {}
        for notebook in self.notebooks:
            for module_id, source in self._look_at(notebook).sources.items():
                found.setdefault(module_id, []).append(source)
        return found

    def folder(self, module_id: str) -> Path | None:
        """A module's folder, if it has an ``api.py`` there."""
        folder = folder_of(self.modules, module_id)
        return folder if (folder / "api.py").is_file() else None

    def source(self, module_id: str) -> Source | None:
        """A module's text as it is now, or nothing.

        A notebook that has no ``api.py`` of it adds its cells to the folder's files, as they would
        in a kernel; one that has stands for the whole.

        Raises:
            WorkspaceError: If a file of it, or a notebook that it stands in, can't be read.
        """
        found = self.in_notebooks().get(module_id, [])
        for notebook in {Path(one.place) for one in found}:
            if (fault := self._look_at(notebook).fault) is not None:
                raise fault
        folder = self.folder(module_id)
        if folder is not None and not any("api.py" in one.files for one in found):
            read = read_folder(folder, module_id=module_id)
            found.insert(0, replace(read, place=str(folder)))  # as `holds` knows it, links and all
        return joined(found) if found else None

    def holds(self, source: Source) -> bool:
        """Whether a text came from here, so that it follows what becomes of it here."""
        if source.origin == "notebook":
            return Path(source.place) in self.notebooks
        folder = folder_of(self.modules, source.module_id)
        return source.origin == "folder" and source.place == str(folder)

    def _look_at(self, notebook: Path) -> _Read:
        stamp = stamp_of(notebook)
        before = self._read.get(notebook)
        if before is not None and before.stamp == stamp:
            return before
        try:
            read = _Read(stamp, read_notebook(notebook))
        except WorkspaceError as error:
            read = _Read(stamp, before.sources if before else {}, error)
        self._read[notebook] = read
        return read

    def __repr__(self) -> str:
        return f"<OnDisk {self.modules}, {count(len(self.notebooks), 'notebook')}>"
