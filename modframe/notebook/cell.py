"""The running cell as a file of a module, under the name that the debugger uses for the cell.

`ModframeMagics` calls it. IPython dedents the text that it gives to a magic, so the unchanged text
is taken from the ``pre_run_cell`` event, which `Hooks` listens to.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from ..source import SourceFile
from ..source.cells import split_cell


class Cells(threading.local):
    """The text of each thread's running cell; subshells run cells in threads of their own."""

    running: str = ""


def cell_file(shell: Any, cell: str, body: str) -> SourceFile:
    """Return the part of the running cell below its ``%%module`` line as a file of a module.

    ``body``, the text that IPython gave to the magic, is used if the magic was called by code.
    """
    if (parts := split_cell(cell)) is not None:
        name = _filename(shell, cell)
        return SourceFile(parts.text, name, parts.first_line, _label(shell, name), parts.head)
    return SourceFile(body, f"<cell {hashlib.sha256(body.encode()).hexdigest()[:12]}>")


def notebook_of(shell: Any) -> Path | None:
    """Return the notebook that the shell runs, as Jupyter's server or VS Code tells; else None."""
    path = os.environ.get("JPY_SESSION_NAME") or shell.user_ns.get("__vsc_ipynb_file__")
    return Path(path) if isinstance(path, str) and path.endswith(".ipynb") else None


def _filename(shell: Any, raw: str) -> str:
    """Return the file name that IPython compiled the cell under, which its debugger uses as well.

    It is taken from the frame of the running cell. A magic that runs cells itself has no such
    frame; the name is computed then.
    """
    frame: FrameType | None = sys._getframe(1)
    filename = ""
    while frame is not None:
        if frame.f_globals is shell.user_ns and frame.f_code.co_name == "<module>":
            filename = frame.f_code.co_filename
        frame = frame.f_back
    if _label(shell, filename):
        return filename
    return str(shell.compile.get_code_name(raw, shell.transform_cell(raw), shell.execution_count))


def _label(shell: Any, filename: str) -> str:
    """Return ``Cell In[3]``, as IPython's tracebacks call the cell; empty if it isn't a cell."""
    words = shell.compile.format_code_name(filename)
    return " ".join(words) if words else ""
