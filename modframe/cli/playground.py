"""`Playground`: the folder that a quickstart works in, a workspace of its own below ``data/``.

In come the data folder and the notebook; out comes a fresh workspace with a copy of it. A copy that
someone changed is kept, and so is a folder that another quickstart is using.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ..errors import WorkspaceError

_MARK = """\
# Written by `modframe quickstart`: this folder is a workspace of its own, made anew each time.
[tool.modframe]
"""
_PID = ".quickstart.pid"


@dataclass(frozen=True, slots=True)
class Playground:
    """A workspace for one quickstart.

    Attributes:
        folder: The workspace.
        notebook: The copy to run.
        notes: What a person should know of folders that were left alone.
    """

    folder: Path
    notebook: Path
    notes: tuple[str, ...] = ()

    @classmethod
    @contextmanager
    def claim(cls, data: Path, original: Path) -> Iterator[Playground]:
        """Make a playground and hold it until the end.

        Raises:
            WorkspaceError: If the folder can't be written.
        """
        notes: list[str] = []
        for number in count(1):
            folder = data / ("quickstart" if number == 1 else f"quickstart-{number}")
            try:
                why = _why_not(folder, original)
                if why:
                    notes.append(f"{folder} is left alone: {why}")
                    continue
                if not _take(folder):
                    continue
                notebook = _prepare(folder, original)
            except OSError as error:
                raise WorkspaceError(
                    f"{folder} can't be written: {error}",
                    cure="run it in a folder of yours, or set MODFRAME_DATA to one",
                ) from error
            try:
                yield cls(folder, notebook, tuple(notes))
            finally:
                with contextlib.suppress(FileNotFoundError):
                    (folder / _PID).unlink()
            return


def _why_not(folder: Path, original: Path) -> str:
    """Why a folder must stay as it is; empty if it can be made anew."""
    if not folder.exists() or not any(one.name != _PID for one in folder.iterdir()):
        return ""
    if not (folder / "pyproject.toml").is_file():
        return "it isn't a quickstart's"
    holder = _holder(folder)
    if holder:
        return f"the quickstart with pid {holder} is using it"
    copy = folder / original.name
    if copy.is_file() and _cells(copy) != _cells(original):
        return "its notebook was changed"
    return ""


def _holder(folder: Path) -> int:
    """The living process that uses a folder; 0 if none does."""
    try:
        pid = int((folder / _PID).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return 0
    except PermissionError:  # another user's, and alive
        return pid
    return pid if pid != os.getpid() else 0


def _take(folder: Path) -> bool:
    """Put this process's mark into a folder; whether it was the first to do so."""
    folder.mkdir(parents=True, exist_ok=True)
    if not _holder(folder):
        with contextlib.suppress(FileNotFoundError):
            (folder / _PID).unlink()
    try:
        with (folder / _PID).open("x", encoding="ascii") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


def _prepare(folder: Path, original: Path) -> Path:
    for one in folder.iterdir():
        if one.name == _PID:
            continue
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        else:
            one.unlink()
    (folder / "pyproject.toml").write_text(_MARK, encoding="utf-8")
    return Path(shutil.copyfile(original, folder / original.name))


def _cells(path: Path) -> list[str]:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return []
