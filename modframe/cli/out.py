"""What commands print: lines, tables and JSON on standard output, errors on standard error.

Text from modules is never read as markup and never cut, one fact a line; what would control the
terminal is escaped as in the log.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModframeError, WorkspaceError
from ..finding import Finding
from ..masking import mask_text
from ..table import Table
from ..tones import Tone, tone_of
from ..wording import escape_in_lines
from ..wording import one_line as one_line

if TYPE_CHECKING:
    from rich.console import Console

    from ..observe import LogFiles

_STYLES: Mapping[Tone, str] = {
    "good": "green", "warn": "yellow", "bad": "bold red", "quiet": "dim",
}  # fmt: skip
_GAP = "  "


def workspace_at(folder: Path | None, *, above: Path | None = None) -> Path:
    """Return the workspace of a command: the named folder, else the nearest workspace.

    Args:
        above: Where the search for the nearest one starts; by default the working directory.

    Raises:
        WorkspaceError: If the folder does not exist.
    """
    from ..source.workspace import look_for_workspace

    found = look_for_workspace(folder, above=above)
    if found.passed:
        print(f"modframe: {found.passed}", file=sys.stderr, flush=True)
    if not found.folder.is_dir():
        raise WorkspaceError(
            f"there is no folder {str(found.folder)!r}",
            cure="give the workspace, the folder with modules/, as --workspace",
        )
    return found.folder


def log_files(workspace: Path | None, name: str, *, needed: bool) -> LogFiles:
    """Return the files of one log of a workspace, ``app.log`` or ``errors.jsonl``.

    Raises:
        WorkspaceError: If no log is kept, or if there is none although it is needed.
    """
    from ..observe import LogFiles
    from ..source.workspace import data_folder

    data = data_folder(None, workspace_at(workspace))
    if data is None:
        raise WorkspaceError(
            "with MODFRAME_DATA=:memory: no log is kept", cure="name a folder there to keep one"
        )
    files = LogFiles(data / "logs" / name)
    if needed and not files.exists():
        raise WorkspaceError(
            f"there is no log at {files.path}",
            cure="it is there once modframe ran in this workspace: start a notebook or "
            "'modframe serve'",
        )
    return files


def console(*, stderr: bool = False) -> Console:
    """Return a rich console that takes text literally and breaks no lines of its own accord."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def say(text: str = "", *, style: str = "") -> None:
    """Print one line to standard output and flush it; the style is for a terminal only."""
    text = escape_in_lines(text)
    if style and sys.stdout.isatty():
        console().print(text, style=style)
    else:
        print(text, flush=True)


def style_of(state: str) -> str:
    """Return how a terminal shows the word of a state; empty for any other text."""
    tone = tone_of(state)
    return _STYLES[tone] if tone is not None else ""


def table(rows: Iterable[Sequence[object]], *, head: Sequence[str]) -> None:
    """Print rows as aligned columns: numbers to the right, and no column that says nothing.

    On a terminal the head is bold, and words such as ``LIVE`` and ``error`` have a colour.
    """
    told = Table.of(rows, head=head)
    if not sys.stdout.isatty():
        for line in told.lines():
            print(line)
        return
    for number, cells in enumerate(told.aligned()):
        _print_styled((cell, _style_of_cell(cell) if number else "bold") for cell in cells)


def _style_of_cell(cell: str) -> str:
    """Return the style of a cell that is the word of a state, counted perhaps: ``2 errors``."""
    return "" if " " in cell.strip("0123456789 ") else style_of(cell)


def _print_styled(parts: Iterable[tuple[str, str]]) -> None:
    """Print the parts of a line, each with its style, to a terminal."""
    from rich.text import Text

    line = Text.assemble(*((f"{text}{_GAP}", style) for text, style in parts))
    line.rstrip()
    console().print(line)


def fact(label: str, told: str) -> None:
    """Print one fact behind its label, which is padded; on a terminal a state has its colour."""
    if sys.stdout.isatty():
        _print_styled([(f"{_GAP}{label}", "dim"), (escape_in_lines(told), style_of(told))])
    else:
        say(f"{_GAP}{label}{_GAP}{told}")


def as_json(value: Any) -> None:
    """Print a value as JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    print(escape_in_lines(text), flush=True)  # the same value in other characters


def show_findings(findings: Iterable[Finding]) -> None:
    """Print a line for each finding, with its cure and its rule."""
    for finding in findings:
        line = f"{finding.level}: {one_line(finding)} [{finding.label}]"
        say(line, style=style_of(finding.level))


def _masked(text: str) -> str:
    """Return a text without secrets, those of an app that this process ran among them."""
    process = sys.modules.get("modframe.process")  # not loaded where no app ran
    return mask_text(text) if process is None else str(process.known_secrets().mask(text))


def show_error(error: BaseException) -> None:
    """Print an error to standard error; with a traceback under ``--debug`` or MODFRAME_DEBUG."""
    if os.environ.get("MODFRAME_DEBUG", "") not in ("", "0", "false"):
        import traceback

        text = _masked("".join(traceback.format_exception(error)))
        print(escape_in_lines(text), end="", file=sys.stderr)
    text, hint = str(error), ""
    if not isinstance(error, ModframeError):
        text, hint = f"{type(error).__name__}: {error}", " (--debug shows where)"
    first, *others = text.rstrip().splitlines() or [type(error).__name__]
    indented = (line[: len(line) - len(line.lstrip())] + one_line(line) for line in others)
    message = _masked("\n".join([f"error: {one_line(first)}{hint}", *indented]))
    if sys.stderr.isatty():
        console(stderr=True).print(message, style="red")
    else:
        print(message, file=sys.stderr, flush=True)
