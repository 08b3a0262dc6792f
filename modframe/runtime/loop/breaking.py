"""Break module code out of what it hangs in, by an exception that is raised in its thread.

Called for threads that run steps, and by the watchdog for the app loop's own. An exception
arrives between two bytecodes: a call into C, such as ``time.sleep``, has to return first.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Container
from types import FrameType
from typing import Any

from ..ownership import Place, module_frame, place_of

step_deadlines: dict[asyncio.Task[Any] | None, Deadline] = {}
"""Task of a step → when it is overdue. Process-wide, as tasks are unique."""
_AGAIN = 0.5
"""Seconds after which code that caught the exception gets it again."""
_HASTE = 5.0
"""Seconds that anything may keep an app loop that is to stop."""
_DEBUGGERS = frozenset({"pydevd", "_pydevd_bundle", "bdb", "pdb"})
"""Packages of debuggers; a person at a breakpoint takes as long as it takes."""
_UNTOUCHED = frozenset({"modframe", "asyncio", "logging", *_DEBUGGERS})
"""Packages whose code the app loop is never broken out of."""


class Deadline:
    """When a step is overdue; later, if something else keeps the loop from it.

    Attributes:
        at: The time, by `time.monotonic`.
    """

    __slots__ = ("at",)

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.at - time.monotonic()


class BrokenOutError(BaseException):
    """Raised in module code that ran past its bound; not caught by ``except Exception``.

    Attributes:
        place: Where the code was, if that is known.
    """

    place: Place | None = None

    def __init__(self) -> None:
        super().__init__(f"{self.place or 'module code'} took too long and was broken out of")


def place_in(thread_id: int) -> Place | None:
    """Return where a thread executes module code now; ``None`` if it executes none."""
    frame = sys._current_frames().get(thread_id)
    return place_of(frame) if frame is not None else None


def at_breakpoint(thread_id: int) -> bool:
    """Return whether a debugger has stopped the module code of a thread."""
    frame = sys._current_frames().get(thread_id)
    return _calls_one_of(_DEBUGGERS, frame, module_frame(frame))


def raise_in(thread_id: int, place: Place | None) -> None:
    """Raise a `BrokenOutError` in a thread; one that has ended is left alone."""
    # A class of its own, because the interpreter takes a class and makes the exception itself.
    _set_exception(thread_id, type("BrokenOutError", (BrokenOutError,), {"place": place}))


def take_back(thread_id: int) -> None:
    """Take back an exception that has not arrived yet."""
    _set_exception(thread_id, None)


class LoopBreaker:
    """Breaks out of module code that keeps an app loop for too long; only its task ends.

    Args:
        loop: The app loop.
        thread_id: The thread it runs in.
        limit: How long anything but a step may keep it, in seconds; 0 for as long as it takes. A
            step may take until its timeout.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, thread_id: int, limit: float) -> None:
        self._loop, self._thread_id, self._limit = loop, thread_id, limit
        self._raised = 0.0
        self._hastened = False

    def hasten(self) -> None:
        """From now on, break out of anything after `_HASTE` seconds, since the app is stopped."""
        self._hastened = True

    def __call__(self, seconds: float) -> None:
        """Break out of what has kept the loop for ``seconds``, if that is too long."""
        now = time.monotonic()
        current = asyncio.current_task(self._loop)
        for task, other in list(step_deadlines.items()):
            if task is not current and task is not None and task.get_loop() is self._loop:
                other.at = max(other.at, now + seconds)  # as long as it was kept from its work
        deadline = step_deadlines.get(current)
        late = now > deadline.at if deadline else self._limit and seconds > self._limit
        late = late or (self._hastened and seconds > _HASTE)
        if not late or now - self._raised < _AGAIN:
            return
        frame = sys._current_frames().get(self._thread_id)
        kept_by = module_frame(frame)
        if kept_by is None or _calls_one_of(_UNTOUCHED, frame, kept_by):
            return
        self._raised = now
        raise_in(self._thread_id, place_of(frame))
        if module_frame(sys._current_frames().get(self._thread_id)) is not kept_by:
            take_back(self._thread_id)  # it went on meanwhile


def _calls_one_of(
    packages: Container[str], frame: FrameType | None, module_code: FrameType | None
) -> bool:
    """Return whether module code has called one of these packages, and ``frame`` runs in it."""
    while frame is not None and frame is not module_code:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in packages:
            return True
        frame = frame.f_back
    return False


def _set_exception(thread_id: int, error: type[BaseException] | None) -> None:
    import ctypes  # takes 5 ms, and only code that hangs needs it

    target = ctypes.c_ulong(thread_id)
    value = ctypes.py_object(error) if error is not None else ctypes.c_void_p()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(target, value)
