"""How a failed load looks under a cell: the module's own frames or lines, then the sentence.

Framework internals are left out; what is live and what the draft keeps is said.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from ..errors import Finding, LoadError, ModframeError
from ..load.loader import module_traceback
from ..source import Source

_AROUND = 2


def show_in_cell(shell: Any, error: ModframeError, source: Source, note: str) -> None:
    """Give an error the look it has in a notebook, and a note on what was kept."""
    error.add_note(note)
    error._render_traceback_ = functools.partial(  # type: ignore[attr-defined]  # IPython's hook
        _render, shell, error, source, note
    )


def _render(shell: Any, error: ModframeError, source: Source, note: str) -> list[str]:
    lines: list[str] = []
    cause = error.__cause__
    trace = module_traceback(source, cause.__traceback__) if cause is not None else None
    if cause is not None and trace is not None:
        lines += shell.InteractiveTB.structured_traceback(type(cause), cause, trace)
        lines.append("")
    elif isinstance(error, LoadError):
        for finding in error.findings:
            if finding.level == "error":
                lines += _excerpt(source, finding)
    return [*lines, f"{type(error).__name__}: {error}", note]


def _excerpt(source: Source, finding: Finding) -> Iterator[str]:
    """The line a finding is about, with its neighbours."""
    content = source.files.get(finding.file)
    if content is None or not finding.line:
        return
    lines = content.lines
    yield f"{finding.place}"
    for number in range(max(1, finding.line - _AROUND), finding.line + _AROUND + 1):
        if number <= len(lines):
            arrow = "---->" if number == finding.line else "     "
            yield f"{arrow} {number:>4} {lines[number - 1].rstrip()}"
    yield ""
