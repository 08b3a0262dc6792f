"""Whose code something is: a callable or the running frames in, a generation's package out.

Called by the parts that settle what module code made by itself: timers, threads, log handlers,
metrics, resources.
"""

from __future__ import annotations

import inspect
import sys
from functools import partial
from types import FrameType
from typing import Any

from ..names import package_in


def unwrap_callable(callback: Any) -> Any:
    """The function behind partials and bound methods."""
    while True:
        if isinstance(callback, partial):
            callback = callback.func
        elif inspect.ismethod(callback):
            callback = callback.__func__
        else:
            return callback


def callable_package(callback: Any) -> str:
    """The private package whose code a callable is; empty if it is no module's."""
    function = unwrap_callable(callback)
    names = getattr(function, "__globals__", None)
    if names is not None:
        return package_in(names.get("__package__"))
    kind = function if isinstance(function, type) else type(function)
    return package_in(kind.__module__)


def callable_name(callback: Any) -> str:
    """What to call a callable in a sentence."""
    function = unwrap_callable(callback)
    name = getattr(function, "__qualname__", "") or type(function).__qualname__
    return str(name).rpartition("<locals>.")[2]


def calling_package() -> str:
    """The private package of the innermost module code that runs here; empty if none does."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if package := package_in(frame.f_globals.get("__package__")):
            return package
        frame = frame.f_back
    return ""
