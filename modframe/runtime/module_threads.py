"""`ModuleThreads`: runs module code that is no coroutine on daemon threads, so that it can be left.

In go the bodies of modules (`run_body`) and the steps that are plain functions, such as phases,
hooks and constructors (`run_step`); out comes what they return. A thread that came back waits for
the next run. One that hangs is left behind, and nothing joins it when the process ends.

A step runs as if it ran on the app loop, which serves others meanwhile: it sees and sets the
context variables of its caller, finds the running loop, and what it schedules there begins once
it has ended.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from typing import Any, TypeVar

from ..observe import get_framework_logger
from ..worker import Worker
from .breaking import BrokenOutError, at_breakpoint, place_in, raise_in, take_back
from .ownership import Place

T = TypeVar("T")
_log = logging.getLogger("modframe.module_threads")
_TURN = 0.1
"""Seconds that a step waits for the one before: short ones run one after the other, in order."""
_AGAIN = 0.1
"""Seconds after which code that caught the exception gets it again."""
_REDIRECTED = ("call_soon", "call_later", "call_at")
_UNSET = object()


class ModuleThreads:
    """The threads of one loop that execute module code; one, unless runs overlap.

    Attributes:
        running: Task → the step that it waits for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.running: dict[asyncio.Task[Any] | None, Run] = {}
        self._loop = weakref.ref(loop)
        self._idle: list[Worker] = []
        self._newest: asyncio.Future[None] | None = None

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> ModuleThreads:
        """Return the threads of a loop."""
        threads = _of_loops.get(loop)
        if threads is None:
            threads = _of_loops[loop] = cls(loop)
        return threads

    async def run_body(
        self, function: Callable[[], T], *, timeout: float, what: str, is_late: Callable[[], bool]
    ) -> T:
        """Run ``function`` and return its outcome; its prints land under the current cell.

        Args:
            function: What to run.
            timeout: Seconds after which ``is_late`` is asked.
            what: Names it in the error.
            is_late: Returns whether the function hangs; if not, it is about to end by itself.

        Raises:
            TimeoutError: If it is late; its outcome is then dropped.
        """
        worker = self._take()
        run = Run(partial(copy_context().run, function))
        ended = worker.call(run)
        overdue = TimeoutError(
            f"{what} took longer than {timeout:g} s and was left behind; does its body wait "
            "for something?"
        )

        def fail_if_late() -> None:
            if not ended.done() and is_late():
                ended.set_exception(overdue)
                run.interrupt()

        timer = asyncio.get_running_loop().call_later(timeout, fail_if_late)
        try:
            await ended
            return run.outcome()  # type: ignore[no-any-return]  # what the function returned
        finally:
            timer.cancel()
            if not ended.done() or ended.cancelled() or ended.exception() is overdue:
                worker.close()  # its thread ends after what it runs now
            else:
                self._idle.append(worker)

    async def run_step(self, function: Callable[[], T], *, grace: float) -> T:
        """Run ``function`` in place of the loop's thread, and return its outcome.

        If the caller is cancelled, the function is broken out of.

        Args:
            function: What to run.
            grace: Seconds that it has to end in once its caller is cancelled.
        """
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        before, self._newest = self._newest, over
        try:
            if before is not None and not before.done():
                await asyncio.wait({before}, timeout=_TURN)
            context = copy_context()
            run = Run(partial(context.run, function), loop)
            await self._wait_for(run, grace=grace)
        finally:
            over.set_result(None)
        _copy_variables(context)
        return run.outcome()  # type: ignore[no-any-return]  # what the function returned

    async def _wait_for(self, run: Run, *, grace: float) -> None:
        """Run a step on a thread; without one to be had it runs here, as a coroutine does."""
        task = asyncio.current_task()
        worker = self._take()
        _redirect(run)
        try:
            run.ended = worker.call(run)
        except RuntimeError:
            _restore(run)
            run.loop = None
            run()
            return
        self.running[task] = run
        try:
            await asyncio.shield(run.ended)
        except asyncio.CancelledError:
            await run.break_out(grace)
            raise
        finally:
            self.running.pop(task, None)
            run.release()
            if run.interrupted or run.abandoned:
                worker.close()
            else:
                self._idle.append(worker)

    def _take(self) -> Worker:
        return self._idle.pop() if self._idle else Worker("modframe-module")

    def close(self) -> None:
        """Let the threads end."""
        while self._idle:
            self._idle.pop().close()


_of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, ModuleThreads] = (
    weakref.WeakKeyDictionary()
)


class Run:
    """One function on a thread.

    Args:
        function: What to run.
        loop: The loop whose thread it stands in for; a body of a module stands in for none.

    Attributes:
        ended: Done once it has ended, or its thread was abandoned.
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
        self._scheduled: list[_Scheduled] | None = []

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
            with suppress(BrokenOutError), self._lock:
                if self.interrupted:
                    take_back(self._thread_id)
                self._thread_id = 0
        if self.loop is not None:
            _current.run = None
            asyncio._set_running_loop(None)
            if self._scheduled is None:  # it was abandoned
                with suppress(RuntimeError):  # the loop has closed
                    self.loop.call_soon_threadsafe(_restore, self)

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
            _restore(self)
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


def _redirect(run: Run) -> None:
    """Let a loop's scheduling methods keep what steps on threads schedule."""
    loop = run.loop
    if loop is None:
        return
    runs = _redirected.setdefault(loop, set())
    if not runs:
        call_soon, call_at = loop.call_soon, loop.call_at

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
            return at(loop.time() + delay, callback, *args, context=context)

        for name, method in zip(_REDIRECTED, (soon, later, at), strict=True):
            setattr(loop, name, method)  # CTask and everything else finds the instance's first
    runs.add(run)


def _restore(run: Run) -> None:
    """Put a loop's own methods back after its last run."""
    if run.loop is None or (runs := _redirected.get(run.loop)) is None:
        return
    runs.discard(run)
    if not runs:
        del _redirected[run.loop]
        for name in _REDIRECTED:
            delattr(run.loop, name)


def _copy_variables(context: Context) -> None:
    """Set what a step set in its copy of the current context."""
    current = copy_context()
    for variable, value in context.items():
        if current.get(variable, _UNSET) is not value:
            variable.set(value)
