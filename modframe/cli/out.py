"""What commands print: lines, tables and JSON on standard output, errors on standard error.

Text from modules goes through here as it is: never read as markup, never cut, one fact a line.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..wording import one_line as one_line

if TYPE_CHECKING:
    from rich.console import Console

    from ..errors import Finding

_STYLES = {
    "error": "bold red", "fail": "bold red", "failed": "bold red",
    "blocked": "yellow", "warning": "yellow", "warn": "yellow",
    "ok": "green", "live": "green", "done": "green",
    "info": "cyan",
}  # fmt: skip


def workspace_at(given: Path | None) -> Path:
    """The workspace that a command is about.

    Raises:
        WorkspaceError: If it was named and isn't there.
    """
    from ..errors import WorkspaceError
    from ..source.workspace import find_workspace

    home = find_workspace(given)
    if not home.is_dir():
        raise WorkspaceError(
            f"there is no folder {str(home)!r}",
            cure="give the workspace, the folder with modules/, as --workspace",
        )
    return home


def console(*, stderr: bool = False) -> Console:
    """A console that takes text literally and breaks no lines of its own accord."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def say(text: str = "", *, style: str = "") -> None:
    """One line, on standard output at once."""
    if style and sys.stdout.isatty():
        console().print(text, style=style)
    else:
        print(text, flush=True)


def table(rows: Iterable[Sequence[object]], *, head: Sequence[str]) -> None:
    """Aligned columns; words such as ``LIVE`` and ``error`` get their colour on a terminal."""
    texts = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *texts, strict=True)]
    if not sys.stdout.isatty():
        for row in (head, *texts):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join(cells).rstrip())
        return
    from rich.text import Text

    screen = console()
    for number, row in enumerate((head, *texts)):
        line = Text()
        for cell, width in zip(row, widths, strict=True):
            style = "bold" if not number else _STYLES.get(cell.lower(), "")
            line.append(cell.ljust(width) + "  ", style=style)
        line.rstrip()
        screen.print(line)


def as_json(value: Any) -> None:
    """A value as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str), flush=True)


def findings_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """Findings in the form that programs read."""
    return {"findings": [one.to_dict() for one in findings]}


def show_findings(findings: Iterable[Finding]) -> None:
    """A line for each finding, its cure included."""
    for one in findings:
        say(f"{one.level}: {one_line(one)} [{one.rule}]", style=_STYLES.get(one.level, ""))


def show_error(error: BaseException) -> None:
    """One clear line on standard error; the traceback only for whoever asked for it."""
    from ..errors import ModframeError

    if debugging():
        import traceback

        traceback.print_exception(error)
    text = str(error) if isinstance(error, ModframeError) else f"{type(error).__name__}: {error}"
    hint = "" if isinstance(error, ModframeError) else " (--debug shows where)"
    lines = text.rstrip().splitlines() or [type(error).__name__]
    shown = "\n".join([f"error: {one_line(lines[0])}{hint}", *map(_tail_line, lines[1:])])
    if sys.stderr.isatty():
        console(stderr=True).print(shown, style="red")
    else:
        print(shown, file=sys.stderr, flush=True)


def _tail_line(text: str) -> str:
    indent = len(text) - len(text.lstrip())
    return " " * indent + one_line(text)


def debugging() -> bool:
    """Whether tracebacks are asked for: ``--debug`` or ``MODFRAME_DEBUG``."""
    return os.environ.get("MODFRAME_DEBUG", "") not in ("", "0", "false")
