"""Finds the modules below a workspace's folder, and reads the source in a module's folder.

Paths are strings here: every start reads every module, and `pathlib` took most of that time.
"""
# ruff: noqa: PTH112, PTH113, PTH114, PTH123, PTH206, PTH208

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import InvalidModuleIdError, ModuleNotFoundInWorkspaceError, WorkspaceError
from ..names import DEFAULT_TYPE, MODULE_TYPES
from ..spec import module_id_of
from .folder_change import finish_changes
from .source import Source, SourceFile

_SKIPPED = {"__pycache__", "node_modules"}
REVISIONS = "migrations"
"""The folder in a module's folder whose files ``modframe db`` keeps: no code of the module."""
_log = logging.getLogger("modframe.source")


def find_modules(modules: Path) -> dict[str, Path]:
    """Return module id → folder, for every ``<type>/<name>/`` below ``modules`` with an ``api.py``.

    A folder whose name can't be part of an id is left out, with a warning in the log. An export
    that was cut off is finished first.

    Raises:
        WorkspaceError: If it can't be finished.
    """
    finish_changes(modules)
    folders = {}
    for kind in MODULE_TYPES:
        parent = f"{modules}{os.sep}{kind}{os.sep}"
        for name in sorted(os.listdir(parent)) if os.path.isdir(parent) else ():
            if os.path.isfile(f"{parent}{name}{os.sep}api.py"):
                try:
                    folders[module_id_of(f"{kind}.{name}")] = Path(parent, name)
                except InvalidModuleIdError as error:
                    _log.warning("%s is left out: %s", parent + name, error)
    return folders


def read_folder(
    folder: Path,
    *,
    module_id: str | None = None,
    place: str = "",
    real_path: Callable[[str], str] = os.path.realpath,
) -> Source:
    """Return the source in a folder; without an id, the folder's last two names give it.

    Its ``place`` is the folder without links, unless one is given; ``real_path`` removes links.

    Raises:
        WorkspaceError: If there is no ``api.py`` in it.
    """
    path = real_path(str(folder))
    if not os.path.isdir(path):
        raise ModuleNotFoundInWorkspaceError(
            f"{path!r} is not a folder",
            cure="give a module's folder, for example modules/standard/orders",
        )
    if module_id is None:
        kind, name = path.split(os.sep)[-2:]
        module_id = module_id_of(f"{kind if kind in MODULE_TYPES else DEFAULT_TYPE}.{name}")
    files = {
        "/".join(names): SourceFile(_read(file, module_id), file)
        for names, file in sorted(_python_files(path))
    }
    if "api.py" not in files:
        raise WorkspaceError(
            f"there is no api.py in {path!r}",
            cure="a module's class stands in its api.py; 'modframe scaffold' writes one",
            subject=module_id,
        )
    return Source(module_id, files, "folder", place or path)


def real_paths() -> Callable[[str], str]:
    """Return a quicker `os.path.realpath` for many folders beside each other.

    It looks at each parent once, so it is for a time in which those don't change.
    """
    parents: dict[str, str] = {}

    def real_path(folder: str) -> str:
        if os.path.islink(folder):
            return os.path.realpath(folder)
        parent, name = os.path.split(folder)
        if parent not in parents:
            parents[parent] = os.path.realpath(parent)
        return f"{parents[parent]}{os.sep}{name}"

    return real_path


def _read(file: str, module_id: str) -> str:
    """Return a file's text; bytes that aren't UTF-8 become lone surrogates, which a check reports.

    The file is read without a buffer, as an import reads it.
    """
    try:
        with open(file, "rb", buffering=0) as opened:
            return opened.read().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise WorkspaceError(
            f"{file!r} can't be read: {error.strerror}",
            cure="see to it that the file is there and may be read",
            subject=module_id,
        ) from error


def _python_files(
    folder: str, names: tuple[str, ...] = (), above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield names below the module's folder and path of each file, also of those in subfolders.

    A link that leads back up is not followed.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _SKIPPED:  # `.#api.py` is a lock
                continue
            if not names and entry.name == REVISIONS:
                continue
            try:
                is_folder = entry.is_dir()
            except OSError:  # a link that leads in a circle, or through a file
                is_folder = False
            if is_folder:
                inside = (*above, os.path.realpath(folder))
                if os.path.realpath(entry.path) not in inside:
                    yield from _python_files(entry.path, (*names, entry.name), inside)
            elif entry.name.endswith(".py"):
                yield (*names, entry.name), entry.path
