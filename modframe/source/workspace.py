"""Finds the workspace, the folder with ``modules/`` and ``data/``; creates nothing."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

from ..errors import WorkspaceError
from ..names import MODULE_TYPES


def find_workspace(given: str | Path | None = None, *, above: Path | None = None) -> Path:
    """The workspace that was given, that ``MODFRAME_WORKSPACE`` names, or that is nearest upward.

    Upward, a folder counts whose ``pyproject.toml`` has ``[tool.modframe]``, else one whose
    ``modules/`` holds a type's folder; not above the home folder or a repository's root. Where
    there is none, the working directory; ``above`` is where to start instead of it.

    Raises:
        WorkspaceError: If what was given is no folder.
    """
    named = given or os.environ.get("MODFRAME_WORKSPACE")
    if named:
        folder = Path(named).expanduser().resolve()
        if folder.exists() and not folder.is_dir():
            raise WorkspaceError(
                f"the workspace {str(folder)!r} is not a folder", cure="give a folder"
            )
        return folder
    here = above or Path.cwd()
    upward = list(_upward(here))
    for folder in upward:
        if _declares(folder / "pyproject.toml"):
            return folder
    for folder in upward:
        if any((folder / "modules" / kind).is_dir() for kind in MODULE_TYPES):
            return folder
    return here


def _upward(here: Path) -> Iterator[Path]:
    home = Path.home()
    for folder in (here, *here.parents):
        if folder == folder.parent or (folder in home.parents):
            return
        yield folder
        if folder == home or (folder / ".git").exists():
            return


def _declares(file: Path) -> bool:
    try:
        return "modframe" in tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False


def data_folder(given: str | Path | None, workspace: Path) -> Path | None:
    """The folder of databases, logs and preferences; nothing for ``":memory:"``."""
    named = given or os.environ.get("MODFRAME_DATA")
    if named is None:
        return workspace / "data"
    return None if str(named) == ":memory:" else Path(named).expanduser().resolve()
