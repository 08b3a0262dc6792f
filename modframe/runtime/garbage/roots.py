"""`root_of`: says what an object that holds others is, if a person knows it by a name.

Called by the search for who keeps an ended generation in memory. `hidden_roots` names those that
the garbage collector can't show: `atexit`, signals and running functions.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import logging
import signal
import sys
import threading
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

from ...names import module_id_in, package_in, plain_names
from ..ownership import callable_name, unwrap_callable

_RESULTS = ("_", "__", "___", "_i", "_ii", "_iii")
_LAST_ERROR = ("last_value", "last_traceback", "last_type", "last_exc")


@dataclass(frozen=True, slots=True)
class Holder:
    """What keeps an object in memory.

    Attributes:
        text: What it is, such as ``"a handler on the root logger"``.
        persons: Whether it is a person's, such as a variable of a notebook, and no fault.
    """

    text: str
    persons: bool = False


_NOBODY = Holder("")
"""Of what holds an object and is about to let go of it: the search ends there, without a name."""


def root_of(thing: Any, path: tuple[Any, ...]) -> Holder | None:
    """Return what a thing is; ``None`` if a person doesn't know it, and the search goes on.

    Args:
        thing: What refers to the first one of ``path``.
        path: From there down to the object that is held.
    """
    if isinstance(thing, dict):
        return _of_dict(thing, path)
    if isinstance(thing, type):
        return _of_class(thing, path)
    if isinstance(thing, logging.Logger):
        kind = "a filter" if any(each is thing.filters for each in path) else "a handler"
        return Holder(f"{kind} on the {_logger_name(thing)}")
    if isinstance(thing, logging.LogRecord):
        return Holder("a log record, with the traceback of an exception")
    if isinstance(thing, threading.Thread):
        return Holder(f"the thread {thing.name!r}") if thing.is_alive() else None
    if isinstance(thing, FrameType):
        return _of_frame(thing)
    return _of_asyncio(thing) or _of_instance(thing, path)


def _logger_name(logger: logging.Logger) -> str:
    return "root logger" if logger is logging.getLogger() else f"logger {logger.name!r}"


# -- names -------------------------------------------------------------------------------------


def _of_dict(names: dict[Any, Any], path: tuple[Any, ...]) -> Holder | None:
    """Return the holder if it is the namespace of a module, or a notebook's ``Out``."""
    main = vars(sys.modules["__main__"])
    key = _key_of(names, path[0])
    if names is main.get("Out"):
        return Holder(f"Out[{key}] of the notebook", persons=True)
    module = names.get("__name__")
    if not isinstance(module, str) or vars(sys.modules.get(module, object)) is not names:
        return None
    if names is main:
        return _of_person(str(key), main)
    if module == "sys" and key in _LAST_ERROR:
        return Holder("the error that was shown last (sys.last_value)", persons=True)
    if module_id := module_id_in(module):
        return Holder(f"the global {key!r} in {_file_of(module)} of {module_id}")
    return Holder(f"{module}.{key}")


def _file_of(module: str) -> str:
    """Return the file of a module of a private package."""
    return f"{module.rpartition('.')[2]}.py" if package_in(module) != module else "__init__.py"


def _of_person(name: str, main: Mapping[str, Any]) -> Holder:
    where = "the notebook" if "get_ipython" in main else "__main__"
    if name in _RESULTS or name.removeprefix("_").isdigit():
        return Holder(f"{name} of {where}, a result that it keeps", persons=True)
    return Holder(f"the variable {name!r} of {where}", persons=True)


def _of_class(cls: type, path: tuple[Any, ...]) -> Holder | None:
    """Return the holder if it is a class of a library, or of a live module."""
    attributes = path[0] if isinstance(path[0], dict) and len(path) > 1 else vars(cls)
    held = path[1] if attributes is path[0] else path[0]
    key = _key_of(attributes, held)
    if key == "?":  # a base class, not an attribute
        return None
    return Holder(f"{plain_names(cls.__module__)}.{cls.__qualname__}.{key}")


