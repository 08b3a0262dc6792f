"""A red run → the `LoadError` that the change fails with: one finding a test, readable if many."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from ..errors import Finding, LoadError
from ..runtime.failure import locate_finding
from ..runtime.traces import shorten_traceback
from ..source import Source
from .subject import Failure

STEP = "test"
_WHOLE = 3
"""Up to so many failures are explained at length."""
_LINES, _WIDTH = 12, 160
_NEXT = "Mend the module or its tests; nothing live has changed"


def verdict(source: Source, failures: Sequence[Failure]) -> LoadError:
    """The error of a module whose tests did not pass; its cause is the first failure's."""
    whole = len(failures) <= _WHOLE
    findings = [locate_finding(source, _finding(one, whole=whole)) for one in failures]
    error = LoadError(source.module_id, STEP, findings, note=_note(failures))
    cause = next((one.error for one in failures if one.error is not None), None)
    if cause is not None:
        cause.__traceback__ = _from_the_test(source, cause.__traceback__)
        error.__cause__ = shorten_traceback(cause)
    return error


def _finding(failure: Failure, *, whole: bool) -> Finding:
    lines = [_cut(one) for one in failure.text.splitlines() if one.strip()]
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


def _note(failures: Sequence[Failure]) -> str:
    if any(one.cure for one in failures):
        return ""
    return f"\n{_NEXT}."


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[:_WIDTH]}..."


def _from_the_test(source: Source, trace: TracebackType | None) -> TracebackType | None:
    """A traceback from its first line in the module's text on, if it has one."""
    step = trace
    while step is not None:
        if source.file_named(step.tb_frame.f_code.co_filename):
            return step
        step = step.tb_next
    return trace
