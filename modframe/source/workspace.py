"""Finds the workspace, the folder with ``modules/`` and ``data/``; creates nothing."""

from __future__ import annotations

import logging
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from ..errors import DataFolderError, WorkspaceError
from ..files import close_to_others
from ..names import MODULE_TYPES
from ..wording import some
from .owners import stranger_at, writers_at

_log = logging.getLogger("modframe.source")
_PROJECT = "pyproject.toml"
TOKEN_FILE = "token"  # noqa: S105  # a name
"""Where a data folder keeps the token of its servers."""
_OWN = re.compile(
    r"logs|databases|quickstart(-\d+)?|exports\.json|token|\.modframe-.*"
    r"|(history|preferences)\.sqlite(-wal|-shm|-journal)?"
)
"""What modframe makes in a data folder."""
_ROOM = 64 * 1024
"""Bytes that there has to be room for at start."""


@dataclass(frozen=True, slots=True)
class FoundWorkspace:
    """A workspace, and what to know of the search for it.

    Attributes:
        passed: Why a workspace above isn't used, and how it would be; empty if there is none.
    """

    folder: Path
    passed: str = ""

    @property
    def whose(self) -> str:
        """A line about whose it is; empty if nobody but this user and root owns it.

        It is for the containers and the shared disks where that is as it should be, and for
        whoever is surprised.
        """
        for path in _parts(self.folder):
            if owner := stranger_at(path):
                return f"{owner} owns {path}, and what is in it runs with your rights"
        return ""


def find_workspace(folder: str | Path | None = None, *, above: Path | None = None) -> Path:
    """Return the workspace: ``folder``, else ``MODFRAME_WORKSPACE``, else the nearest one upward.

    A folder upward is a workspace if its ``pyproject.toml`` has ``[tool.modframe]``, or if its
    ``modules/`` has a folder of a module type. The search starts at ``above``, by default the
    working directory, and ends at the home folder, at a repository's root, and before a folder
    that others could have put code into: one that somebody else owns or can write to, itself, its
    ``pyproject.toml`` or its ``modules/``. Where the search starts, and what is named, counts
    whoever owns it. If the search finds none, the workspace is the folder where it started.

    Raises:
        WorkspaceError: If ``folder`` is not a folder.
    """
    return look_for_workspace(folder, above=above).folder


def look_for_workspace(
    folder: str | Path | None = None, *, above: Path | None = None
) -> FoundWorkspace:
    """Return the workspace as `find_workspace` does, with what to know of it."""
    named = folder or os.environ.get("MODFRAME_WORKSPACE")
    if named:
        workspace = Path(named).expanduser().resolve()
        if workspace.exists() and not workspace.is_dir():
            raise WorkspaceError(
                f"the workspace {str(workspace)!r} is not a folder", cure="give a folder"
            )
        return FoundWorkspace(workspace)
    return _search(above or Path.cwd())


def workspace_above(start: Path) -> Path | None:
    """Return the nearest folder upward that is a workspace, as `find_workspace` says."""
    found = _search(start).folder
    return found if found != start or _is_workspace(start) else None


def _search(start: Path) -> FoundWorkspace:
    for folder in _upward(start):
        why = _why_not(folder) if folder != start else ""
        found = _is_workspace(folder)
        if why:
            passed = (
                f"the workspace {folder} is not used, since {why}; to use it, name it with "
                "MODFRAME_WORKSPACE, --workspace or modframe.start(workspace=...)"
            )
            return FoundWorkspace(start, passed if found else "")
        if found:
            return FoundWorkspace(folder)
    return FoundWorkspace(start)


def _upward(start: Path) -> Iterator[Path]:
    home = Path.home()
    for folder in (start, *start.parents):
        if folder == folder.parent or (folder in home.parents):
            return
        yield folder
        if folder == home or (folder / ".git").exists():
            return


def _parts(folder: Path) -> tuple[Path, ...]:
    """Return what makes a folder a workspace: whoever can change one of them can run code."""
    return folder, folder / _PROJECT, folder / "modules"


def _why_not(folder: Path) -> str:
    """Return why a folder that nobody named may hold code of others; empty if it doesn't."""
    for path in _parts(folder):
        if owner := stranger_at(path):
            return f"{owner} owns {path}"
        if writers := writers_at(path):
            return f"{writers} can write to {path}"
    return ""


def _is_workspace(folder: Path) -> bool:
    try:
        tools = _tools(folder)
    except WorkspaceError:  # not this search's affair: who uses the folder is told
        tools = {}
    return "modframe" in tools or any((folder / "modules" / kind).is_dir() for kind in MODULE_TYPES)


def project_settings(folder: Path) -> Mapping[str, Any]:
    """Return ``[tool.modframe]`` of a workspace's ``pyproject.toml``; empty if there is none.

    Raises:
        WorkspaceError: If the file can't be read.
    """
    settings = _tools(folder).get("modframe", {})
    return settings if isinstance(settings, dict) else {}


def _tools(folder: Path) -> Mapping[str, Any]:
    file = folder / _PROJECT
    try:
        # Nothing else is opened: a pipe that somebody put there would never end.
        project = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WorkspaceError(
            f"{file} can't be read: {error}",
            cure="mend it: [tool.modframe] of it says how this workspace is run",
        ) from error
    tools = project.get("tool", {})
    return tools if isinstance(tools, dict) else {}


def data_folder(folder: str | Path | None, workspace: Path) -> Path | None:
    """Return the folder of databases, logs and preferences; ``None`` for ``":memory:"``."""
    named = folder or os.environ.get("MODFRAME_DATA")
    if named is None:
        return workspace / "data"
    return None if str(named) == ":memory:" else Path(named).expanduser().resolve()


def close_data_folder(data: Path) -> None:
    """Take the rights of others from what earlier versions made in a data folder, and log it.

    What a person keeps there stays as it is; so does the folder's own mode then. What a person
    shared with a group keeps the group's rights: `modframe.files` says how that is told.
    """
    try:
        closed = _close(data)
    except OSError as error:
        _log.warning("others may be able to read what is in %s: %s", data, error)
        return
    if closed:
        _log.warning(
            "others could read what modframe keeps in %s, and can't any more: %s. To share the "
            "folder with a group: chgrp -R GROUP, then chmod -R g+rwX,o=",
            data,
            some([os.path.relpath(path, data.parent) for path in closed]),
        )


def _close(data: Path) -> list[Path]:
    if os.name != "posix" or not data.is_dir() or not data.stat().st_mode & 0o077:
        return []  # nobody else gets in
    entries = sorted(data.iterdir())
    own = [path for path in entries if _OWN.fullmatch(path.name)]
    inside = [path for folder in own if folder.is_dir() for path in sorted(folder.iterdir())]
    # From the outside in, so that nobody gets at what is still open.
    whole = [data] if own == entries else []
    # Whoever reads the token has to know that it was open: it isn't secret any more.
    return [
        path
        for path in (*whole, *own, *inside)
        if path.name != TOKEN_FILE and close_to_others(path)
    ]


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
