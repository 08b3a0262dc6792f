"""Tracebacks as people should see them: their cell and the module's lines, without what is between.

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
    "_pytest",  # around a module's tests
    "pluggy",
)
_MOST = 20


def shorten_traceback(error: BaseException) -> BaseException:
    """The error, its traceback and those of its causes without internal frames."""
    if os.environ.get("MODFRAME_DEBUG"):
        return error
    one: BaseException | None = error
    for _ in range(_MOST):
        if one is None:
            break
        one.__traceback__ = without_internal_frames(one.__traceback__)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return error


def without_internal_frames(trace: TracebackType | None) -> TracebackType | None:
    """A traceback of the frames that aren't modframe's or the machinery's; none may be left."""
    shown = None
    for step in reversed([one for one in _steps(trace) if not _is_internal(one)]):
        shown = TracebackType(shown, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return shown


def _steps(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_internal(step: TracebackType) -> bool:
    name = str(step.tb_frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] in _INTERNAL
