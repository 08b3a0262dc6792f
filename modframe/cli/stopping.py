"""How ``modframe serve`` and ``modframe mcp`` end: `Stop` acts on signals, `leave` comes last.

The first signal stops in order, the second without waiting, the third at once. Whatever modules do,
the process ends: if code keeps the loop so that it can't stop in order, with the status `STUCK`.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import queue
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ..engine import Engine
from ..observe import get_framework_logger
from ..runtime.loop.bounds import GRACE, cancel_all, wait_for_any
from ..runtime.loop.breaking import place_in
from ..source import Source
from .out import say

DRAIN = 5.0
"""Seconds that requests and calls under way get once a signal came."""
STUCK = 3
"""The exit status if the loop was kept, and nothing could be stopped in order."""
_PATIENCE = 10.0
"""Seconds for which something may keep the loop once a signal came."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SIGNALS_TO_EXIT = 3
_INTERRUPTED = 130
_POLL = 0.05


class Stop:
    """Handles signals.

    Attributes:
        asked: Set by the first signal.
        loading: The task to cancel on the first signal; ``None`` once the server listens.
        engine: The engine to stop faster, once it is there.
        count: How many signals came.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, loading: asyncio.Task[Any] | None) -> None:
        self.asked = asyncio.Event()
        self.loading = loading
        self.engine: Engine | None = None
        self.count = 0
        self._loop = loop
        self._signalled, self._over = threading.Event(), threading.Event()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT inside the block; put the old handlers back after it."""
        # Not by the loop's own handlers: those would wait while a module blocks the loop.
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._on_pause)
        with suppress(RuntimeError):  # no thread to be had now; there may be none at the signal
            threading.Thread(target=self._end_if_stuck, name="modframe-stop", daemon=True).start()
        try:
            yield
        finally:
            self._over.set()
            self._signalled.set()
            for number, handler in before.items():
                signal.signal(number, handler)

    def follow(self, engine: Engine) -> None:
        """Act on an engine from now on, and keep what its modules change of the process."""
        self.engine = engine
        engine.watchdog.freezes.write_after(engine.config.freeze_timeout, end=True)
        engine.swap.listeners.append(self._restore)

    async def or_end_of(self, work: Awaitable[int]) -> int:
        """Return the exit status of ``work``; if a signal comes first, cancel it and return 0."""
        task = asyncio.ensure_future(work)
        await wait_for_any(task, self.asked)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task})
        return 0

    def _restore(self, source: Source, outcome: object) -> None:
        """Put the handlers of signals back that a module has replaced."""
        for number in _SIGNALS:
            if not self._over.is_set() and signal.getsignal(number) != self._on_signal:
                signal.signal(number, self._on_signal)
                get_framework_logger(source.module_id).warning(
                    "%s replaced the handler of %s, and modframe put its own back; what is to "
                    "happen at the end belongs into cleanup_resources()",
                    source.module_id, signal.Signals(number).name,
                )  # fmt: skip

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count >= _SIGNALS_TO_EXIT:
            os._exit(_INTERRUPTED)
        if self.engine is not None:
            self.engine.hasten()
        self._signalled.set()
        self._loop.call_soon_threadsafe(self._act)

    def _on_pause(self, number: int, frame: FrameType | None) -> None:
        """Pause on Ctrl-Z; the timer that ends a frozen process doesn't count the pause."""
        faulthandler.cancel_dump_traceback_later()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # goes on here after the pause
        signal.signal(number, self._on_pause)

    def _act(self) -> None:
        if self.engine is not None:
            self.engine.wait_at_most(DRAIN)
            if self.count > 1:
                self.engine.hurry()
        self.asked.set()
        if self.loading is not None and self.count == 1:
            self.loading.cancel()

    def _end_if_stuck(self) -> None:
        """End the process if the loop doesn't answer after a signal; on a thread of its own."""
        self._signalled.wait()
        answered = threading.Event()
        while not self._over.is_set():
            answered.clear()
            with suppress(RuntimeError):  # it has closed
                self._loop.call_soon_threadsafe(answered.set)
            if not answered.wait(_PATIENCE) and not self._over.is_set():
                place = place_in(threading.main_thread().ident or 0) or "something"
                say(f"{place} keeps the loop, so nothing can be stopped in order; ending")
                if self.engine is not None:
                    self.engine.abandon(f"{place} kept the app loop when the process was to end")
                _end_process(STUCK)
            self._over.wait(1)


async def run_stoppable(run: Callable[[Stop], Awaitable[int]]) -> int:
    """Run what signals may stop, on the running loop, and return its exit status.

    If tasks or threads are left that don't end, end the process instead.
    """
    stop = Stop(asyncio.get_running_loop(), asyncio.current_task())
    status = 0
    with stop.listening():
        try:
            status = await run(stop)
        except asyncio.CancelledError:
            if not stop.count:
                raise
    await leave(status)
    return status


async def leave(status: int) -> None:
    """End the process with ``status`` if tasks or threads don't end; else return.

    The interpreter would wait for them, however long they take.
    """
    loop = asyncio.get_running_loop()
    deaf = await cancel_all(asyncio.all_tasks() - {asyncio.current_task()})
    busy = _busy_threads()
    for _ in range(round(GRACE / _POLL) * bool(busy)):
        await asyncio.sleep(_POLL)
        busy = _busy_threads()
    if deaf or busy:
        names = [f"thread {name!r}" for name in busy] + [
            f"task {task.get_name()!r}" for task in deaf
        ]
        say(f"left behind: {', '.join(sorted(names))}")
        _end_process(status)
    executor = getattr(loop, "_default_executor", None)
    if executor is not None:  # asyncio would take a thread to wait for it, and may get none
        executor.shutdown(wait=False, cancel_futures=True)
        loop._default_executor = None  # type: ignore[attr-defined]  # asyncio's own


def _busy_threads() -> list[str]:
    """Return the threads that the interpreter would wait for, with the module code they run."""
    frames = sys._current_frames()
    names = []
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if thread is threading.main_thread() or thread.daemon or frame is None:
            continue
        place = place_in(thread.ident or 0)
        if place is not None or not _rests(frame):
            names.append(f"{thread.name}: {place}" if place else thread.name)
    return names


def _rests(frame: FrameType) -> bool:
    """Return whether a worker of a pool waits for work; it ends with its pool."""
    innermost: FrameType | None = frame
    while innermost is not None and innermost.f_code.co_filename == threading.__file__:
        innermost = innermost.f_back
    return innermost is not None and (
        innermost.f_code.co_filename == queue.__file__ or innermost.f_code.co_name == "_worker"
    )


def _end_process(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
