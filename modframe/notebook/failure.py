"""How modframe's errors look under a cell: the module's own frames or lines, then the sentence.

Framework internals are left out. Where a draft did not load, it is said what stays live and what
the draft keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from traceback import walk_tb
from types import TracebackType
from typing import Any

from ..errors import Finding, LoadError, ModframeError
from ..runtime.traces import without_internal_frames
from ..source import Source

_HOOK = "_render_traceback_"
"""What IPython asks an exception for instead of formatting it itself."""
_DRAFT = "_modframe_draft"
_AROUND = 2


def install(shell: Any) -> None:
    """Let modframe's errors be shown without modframe's frames."""
    setattr(ModframeError, _HOOK, lambda error: _render(shell, error))


def remove() -> None:
    """Show them as IPython shows any other."""
    if _HOOK in vars(ModframeError):
        delattr(ModframeError, _HOOK)


def note_draft(error: ModframeError, draft: Source, note: str) -> None:
    """Let an error say under its cell what was kept of the draft that did not load."""
    error.add_note(note)
    setattr(error, _DRAFT, draft)


def _render(shell: Any, error: ModframeError) -> list[str]:
    draft: Source | None = getattr(error, _DRAFT, None)
    if draft is None:
        trace = without_internal_frames(error.__traceback__)
        shown: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, trace)
        return shown
    lines: list[str] = []
    cause = error.__cause__
    if cause is not None and _touches(draft, cause.__traceback__):
        trace = cause.__traceback__
        lines += shell.InteractiveTB.structured_traceback(type(cause), cause, trace)
        lines.append("")
    elif isinstance(error, LoadError):
        for finding in error.findings:
            if finding.level == "error":
                lines += _excerpt(draft, finding)
    return [*lines, f"{type(error).__name__}: {error}", *error.__notes__]


def _touches(source: Source, trace: TracebackType | None) -> bool:
    """Whether a traceback goes through the module's own lines."""
    return any(source.file_named(frame.f_code.co_filename) for frame, _ in walk_tb(trace))


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
