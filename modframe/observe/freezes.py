"""`Freezes`: names C code that lets no other Python code run, such as a regular expression.

A `Watchdog` calls it from its thread, which stands still too while the interpreter is held. So it
sets the timer of `faulthandler`, which needs no Python code: if it isn't set again in time, it
writes the traceback of every thread to stderr. What held the interpreter is logged once it is free.
"""

from __future__ import annotations

import faulthandler
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from .loggers import MODFRAME, get_framework_logger

NAMED_AFTER: Final = 10.0
"""Seconds after which a traceback is written by default."""
_REARM = 5.0
"""Seconds after which the timer is set again."""
_LONG = 2.0
"""Seconds without any look after which it is logged what held the interpreter."""
_COMPUTED = 0.5
"""Seconds that the thread must have computed meanwhile; else the process was paused."""
_CURE = "run it in a process by app_context.tasks.process(function, *args), or make it shorter"


class Freezes:
    """Watches for freezes of the whole interpreter.

    Args:
        name: Returns the module and the place of the module code below a frame, and what to do;
            ``None`` if there is no module code.
    """

    def __init__(self, name: Callable[[FrameType], tuple[str, str, str] | None]) -> None:
        self._name = name
        self._after = 0.0
        self._ends = False
        self._armed = 0.0
        self._computed: dict[int, float] = {}

    def write_after(self, seconds: float, *, end: bool = False) -> None:
        """From now on, write tracebacks after a freeze of ``seconds``; 0 writes none.

        With ``end``, the process ends then, with status 1.
        """
        self._after, self._ends = seconds, end

    def arm(self, now: float) -> None:
        """Set the timer again, if it is time to; the one of pytest's own is left alone."""
        if not self._after or now - self._armed < min(_REARM, self._after / 2):
            return
        self._computed = _seconds_computed()
        if not self._ends and "_pytest.faulthandler" in sys.modules:
            return
        self._armed = now
        for stream in filter(None, (sys.stderr, sys.__stderr__)):
            try:
                faulthandler.dump_traceback_later(self._after, file=stream, exit=self._ends)
            except (RuntimeError, ValueError, OSError):
                continue  # it is no file
            break

    def disarm(self) -> None:
        """Take the timer back until it is set again."""
        if self._armed:
            self._armed = 0.0
            faulthandler.cancel_dump_traceback_later()

    def look_back(self, seconds: float) -> None:
        """Log what held the interpreter for ``seconds``, if it was module code."""
        if seconds < _LONG:
            return
        # Before anything else: what held it goes on as soon as this thread waits.
        named = {key: self._name(frame) for key, frame in sys._current_frames().items()}
        before, self._computed = self._computed, _seconds_computed()
        computed = {key: value - before.get(key, 0.0) for key, value in self._computed.items()}
        busiest = max(computed, key=lambda key: computed[key], default=0)
        found = named.get(busiest)
        if found is not None and computed[busiest] > _COMPUTED:
            module_id, place, _ = found
            get_framework_logger(module_id or MODFRAME).warning(
                "%s let no other Python code run for %.1f s; %s", place, seconds, _CURE
            )


def _seconds_computed() -> dict[int, float]:
    """Return thread id → the seconds that it has computed so far."""
    import psutil  # takes 10 ms, which no start has to wait for

    native = {one.native_id: one.ident or 0 for one in threading.enumerate()}
    try:
        times = psutil.Process().threads()
    except psutil.Error:  # the system doesn't tell
        return {}
    return {native[one.id]: one.user_time + one.system_time for one in times if one.id in native}
