"""Whose code something is: from a callable or the running frames to a generation's package.

Called by the parts that release what module code made itself: timers, threads, log handlers,
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
    """Return the function behind partials and bound methods."""
    while True:
        if isinstance(callback, partial):
            callback = callback.func
        elif inspect.ismethod(callback):
            callback = callback.__func__
        else:
            return callback


def callable_package(callback: Any) -> str:
    """Return the private package that a callable's code belongs to; empty if it is no module's."""
    function = unwrap_callable(callback)
    namespace = getattr(function, "__globals__", None)
    if namespace is not None:
        return package_in(namespace.get("__package__"))
    cls = function if isinstance(function, type) else type(function)
    return package_in(cls.__module__)


def callable_name(callback: Any) -> str:
    """Return the name of a callable, as messages show it."""
    function = unwrap_callable(callback)
    name = getattr(function, "__qualname__", "") or type(function).__qualname__
    return str(name).rpartition("<locals>.")[2]


def calling_package() -> str:
    """Return the private package of the innermost frame that is module code; empty if none is."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if package := package_in(frame.f_globals.get("__package__")):
            return package
        frame = frame.f_back
    return ""
