"""The running cell as a module's file: its own bytes, under the name the debugger knows it by.

IPython hands a magic a dedented text; the raw cell is taken from its ``pre_run_cell`` event.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from dataclasses import dataclass
from types import FrameType
from typing import Any

from ..source import SourceFile
from ..source.cells import split_cell


@dataclass(frozen=True, slots=True)
class RunningCell:
    """What IPython says of the cell that runs in this thread."""

    raw: str


class Cells(threading.local):
    """The running cell of each thread, for subshells run cells in threads of their own."""

    running: RunningCell | None = None


def cell_file(shell: Any, cell: RunningCell | None, body: str) -> SourceFile:
    """The part of a cell below its ``%%module`` line.

    Args:
        shell: Whose cell it is.
        cell: The running cell.
        body: What IPython handed the magic; stands in where the magic was called by code.
    """
    if cell is not None:
        parts = split_cell(cell.raw)
        if parts is not None:
            name = _filename(shell, cell.raw)
            return SourceFile(parts.text, name, parts.first_line, _label(shell, name), parts.head)
    return SourceFile(body, f"<cell {hashlib.sha256(body.encode()).hexdigest()[:12]}>")


def _filename(shell: Any, raw: str) -> str:
    """The name that IPython compiled the cell under, and its debugger sets breakpoints in.

    The running cell's own frame tells it; a magic that runs cells of its own hides that frame.
    """
    frame: FrameType | None = sys._getframe(1)
    found = ""
    while frame is not None:
        if frame.f_globals is shell.user_ns and frame.f_code.co_name == "<module>":
            found = frame.f_code.co_filename
        frame = frame.f_back
    if _label(shell, found):
        return found
    return str(shell.compile.get_code_name(raw, shell.transform_cell(raw), shell.execution_count))


def _label(shell: Any, filename: str) -> str:
    """``Cell In[3]``, as IPython's own tracebacks call it."""
    named = shell.compile.format_code_name(filename)
    return " ".join(named) if named else ""
