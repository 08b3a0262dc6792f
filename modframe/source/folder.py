"""Folders to sources: finds the modules of a workspace and reads one from its folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import ModuleNotFoundInWorkspaceError, WorkspaceError
from ..spec import MODULE_TYPES, module_id_of
from .source import Source, SourceFile

_SKIPPED = {"__pycache__", "node_modules"}


def find_modules(modules: Path) -> dict[str, Path]:
    """Module id → folder, for every ``<type>/<name>/`` below ``modules`` that has an ``api.py``."""
    found = {}
    for kind in MODULE_TYPES:
        folder = modules / kind
        if folder.is_dir():
            for one in sorted(folder.iterdir()):
                if (one / "api.py").is_file():
                    found[f"{kind}.{one.name}"] = one
    return found


def read_folder(folder: Path, *, module_id: str | None = None) -> Source:
    """The source in a folder; without an id, the folder's last two names give it.

    Raises:
        WorkspaceError: If there is no ``api.py`` in it, or a file isn't UTF-8 text.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise ModuleNotFoundInWorkspaceError(
            f"{str(folder)!r} is not a folder",
            cure="give a module's folder, for example modules/standard/orders",
        )
    if module_id is None:
        kind = folder.parent.name
        module_id = module_id_of(f"{kind if kind in MODULE_TYPES else 'standard'}.{folder.name}")
    files = {}
    for path in sorted(_python_files(folder)):
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise WorkspaceError(
                f"{module_id}: {path.name} is not UTF-8 text ({error.reason} at byte "
                f"{error.start})",
                cure="save it as UTF-8",
            ) from error
        files[path.relative_to(folder).as_posix()] = SourceFile(text, str(path))
    if "api.py" not in files:
        raise WorkspaceError(
            f"{module_id}: there is no api.py in {str(folder)!r}",
            cure="a module's class stands in its api.py; 'modframe scaffold' writes one",
        )
    return Source(module_id, files, "folder", str(folder))


def _python_files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if not path.name.startswith(".") and path.name not in _SKIPPED:
                yield from _python_files(path)
        elif path.suffix == ".py":
            yield path
