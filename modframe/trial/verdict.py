"""`verdict`: failures of tests → the `LoadError` that the change fails with, one finding each."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from ..errors import LoadError
from ..finding import Finding
from ..runtime.failure import locate_finding
from ..runtime.traces import shorten_traceback
from ..source import Source
from .subject import Failure

STEP = "test"
_WHOLE = 3
"""Up to this many failures are explained at length; of more, one line each is shown."""
_LINES, _WIDTH = 12, 160
_NEXT = "Mend the module or its tests; nothing live has changed"


def verdict(source: Source, failures: Sequence[Failure]) -> LoadError:
    """Return the error of a module whose tests failed; its cause is the first exception."""
    whole = len(failures) <= _WHOLE
    findings = [locate_finding(source, _finding(failure, whole=whole)) for failure in failures]
    note = "" if any(failure.cure for failure in failures) else f"\n{_NEXT}."
    error = LoadError(source.module_id, STEP, findings, note=note)
    cause = next((failure.error for failure in failures if failure.error is not None), None)
    if cause is not None:
        cause.__traceback__ = _from_the_test(source, cause.__traceback__)
        shorten_traceback(cause)
        error.__cause__ = cause
    return error


def _finding(failure: Failure, *, whole: bool) -> Finding:
    lines = [_shorten(line) for line in failure.text.splitlines() if line.strip()]
    if not whole:
        lines = lines[:1]
    elif len(lines) > _LINES:
        lines = [*lines[:_LINES], f"... {len(lines) - _LINES} more lines"]
    name = f"{failure.name}: " if failure.name else ""
    return Finding(
        failure.rule,
        "error",
        name + "\n".join(lines),
        cure=failure.cure,
        file=failure.file,
        line=failure.line,
    )


def _shorten(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[:_WIDTH]}..."


def _from_the_test(source: Source, trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from its first entry in the module's files on, or all of it."""
    entry = trace
    while entry is not None:
        if source.file_named(entry.tb_frame.f_code.co_filename):
            return entry
        entry = entry.tb_next
    return trace
