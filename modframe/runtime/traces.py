"""Shortens tracebacks to the lines of a person's cell and of modules.

Called where an error leaves the app loop for a person. ``MODFRAME_DEBUG`` keeps every frame.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType

_INTERNAL = (
    "modframe",
    "asyncio",
    "concurrent",
    "contextlib",
    "importlib",
    "_pytest",  # runs the tests of modules
    "pluggy",
)
_MAX_CAUSES = 20


def shorten_traceback(error: BaseException) -> BaseException:
    """Remove internal frames from the tracebacks of an error and its causes; return the error."""
    if os.environ.get("MODFRAME_DEBUG"):
        return error
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if cause is None:
            break
        cause.__traceback__ = without_internal_frames(cause.__traceback__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return error


def without_internal_frames(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without internal frames; ``None`` if it has no others."""
    shown = None
    for step in reversed([step for step in _steps(trace) if not _is_internal(step)]):
        shown = TracebackType(shown, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return shown


def _steps(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_internal(step: TracebackType) -> bool:
    name = str(step.tb_frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] in _INTERNAL
