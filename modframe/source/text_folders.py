"""`TextFolders`: where module code finds the text files that cells wrote and no export has yet.

In goes a source, out comes the folder that its ``app_context.path`` is. That is the module's folder
as long as all texts of the source lie in it; else a temporary folder, which has these texts and
links to everything else in the module's folder. What module code writes there goes to the module's
folder once that has the texts, and at the end. `ModuleContext` asks for it; the engine owns it.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ..files import replace_file
from ..names import folder_of
from .source import Source

_log = logging.getLogger("modframe.source")


class TextFolders:
    """The folders of one app's modules; ``modules`` is the workspace's folder of modules."""

    def __init__(self, modules: Path) -> None:
        self._modules = modules
        self._temporary: TemporaryDirectory[str] | None = None
        self._made: dict[str, set[Path]] = {}
        """Module id → the texts in its temporary folder."""
        self._lock = threading.Lock()

    def is_temporary(self, folder: Path) -> bool:
        """Return whether a folder is one of these and not the module's own."""
        return self._temporary is not None and folder.is_relative_to(self._temporary.name)

    def path_of(self, source: Source) -> Path:
        """Return the folder in which module code finds its text files, as the source has them."""
        folder = folder_of(self._modules, source.module_id)
        if not source.text_files or _has_all(folder, source):
            if source.module_id in self._made:
                with self._lock:
                    self._give_back(source.module_id)
            return folder
        with self._lock:
            return self._fill(source, folder)

    def refresh(self, source: Source) -> None:
        """Bring a temporary folder up to date that code may have asked for before."""
        if source.module_id in self._made:
            with self._lock:
                self._fill(source, folder_of(self._modules, source.module_id))

    def _place(self, module_id: str) -> Path:
        if self._temporary is None:
            self._temporary = TemporaryDirectory(prefix="modframe-", ignore_cleanup_errors=True)
        return folder_of(Path(self._temporary.name), module_id)

    def _fill(self, source: Source, folder: Path) -> Path:
        place = self._place(source.module_id)
        place.mkdir(parents=True, exist_ok=True)
        own = {place / file for file in source.text_files}
        self._made.setdefault(source.module_id, set()).update(own)
        inside = {parent for path in own for parent in path.parents}
        _link_all(folder, place, own, inside)
        for file, content in source.text_files.items():
            path = place / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if _read(path) != content.text.encode() or path.is_symlink():
                replace_file(path, content.text.encode(), durable=False)
        return place

    def _give_back(self, module_id: str) -> None:
        """Move what module code wrote into a temporary folder to the module's own."""
        place = self._place(module_id)
        for path in place.rglob("*"):
            target = folder_of(self._modules, module_id) / path.relative_to(place)
            written = path.is_file() and not path.is_symlink() and path not in self._made[module_id]
            if written and not os.path.lexists(target):
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.move(path, target)
                except OSError as error:
                    _log.warning("%s, which module code wrote, is lost: %s", target, error)

    def close(self) -> None:
        """Remove the temporary folders, but for what module code wrote there."""
        if self._temporary is not None:
            for module_id in self._made:
                self._give_back(module_id)
            self._temporary.cleanup()


def _has_all(folder: Path, source: Source) -> bool:
    texts = source.text_files.items()
    return all(_read(folder / file) == content.text.encode() for file, content in texts)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _link_all(folder: Path, place: Path, own: set[Path], inside: Iterable[Path]) -> None:
    """Link what is in a folder into a temporary one, and drop links that lead nowhere."""
    for path in place.iterdir():
        if path.is_symlink() and not path.exists():
            path.unlink()
    for path in folder.iterdir() if folder.is_dir() else ():
        target = place / path.name
        if target in inside and path.is_dir():
            target.mkdir(exist_ok=True)
            _link_all(path, target, own, inside)
        elif target not in own and not os.path.lexists(target):
            with suppress(OSError):  # a system where links need a privilege
                target.symlink_to(path, target_is_directory=path.is_dir())
