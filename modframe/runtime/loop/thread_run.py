"""`Run`: one plain function of module code on a thread, which can be broken out of or abandoned.

`ModuleThreads` makes it. A step stands in for the thread of the app loop: while one runs, the
loop's scheduling methods keep what module code on its thread schedules, until it has ended.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from ...observe import get_framework_logger
from ..ownership import Place
from .breaking import BrokenOutError, at_breakpoint, place_in, raise_in, take_back

_log = logging.getLogger("modframe.thread_run")
_AGAIN = 0.1
"""Seconds after which code that caught the exception gets it again."""
_REDIRECTED = ("call_soon", "call_later", "call_at")


class Run:
    """One function on a thread.

    Args:
        function: What to run.
        loop: The loop whose thread it stands in for; a body of a module stands in for none.

    Attributes:
        ended: Done once it has ended, or its thread was abandoned; there once `end` was asked for.
        place: Where it was when it was last interrupted.
        interrupted: Whether it was to be broken out of.
        abandoned: Whether it did not end then.
    """

    def __init__(
        self, function: Callable[[], Any], loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self.loop = loop
        self.ended: asyncio.Future[None]
        self.place: Place | None = None
        self.interrupted = self.abandoned = False
        self._function = function
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread_id = 0
        self._lock = threading.Lock()
        self._running = threading.Lock()
        self._running.acquire()
        self._scheduled: list[_Scheduled] | None = []
        self._awaited = False

    # -- on its thread --------------------------------------------------------------------

    def __call__(self) -> None:
        """Run the function and keep its outcome."""
        with self._lock:
            if self.abandoned:
                return  # the thread began only after that
            self._thread_id = threading.get_ident()
        if self.loop is not None:
            _current.run = self
            asyncio._set_running_loop(self.loop)
        try:
            try:
                self._value = self._function()
            except BaseException as error:  # noqa: BLE001  # raised by `outcome`
                self._error = error
            self._leave()
        except BrokenOutError:
            self._leave()  # it came just after the end

    def _leave(self) -> None:
        """Let nothing interrupt the thread any more."""
        while self._thread_id:
            try:
                with self._lock:
                    if self.interrupted:
                        take_back(self._thread_id)
                    self._thread_id = 0
            except BrokenOutError:
                continue  # it came before it could be taken back
        if self.loop is not None:
            _current.run = None
            asyncio._set_running_loop(None)
            if self._scheduled is None:  # it was abandoned
                with suppress(RuntimeError):  # the loop has closed
                    self.loop.call_soon_threadsafe(restore, self)
        with self._lock:
            self._running.release()
            awaited = self._awaited
        if awaited:
            with suppress(RuntimeError):  # the loop has closed: nobody waits any more
                self.ended.get_loop().call_soon_threadsafe(_end, self.ended)

    def schedule(self, begin: Callable[..., asyncio.Handle], *args: Any) -> Any:
        """Keep what module code schedules on the loop until it has ended; return its handle."""
        scheduled = _Scheduled(begin, args)
        with self._lock:
            kept = self._scheduled
            if kept is not None:
                kept.append(scheduled)
        if kept is None and self.loop is not None:  # it was abandoned, and others went on
            with suppress(RuntimeError):  # the loop has closed
                self.loop.call_soon_threadsafe(scheduled.begin)
        return scheduled

    # -- on the loop ----------------------------------------------------------------------

    def ends_within(self, seconds: float) -> bool:
        """Wait for the end of the function, and let the loop do nothing else meanwhile."""
        return self._running.acquire(timeout=seconds)

    def end(self) -> asyncio.Future[None]:
        """Return ``ended``, a future of the running loop, for a function that takes longer."""
        self.ended = asyncio.get_running_loop().create_future()
        with self._lock:
            self._awaited = self._running.locked()
        if not self._awaited:
            self.ended.set_result(None)
        return self.ended

    @property
    def alive(self) -> bool:
        """Whether the function still runs."""
        return bool(self._thread_id)

    @property
    def at_breakpoint(self) -> bool:
        """Whether a person debugs it at the moment."""
        return at_breakpoint(self._thread_id)

    def outcome(self) -> Any:
        """Return what the function returned, or raise what it raised."""
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # no reference cycle with the traceback
        return self._value

    def release(self) -> None:
        """Begin what the function scheduled; the loop's own methods are put back."""
        with self._lock:
            scheduled, self._scheduled = self._scheduled or [], None
            ended = not self._thread_id
        if ended:
            restore(self)
        for each in scheduled:
            each.begin()

    def interrupt(self) -> None:
        """Raise a `BrokenOutError` in the function, unless it has ended."""
        with self._lock:
            if self._thread_id:
                self.interrupted = True
                self.place = place_in(self._thread_id) or self.place
                raise_in(self._thread_id, self.place)

    async def break_out(self, grace: float) -> None:
        """Interrupt the function until it ends, or abandon its thread after ``grace`` seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + grace
        while not self.ended.done() and (left := until - loop.time()) > 0:
            self.interrupt()
            await asyncio.wait({self.ended}, timeout=min(_AGAIN, left))
        with self._lock:
            self.abandoned = not self.ended.done()
        if self.abandoned:
            self._error = BrokenOutError()
            self.ended.set_result(None)
            logger = get_framework_logger(self.place.module_id) if self.place else _log
            logger.error("%s doesn't end, and its thread was abandoned", self.place or "a step")


def _end(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


class _Current(threading.local):
    run: Run | None = None


_current = _Current()
"""The run of the current thread, if it stands in for a loop's thread."""


