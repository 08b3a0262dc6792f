"""Shortens tracebacks to the lines of a person's cell or script and of modules.

Called where an error leaves modframe for a person. ``MODFRAME_DEBUG`` keeps every frame.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import wraps
from types import TracebackType
from typing import ParamSpec, TypeVar

from ..errors import LoadError, ModframeError
from ..load.body import note_known_cure
from ..observe.tracebacks import MACHINERY

P = ParamSpec("P")
T = TypeVar("T")
_OWN = "modframe"
_INTERNAL = {
    *MACHINERY,
    "_pytest",  # runs the tests of modules
    "pluggy",
    "sqlalchemy",  # its errors name the statement, and 20 frames of it don't
    "duckdb_engine",
}
_PASSAGES = (
    f"{_OWN}.load.facade",
    f"{_OWN}.load.imports",
    f"{_OWN}.parts.pools",
    f"{_OWN}.runtime.calls",
    f"{_OWN}.runtime.loop.app_loop",
    f"{_OWN}.runtime.loop.submission",
    f"{_OWN}.runtime.traces",
)
"""Where modframe calls a module, imports for it or runs its functions: what is raised there is not
modframe's fault."""
_MAX_CAUSES = 20


def hide_frames(function: Callable[P, T]) -> Callable[P, T]:
    """Let the errors of a function out without internal frames, its own included."""

    @wraps(function)
    def verb(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            shorten_traceback(error)
            raise  # without a name it adds no frame, so this one is gone as well

    return verb


def shorten_traceback(error: BaseException) -> None:
    """Remove internal frames from the tracebacks of an error and its causes.

    In an ``except`` block it is followed by a bare ``raise``: the frame of the block's function is
    then no part of the traceback either. An error in modframe itself keeps its frames. A cause that
    says what the error says is taken off, if no frame of it is left or a `LoadError` has its place.
    """
    if os.environ.get("MODFRAME_DEBUG"):
        return
    note_known_cure(error)
    for one in _chain(error):
        if not _is_own_fault(one):
            one.__traceback__ = without_internal_frames(one.__traceback__)
    for one in _chain(error):
        _take_off_repetitions(one)


def without_internal_frames(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without internal frames; ``None`` if it has no others."""
    shown = None
    for step in reversed([step for step in _steps(trace) if _room(step) not in _INTERNAL]):
        shown = TracebackType(shown, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return shown


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error, the causes that a traceback of it shows, and the errors of groups."""
    chain: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(chain) < _MAX_CAUSES:
        one = waiting.pop(0)
        if one is None:
            continue
        chain.append(one)
        waiting.append(one.__cause__ or (None if one.__suppress_context__ else one.__context__))
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return chain


def _is_own_fault(error: BaseException) -> bool:
    """Return whether modframe itself failed: its code raised an error that Python raises."""
    if not isinstance(error, Exception) or type(error).__module__ != "builtins":
        return False
    if isinstance(error, OSError):  # the machine's fault, or a timeout
        return False
    name = ""
    for step in _steps(error.__traceback__):
        name = str(step.tb_frame.f_globals.get("__name__", ""))
    return name.startswith(f"{_OWN}.") and not name.startswith(_PASSAGES)


def _take_off_repetitions(error: BaseException) -> None:
    cause = error.__cause__ or error.__context__
    if cause is None:
        return
    retold = isinstance(error, LoadError) and isinstance(cause, ModframeError)
    if retold or (cause.__traceback__ is None and str(cause).strip() in str(error)):
        error.__cause__ = None  # sets that the context isn't shown either


def _steps(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _room(step: TracebackType) -> str:
    return str(step.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
