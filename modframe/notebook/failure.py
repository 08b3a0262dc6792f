"""How modframe's errors look under a cell: the module's own frames or lines, then the message.

Frames of the framework are left out. If a draft did not load, the text also says what stays live
and what the draft keeps. The extension installs it; the magics add the draft to an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from traceback import walk_tb
from types import TracebackType
from typing import Any

from ..errors import LoadError, ModframeError
from ..finding import Finding
from ..runtime.traces import without_internal_frames
from ..source import Source

_HOOK = "_render_traceback_"
"""The method of an exception that IPython calls instead of formatting the exception itself."""
_DRAFT = "_modframe_draft"
_CONTEXT_LINES = 2
_BAD, _KEY = "\x1b[31m", "\x1b[1m"
"""How a terminal shows the name of an error, and the sentence that says what is live: bold."""


def install(shell: Any) -> None:
    """Show modframe's errors without modframe's frames."""
    setattr(ModframeError, _HOOK, lambda error: _render(shell, error))


def remove() -> None:
    """Show modframe's errors as IPython shows any other."""
    if _HOOK in vars(ModframeError):
        delattr(ModframeError, _HOOK)


def note_draft(error: ModframeError, draft: Source, note: str) -> None:
    """Add to an error the draft that did not load, and what a person should know about it."""
    if note:
        error.add_note(note)
    setattr(error, _DRAFT, draft)


def _render(shell: Any, error: ModframeError) -> list[str]:
    draft: Source | None = getattr(error, _DRAFT, None)
    if draft is None:
        trace = without_internal_frames(error.__traceback__)
        text: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, trace)
        return text
    lines: list[str] = []
    cause = error.__cause__
    own = isinstance(cause, ModframeError)  # says what the message below says
    if cause is not None and not own and _reaches(draft, cause.__traceback__):
        trace = cause.__traceback__
        lines += shell.InteractiveTB.structured_traceback(type(cause), cause, trace)
        lines.append("")
    elif isinstance(error, LoadError):
        for finding in error.findings:
            if finding.level == "error":
                lines += _excerpt(draft, finding)
    message = str(error)
    if "\n" in (told := str(cause)) and lines:
        message = message.replace(f": {told}", "")  # it stands above
    name, notes = type(error).__name__, getattr(error, "__notes__", ())
    return [*lines, f"{_styled(shell, name, _BAD)}: {message}", *_key_sentences(shell, notes)]


def _key_sentences(shell: Any, notes: Iterable[str]) -> Iterator[str]:
    """Yield the notes; the first clause, such as ``Generation 7 stays live``, stands out."""
    for note in notes:
        key, mark, rest = note.partition(";")
        yield f"{_styled(shell, key, _KEY)}{mark}{rest}"


def _styled(shell: Any, text: str, style: str) -> str:
    """Return text in a style of the terminal, unless the shell shows no colours."""
    plain = str(getattr(shell, "colors", "")).lower() == "nocolor"
    return text if plain else f"{style}{text}\x1b[0m"


def _reaches(source: Source, trace: TracebackType | None) -> bool:
    """Return whether a traceback has a frame of the module's own files."""
    return any(source.file_named(frame.f_code.co_filename) for frame, _ in walk_tb(trace))


def _excerpt(source: Source, finding: Finding) -> Iterator[str]:
    """Yield the line that a finding is about, with the lines around it."""
    content = source.all_files.get(finding.file)
    if content is None or not finding.line:
        return
    lines = content.lines
    yield f"{finding.place}"
    for number in range(max(1, finding.line - _CONTEXT_LINES), finding.line + _CONTEXT_LINES + 1):
        if number <= len(lines):
            arrow = "---->" if number == finding.line else "     "
            yield f"{arrow} {number:>4} {lines[number - 1].rstrip()}"
    yield ""