def stands_in_for(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether the current thread runs a step in place of a loop's own thread."""
    run = _current.run
    return run is not None and run.loop is loop


class _Scheduled:
    """What ``call_soon`` and ``call_at`` return to a step: a handle of what begins after it."""

    def __init__(self, begin: Callable[..., asyncio.Handle], args: tuple[Any, ...]) -> None:
        self._begin = begin
        self._args = args
        self._handle: asyncio.Handle | None = None
        self._cancelled = False

    def begin(self) -> None:
        if not self._cancelled:
            self._handle = self._begin(*self._args)
        self._args = ()

    def cancel(self) -> None:
        self._cancelled = True
        if self._handle is not None:
            self._handle.cancel()

    def cancelled(self) -> bool:
        return self._cancelled


_redirected: dict[asyncio.AbstractEventLoop, set[Run]] = {}
"""Loop → the runs for which its methods are redirected; they are put back after the last one."""


def redirect(run: Run) -> None:
    """Let a loop's scheduling methods keep what steps on threads schedule."""
    loop = run.loop
    if loop is None:
        return
    runs = _redirected.setdefault(loop, set())
    if not runs:
        call_soon, call_later, call_at = loop.call_soon, loop.call_later, loop.call_at

        def soon(callback: Any, *args: Any, context: Context | None = None) -> Any:
            if (current := _current.run) is None:
                return call_soon(callback, *args, context=context)
            begin = partial(call_soon, context=context or copy_context())
            return current.schedule(begin, callback, *args)

        def at(when: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
            if (current := _current.run) is None:
                return call_at(when, callback, *args, context=context)
            begin = partial(call_at, context=context or copy_context())
            return current.schedule(begin, when, callback, *args)

        def later(delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
            if _current.run is None:  # its own: uvloop's `call_at` calls this
                return call_later(delay, callback, *args, context=context)
            return at(loop.time() + delay, callback, *args, context=context)

        for name, method in zip(_REDIRECTED, (soon, later, at), strict=True):
            setattr(loop, name, method)  # CTask and everything else finds the instance's first
    runs.add(run)


def restore(run: Run) -> None:
    """Put a loop's own methods back after its last run."""
    if run.loop is None or (runs := _redirected.get(run.loop)) is None:
        return
    runs.discard(run)
    if not runs:
        del _redirected[run.loop]
        for name in _REDIRECTED:
            delattr(run.loop, name)
