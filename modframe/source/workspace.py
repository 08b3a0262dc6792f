"""Finds the workspace, the folder with ``modules/`` and ``data/``; creates nothing."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from ..errors import DataFolderError, WorkspaceError
from ..names import MODULE_TYPES

_ROOM = 64 * 1024
"""Bytes that there has to be room for at start."""


def find_workspace(folder: str | Path | None = None, *, above: Path | None = None) -> Path:
    """Return the workspace: ``folder``, else ``MODFRAME_WORKSPACE``, else the nearest one upward.

    A folder upward is a workspace if its ``pyproject.toml`` has ``[tool.modframe]``, else if its
    ``modules/`` has a folder of a module type. The search starts at ``above``, by default the
    working directory, and ends at the home folder and at a repository's root; if it finds none,
    the workspace is the folder where it started.

    Raises:
        WorkspaceError: If ``folder`` is not a folder.
    """
    named = folder or os.environ.get("MODFRAME_WORKSPACE")
    if named:
        workspace = Path(named).expanduser().resolve()
        if workspace.exists() and not workspace.is_dir():
            raise WorkspaceError(
                f"the workspace {str(workspace)!r} is not a folder", cure="give a folder"
            )
        return workspace
    start = above or Path.cwd()
    folders = list(_upward(start))
    signs = (_has_settings, _has_modules)
    return next((folder for sign in signs for folder in folders if sign(folder)), start)


def _upward(start: Path) -> Iterator[Path]:
    home = Path.home()
    for folder in (start, *start.parents):
        if folder == folder.parent or (folder in home.parents):
            return
        yield folder
        if folder == home or (folder / ".git").exists():
            return


def _has_settings(folder: Path) -> bool:
    return "modframe" in _tools(folder)


def project_settings(folder: Path) -> Mapping[str, Any]:
    """Return ``[tool.modframe]`` of a workspace's ``pyproject.toml``; empty if there is none."""
    settings = _tools(folder).get("modframe", {})
    return settings if isinstance(settings, dict) else {}


def _tools(folder: Path) -> Mapping[str, Any]:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}
    tools = project.get("tool", {})
    return tools if isinstance(tools, dict) else {}


def _has_modules(folder: Path) -> bool:
    return any((folder / "modules" / kind).is_dir() for kind in MODULE_TYPES)


def data_folder(folder: str | Path | None, workspace: Path) -> Path | None:
    """Return the folder of databases, logs and preferences; ``None`` for ``":memory:"``."""
    named = folder or os.environ.get("MODFRAME_DATA")
    if named is None:
        return workspace / "data"
    return None if str(named) == ":memory:" else Path(named).expanduser().resolve()


def refuse_unwritable(data: Path | None) -> None:
    """Check that something can be written to the data folder, or made where it isn't there yet.

    Nothing is left behind: the file that is written has no name.

    Raises:
        DataFolderError: If it can't; with the way out.
    """
    if data is None:
        return
    place = next(path for path in (data, *data.parents) if os.path.lexists(path))
    try:
        with TemporaryFile(dir=place) as file:
            file.write(b"\0" * _ROOM)
            file.flush()
    except OSError as error:
        # The name of the file that was tried means nothing to anyone.
        why = f"{place} is a file" if place.is_file() else error.strerror or str(error)
        raise DataFolderError(
            f"nothing can be written to the data folder {data}: {why}",
            cure="make room or give the rights to write there, choose another folder with data= or "
            'MODFRAME_DATA, or keep nothing with data=":memory:"',
            folder=data,
        ) from None  # the message has the reason, and the frames are those of tempfile