def _of_instance(thing: Any, path: tuple[Any, ...]) -> Holder | None:
    """Return the holder if it is an object of a live module, or of the notebook itself."""
    module = type(thing).__module__
    if module.startswith(("IPython.", "ipykernel.")):
        return Holder("a result or an error that the notebook keeps", persons=True)
    package = package_in(module)
    if not package or package not in sys.modules:
        return None
    attributes = path[0] if isinstance(path[0], dict) and len(path) > 1 else vars(thing)
    held = path[1] if attributes is path[0] else path[0]
    return Holder(f"{module_id_in(module)}: {type(thing).__name__}.{_key_of(attributes, held)}")


def _key_of(names: Mapping[Any, Any], value: object) -> Any:
    """Return the key of a value; ``"?"`` if there is none."""
    return next((key for key, each in list(names.items()) if each is value), "?")


# -- what runs ---------------------------------------------------------------------------------


def _of_asyncio(thing: Any) -> Holder | None:
    if isinstance(thing, asyncio.BaseTransport):
        return None if thing.is_closing() else Holder(f"a transport: {_short(thing)}")
    if isinstance(thing, asyncio.AbstractServer):
        return Holder(f"a server: {_short(thing)}")
    if isinstance(thing, asyncio.Task):
        return None if thing.done() else Holder(f"the task {thing.get_name()!r}")
    if isinstance(thing, asyncio.Handle):
        callback = getattr(thing, "_callback", None)
        name = callable_name(callback) if callback is not None else "nothing any more"
        return None if thing.cancelled() else Holder(f"a timer or a reader of the loop: {name}")
    return None


def _short(thing: object) -> str:
    return plain_names(repr(thing))[:120]


def _of_frame(frame: FrameType) -> Holder | None:
    """Return the holder if it is a running function; the search goes on from one that waits."""
    for thread, innermost in sys._current_frames().items():
        running: FrameType | None = innermost
        while running is not None:
            if running is frame:
                return _running(frame, thread)
            running = running.f_back
    return None


def _running(frame: FrameType, thread: int) -> Holder:
    names = {one.ident: one.name for one in threading.enumerate()}
    code, module = frame.f_code, str(frame.f_globals.get("__name__"))
    file = _file_of(module) if package_in(module) else code.co_filename
    place = f"{file}, line {frame.f_lineno}"
    return Holder(
        f"the thread {names.get(thread, thread)!r}, which is in {code.co_qualname}() ({place})"
    )


# -- what the garbage collector does not show --------------------------------------------------


def hidden_roots(own: Container[object]) -> Iterator[Holder]:
    """Yield what holds one of the given objects where no referrer shows it."""

    def is_own(callback: Any) -> bool:
        function = unwrap_callable(callback)
        held = (function, getattr(callback, "__self__", None), *getattr(callback, "args", ()))
        closed_over = gc.get_referents(*(getattr(function, "__closure__", None) or ()))
        return any(one in own for one in (*held, *closed_over))

    for callback in _exit_callbacks():
        if is_own(callback):
            yield Holder(f"atexit, where {callable_name(callback)}() is registered")
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if callable(handler) and is_own(handler):
            yield Holder(
                f"the handler of {signal.Signals(number).name}, {callable_name(handler)}()"
            )
    for thread, innermost in sys._current_frames().items():
        frame: FrameType | None = innermost
        while frame is not None:
            if frame.f_globals in own:
                yield _running(frame, thread)
                break
            frame = frame.f_back


def _exit_callbacks() -> list[Any]:
    """Return what is registered with `atexit`, which keeps no list: it compares when asked to."""
    callbacks: list[Any] = []
    probe = type("_Probe", (), {"__eq__": staticmethod(callbacks.append), "__hash__": None})
    atexit.unregister(probe())  # `append` returns None, so nothing is equal, and all stay
    found = callbacks.copy()
    callbacks.clear()  # the class lives on for a while
    return found
