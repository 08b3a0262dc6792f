"""`Watchdog`: sees an event loop stand still, and names what keeps it.

In go a loop and its thread, and functions that name code and break it out; out come log lines and
the `Stall` of now and the last one. A thread looks at the loop ten times a second. A loop that
waits for something to do is left alone and is never woken. To one that works it sends a beat,
which the loop answers when it gets to it; one that takes longer than `STILL` stands still.
"""

from __future__ import annotations

import asyncio
import logging
import os
import selectors
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import FrameType
from typing import Final

from .durations import FINE, Durations
from .freezes import Freezes
from .loggers import MODFRAME, get_framework_logger
from .series import Series

STILL: Final = 0.2
"""Seconds without an answer after which a loop stands still."""
_LOOK = 0.1
"""Seconds between two looks."""
_PAUSED = 1.0
"""Seconds between two looks after which the whole process was paused, and the loop is innocent."""
_IDLE = frozenset({selectors.__file__, asyncio.runners.__file__})
"""The innermost files of a loop that waits; the second one is of loops that are not Python."""
_log = logging.getLogger("modframe.watchdog")


@dataclass(frozen=True, slots=True)
class Stall:
    """A time in which the loop did nothing but one thing.

    Attributes:
        module_id: The module whose code kept it; empty if it was no module's.
        place: The function, file and line that kept it when it was noticed.
        began: When it began, in seconds since the epoch.
        seconds: How long it took, or has taken so far.
    """

    module_id: str
    place: str
    began: float
    seconds: float

    def __str__(self) -> str:
        return f"{self.place} has kept the app loop for {self.seconds:.1f} s"


class Watchdog:
    """Watches one loop, in a daemon thread.

    Args:
        loop: The loop.
        thread_id: The thread that it runs in.
        name: Returns the module and the place of the module code below a frame, and what to do
            about it; ``None`` if there is no module code.
        break_out: Called while the loop stands still, with the seconds so far; breaks out of
            what has taken too long, or does nothing.
        tick: Called with each look, with the time of `time.perf_counter`.

    Attributes:
        last: The newest stall that is over.
        freezes: Names what lets no Python code run at all.
        lag: How long the loop took to answer the beats that were sent while it worked; ``lags``
            has the same in the last minutes, where what stood still counts as failed.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        thread_id: int,
        *,
        name: Callable[[FrameType], tuple[str, str, str] | None],
        break_out: Callable[[float], object],
        tick: Callable[[float], object],
    ) -> None:
        self.last: Stall | None = None
        self._loop, self._thread_id = loop, thread_id
        self._name, self._break_out, self._tick = name, break_out, tick
        self.freezes = Freezes(name)
        self.lag, self.lags = Durations(FINE), Series(FINE)
        self._stall: Stall | None = None
        self._sent = 0.0  # when the beat under way was sent; 0 if there is none
        self._answered = 0.0
        self._stopped = threading.Event()
        _watchdogs.add(self)

    def start(self) -> None:
        """Begin to watch; without a thread to be had, nothing is watched."""
        thread = threading.Thread(target=self._watch, name="modframe-watchdog", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            _log.warning("the app loop is not watched: %s", error)

    def stop(self) -> None:
        """End the watch, from any thread; does not wait."""
        self._stopped.set()

    @property
    def stall(self) -> Stall | None:
        """What keeps the loop now; ``None`` if nothing does."""
        stall, sent = self._stall, self._sent
        if stall is None or not sent:
            return None
        return replace(stall, seconds=time.monotonic() - sent)

    # -- on its thread --------------------------------------------------------------------

    def _watch(self) -> None:
        looked = time.monotonic()
        while not self._stopped.wait(_LOOK):
            now = time.monotonic()
            self.freezes.look_back(now - looked)
            self.freezes.arm(now)
            self._look(now, paused=now - looked > _PAUSED)
            self._tick(time.perf_counter())
            looked = now
        self.freezes.disarm()

    def _look(self, now: float, *, paused: bool) -> None:
        if self._sent and self._answered:
            seconds = max(0.0, self._answered - self._sent)
            self.lag.add(seconds)
            self.lags.add(time.perf_counter(), seconds, failed=seconds >= STILL)
            self._end()
        if not self._sent:
            frame = self._frame()
            if frame is not None and frame.f_code.co_filename not in _IDLE:
                self._send(now)
        elif paused and self._stall is None:
            self._sent = now  # the loop had no time to answer either
        elif now - self._sent >= STILL and (frame := self._frame()) is not None:
            if self._stall is None or not self._stall.module_id:
                self._name_stall(frame, now)
            self._break_out(now - self._sent)

    def _frame(self) -> FrameType | None:
        return sys._current_frames().get(self._thread_id)

    def _send(self, now: float) -> None:
        self._answered = 0.0
        self._sent = now
        try:
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # the loop has closed
            self._stopped.set()

    def _answer(self) -> None:
        """Run on the loop."""
        self._answered = time.monotonic()

    def _name_stall(self, frame: FrameType, now: float) -> None:
        """Note what keeps the loop; module code is logged, once, when it is seen first."""
        named = self._name(frame)
        seconds = now - self._sent
        if named is None:
            code = frame.f_code
            place = f"{code.co_qualname}() ({code.co_filename}, line {frame.f_lineno})"
            self._stall = Stall("", place, time.time() - seconds, seconds)
            return
        module_id, place, cure = named
        self._stall = Stall(module_id or MODFRAME, place, time.time() - seconds, seconds)
        get_framework_logger(self._stall.module_id).warning(
            "%s, and nothing else runs there meanwhile; %s", self._stall, cure
        )

    def _end(self) -> None:
        if (stall := self._stall) is not None:
            self.last = replace(stall, seconds=self._answered - self._sent)
            self._stall = None
            if stall.module_id:
                get_framework_logger(stall.module_id).warning(
                    "the app loop goes on after %.1f s in %s", self.last.seconds, stall.place
                )
        self._sent = 0.0


_watchdogs: weakref.WeakSet[Watchdog] = weakref.WeakSet()
"""All watchdogs. Process-wide, because a fork hook is, and can't be removed."""


def _disarm_all() -> None:
    """Take timers back until the next look.

    A forked child has no thread of a timer, and would wait for its end when it exits.
    """
    for watchdog in list(_watchdogs):
        watchdog.freezes.disarm()


os.register_at_fork(before=_disarm_all)
