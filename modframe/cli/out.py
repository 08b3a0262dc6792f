"""What commands print: lines, tables and JSON on standard output, errors on standard error.

Text from modules is printed as it is: never read as markup, never cut, one fact a line.
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


def workspace_at(folder: Path | None) -> Path:
    """Return the workspace of a command: the named folder, else the nearest workspace.

    Raises:
        WorkspaceError: If the folder does not exist.
    """
    from ..errors import WorkspaceError
    from ..source.workspace import find_workspace

    home = find_workspace(folder)
    if not home.is_dir():
        raise WorkspaceError(
            f"there is no folder {str(home)!r}",
            cure="give the workspace, the folder with modules/, as --workspace",
        )
    return home


def console(*, stderr: bool = False) -> Console:
    """Return a rich console that takes text literally and breaks no lines of its own accord."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def say(text: str = "", *, style: str = "") -> None:
    """Print one line to standard output and flush it; the style is for a terminal only."""
    if style and sys.stdout.isatty():
        console().print(text, style=style)
    else:
        print(text, flush=True)


def table(rows: Iterable[Sequence[object]], *, head: Sequence[str] = (), indent: str = "") -> None:
    """Print rows as aligned columns.

    On a terminal the head is bold, and words such as ``LIVE`` and ``error`` have a colour.
    """
    texts = [[one_line(cell) for cell in row] for row in ([head] if head else []) + [*rows]]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for number, row in enumerate(texts):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if not sys.stdout.isatty():
            print((indent + "  ".join(cells)).rstrip())
            continue
        from rich.text import Text

        bold = bool(head) and number == 0
        styled = [
            (f"{cell}  ", "bold" if bold else _STYLES.get(cell.strip().lower(), ""))
            for cell in cells
        ]
        line = Text.assemble(indent, *styled)
        line.rstrip()
        console().print(line)


def as_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str), flush=True)


def findings_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return findings in the form that programs read."""
    return {"findings": [finding.to_dict() for finding in findings]}


def show_findings(findings: Iterable[Finding]) -> None:
    """Print a line for each finding, with its cure and its rule."""
    for finding in findings:
        style = _STYLES.get(finding.level, "")
        say(f"{finding.level}: {one_line(finding)} [{finding.rule}]", style=style)


def show_error(error: BaseException) -> None:
    """Print an error to standard error; with a traceback only if `debugging`."""
    from ..errors import ModframeError

    if debugging():
        import traceback

        traceback.print_exception(error)
    text, hint = str(error), ""
    if not isinstance(error, ModframeError):
        text, hint = f"{type(error).__name__}: {error}", " (--debug shows where)"
    first, *others = text.rstrip().splitlines() or [type(error).__name__]
    message = "\n".join([f"error: {one_line(first)}{hint}", *map(_indented_line, others)])
    if sys.stderr.isatty():
        console(stderr=True).print(message, style="red")
    else:
        print(message, file=sys.stderr, flush=True)


def _indented_line(text: str) -> str:
    indent = len(text) - len(text.lstrip())
    return " " * indent + one_line(text)


def debugging() -> bool:
    """Return whether tracebacks are asked for, by ``--debug`` or ``MODFRAME_DEBUG``."""
    return os.environ.get("MODFRAME_DEBUG", "") not in ("", "0", "false")
