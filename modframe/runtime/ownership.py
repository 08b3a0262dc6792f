"""Whose code something is: from a callable or the running frames to a generation's package.

Called by the parts that release what module code made itself: timers, threads, log handlers,
metrics, resources; and where code that hangs is named, by its `Place`.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, TypeVar

from ..names import module_id_in, package_in

T = TypeVar("T")


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


def find_method(owner: object, name: str) -> Any:
    """Return a method that an object or its class has, or ``None``.

    A ``__getattr__`` isn't asked: it answers for names that nobody wrote, and may take long.
    """
    cls = type(owner)
    if not (hasattr(cls, name) or (cls.__dictoffset__ and name in vars(owner))):
        return None
    method = getattr(owner, name, None)
    return method if callable(method) else None


def callable_name(callback: Any) -> str:
    """Return the name of a callable, as messages show it."""
    function = unwrap_callable(callback)
    name = getattr(function, "__qualname__", "") or type(function).__qualname__
    return str(name).rpartition("<locals>.")[2]


def calling_package() -> str:
    """Return the private package of the innermost frame that is module code; empty if none is.

    On a thread that works for a module by `run_for`, it is that module's.
    """
    frame = module_frame(sys._getframe(1))
    if frame is None:
        return _working_for.package
    return package_in(frame.f_globals.get("__package__"))


class _WorkingFor(threading.local):
    package = ""


_working_for = _WorkingFor()


def run_for(package: str, function: Callable[..., T], *args: Any) -> T:
    """Call a function, on a thread that works for a private package meanwhile."""
    before, _working_for.package = _working_for.package, package
    try:
        return function(*args)
    finally:
        _working_for.package = before


@dataclass(frozen=True, slots=True)
class Place:
    """Where module code is executed.

    Attributes:
        package: The private package of its generation.
        function: The function's qualified name.
        filename: Its ``co_filename``.
        file: The file in the module, for example ``"api.py"``.
        line: The line that is executed.
    """

    package: str
    function: str
    filename: str
    file: str
    line: int

    @property
    def module_id(self) -> str:
        """The module's id."""
        return module_id_in(self.package)

    def text(self, cell: str = "") -> str:
        """Return it as text, with the name of the cell that holds the file."""
        where = ", ".join(filter(None, (self.file, cell, f"line {self.line}")))
        return f"{self.function}() of {self.module_id} ({where})"

    def __str__(self) -> str:
        return self.text()


def place_of(frame: FrameType | None) -> Place | None:
    """Return where the innermost module code below a frame is; ``None`` if there is none."""
    found = module_frame(frame)
    if found is None:
        return None
    name = str(found.f_globals.get("__name__", ""))
    package = package_in(name)
    file = name.removeprefix(package).removeprefix(".").replace(".", "/") or "__init__"
    code = found.f_code
    return Place(package, code.co_qualname, code.co_filename, f"{file}.py", found.f_lineno)


def module_frame(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame that is module code, from ``frame`` outward."""
    while frame is not None and not package_in(frame.f_globals.get("__package__")):
        frame = frame.f_back
    return frame
