"""`init_workspace`: makes a folder a workspace with everything that the guide's commands need.

``modframe init`` calls it. What is there already stays as it is, and is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import ScaffoldError
from ..load.imports import DOORS

TEMPLATES = Path(__file__).parent / "templates" / "workspace"
FILES: Mapping[str, str] = {
    "app.py": "app.py",
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "environment.yml": "environment.yml",
    ".gitignore": "gitignore",
    ".github/workflows/test.yml": "test.yml",
    "tools/scaffold_module.py": "scaffold_module.py",
    "tools/compliance/compliance.py": "compliance.py",
    "notebooks/first_module.ipynb": "first_module.ipynb",
}
"""File of a workspace → the template that it is a copy of."""
STUBS: Mapping[str, str] = {
    "typings/core/__init__.pyi": "",
    **{f"typings/core/{door}.pyi": f"from modframe.{door} import *\n" for door in DOORS},
    "typings/core/app_context.pyi": (
        "from modframe.context import ModuleContext\n\napp_context: ModuleContext\n"
    ),
}
"""Stub of what `core` is inside modules → its text; mypy and Pyright read them."""
_MODULES = "modules/standard"


@dataclass(frozen=True, slots=True)
class NewWorkspace:
    """What was written: the folder, the new files, and those that were there and were left alone.

    Attributes:
        written: Paths relative to the folder.
        kept: Paths relative to the folder.
    """

    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]


def init_workspace(folder: Path) -> NewWorkspace:
    """Write what a workspace needs and the folder does not have yet.

    Raises:
        ScaffoldError: If a file can't be written; names those that were written before.
    """
    written: list[str] = []
    kept: list[str] = []
    try:
        (folder / _MODULES).mkdir(parents=True, exist_ok=True)
        for file in (*FILES, *STUBS):
            (written if write_missing(folder, file) else kept).append(file)
    except OSError as error:
        before = f"; written before: {', '.join(written)}" if written else ""
        raise ScaffoldError(
            f"{str(folder)!r} can't be made a workspace: {error}{before}",
            cure="name a folder in which you may write; to go on, run the command again",
        ) from error
    return NewWorkspace(folder, tuple(written), tuple(kept))


def write_missing(folder: Path, file: str) -> bool:
    """Write one of `FILES` or `STUBS` below a folder, and return whether it was missing."""
    path = folder / file
    if path.exists() or path.is_symlink():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    text = STUBS[file].encode() if file in STUBS else (TEMPLATES / FILES[file]).read_bytes()
    with path.open("xb") as stream:
        stream.write(text)
    return True
