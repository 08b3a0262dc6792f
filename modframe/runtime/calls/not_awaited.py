"""`NotAwaited`: says that an ``await`` is missing where a call is used as if it were its value.

`Call` derives from it. What a call has itself, such as ``result()``, is found first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, NoReturn

from ...errors import NoAttributeError, NotAwaitableError, NotAwaitedError
from ..ownership import callable_name
from ..traces import hide_frames

_OPERATIONS = """
    getitem setitem delitem len iter contains int float index call enter exit
    add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow
    and rand or ror xor rxor neg abs round lt le gt ge
"""
"""The special methods of values. Calls are compared and hashed by identity, so there is no
``eq``; a task takes its steps by ``next`` where that is defined."""


class NotAwaited:
    """An object whose value comes when it is awaited; ``_label`` names it."""

    _label: str

    @hide_frames
    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # tools ask every object for these
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise NoAttributeError(
            f"{self._label}() gave a call, which has no {name!r}", cure=_cure(f".{name}")
        )

    @hide_frames
    def __bool__(self) -> bool:
        # From Python 3.12 on, the repr of a task that runs a call asks whether there is one.
        if sys._getframe(2).f_globals.get("__name__") == "asyncio.base_tasks":
            return True
        raise NotAwaitedError(f"{self._label}() gave a call, not its value", cure=_cure(""))


def _cure(use: str) -> str:
    return f"await it: (await ...){use} in a cell, ....result(){use} in a script"


def _refusal(name: str) -> Callable[..., Any]:
    use = "[...]" if name == "getitem" else ""

    @hide_frames
    def refuse(self: NotAwaited, *_: object) -> NoReturn:
        raise NotAwaitedError(f"{self._label}() gave a call, not its value", cure=_cure(use))

    refuse.__name__ = refuse.__qualname__ = f"__{name}__"
    return refuse


for _name in _OPERATIONS.split():
    setattr(NotAwaited, f"__{_name}__", _refusal(_name))


def refuse_unawaitable(value: object) -> None:
    """Check that a value can be awaited; ``app.run()`` calls it.

    Raises:
        NotAwaitableError: If it can't.
    """
    if isawaitable(value):
        return
    what, cure = f"such as a coroutine, not {value!r}", "call a method of a service"
    if callable(value):
        name = getattr(value, "__name__", "") or callable_name(value)
        what, cure = f"not the function {name}", f"call it: app.run({name}())"
    raise NotAwaitableError(f"app.run() takes an awaitable, {what}", cure=cure)
