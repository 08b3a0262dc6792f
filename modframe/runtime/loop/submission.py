"""`Submission`: something that another thread runs on the app loop; `AppLoop` makes them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from _asyncio import Task as CTask
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from ...errors import ModuleExitError, NotRunningError
from ..gate import Work, ensure_work
from ..output import cell_context
from .bounds import EAGERLY, as_overdue

T = TypeVar("T")


class Submitted(Protocol):
    """The app loop, as a submission knows it."""

    loop: asyncio.AbstractEventLoop
    closing: bool
    submissions: set[Submission[Any]]


def stopped_error() -> NotRunningError:
    """Return the error for calls that the end of the app loop refuses or interrupts."""
    return NotRunningError("modframe was stopped", cure="call modframe.start() to begin again")


class Submission(Generic[T]):
    """Something that another thread runs on the app loop: a future here, a task there.

    It is part of no reference cycle. So a stream that its caller drops is closed at once, not at
    the next garbage collection.

    Attributes:
        future: Gets the value or the error.
        thread_id: The thread that submitted it.
        began: When it was submitted, by `time.perf_counter`.
        took: Seconds until it was done.
    """

    __slots__ = (
        "_app_loop",
        "_cancelled",
        "_start",
        "_task",
        "began",
        "future",
        "thread_id",
        "took",
    )

    def __init__(self, app_loop: Submitted, start: Callable[[], Awaitable[T]]) -> None:
        self.future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._app_loop = app_loop
        self._start: Callable[[], Awaitable[T]] | None = start
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self.thread_id = threading.get_ident()
        self.began = time.perf_counter()
        self.took = 0.0

    def begin(self) -> None:
        """Send it to the loop."""
        work, context = ensure_work(cell_context())
        self._app_loop.loop.call_soon_threadsafe(self._begin, work, context=context)

    def abandon(self) -> None:
        """Fail it, because the loop has ended."""
        self._leave()
        with suppress(concurrent.futures.InvalidStateError):  # it was done already
            self.future.set_exception(stopped_error())

    def _begin(self, work: Work) -> None:
        start, self._start = self._start, None
        self.future.set_running_or_notify_cancel()
        if self._cancelled or start is None:
            self._leave()
            self.future.set_exception(concurrent.futures.CancelledError())
            return
        task = CTask(self._run(start, work), loop=self._app_loop.loop, **EAGERLY)
        if task.done():
            self._finish(task)
        else:
            self._task = task
            task.add_done_callback(self._finish)

    async def _run(self, start: Callable[[], Awaitable[T]], work: Work) -> None:
        # `work` is for stragglers.py, which reads it here.
        try:
            value = await start()
        except (SystemExit, KeyboardInterrupt) as error:
            raise exit_error(error) from error
        self._leave()
        self.future.set_result(value)  # here already, not a turn of the loop later

    def _leave(self) -> None:
        self._app_loop.submissions.discard(self)
        self._start = self._task = None
        self.took = time.perf_counter() - self.began

    def _finish(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            error: BaseException | None = self._cancellation_error()
        else:
            error = task.exception()
        if error is not None:
            self._leave()
            self.future.set_exception(as_overdue(error))

    def _cancellation_error(self) -> BaseException:
        if self._cancelled:
            return concurrent.futures.CancelledError()
        if self._app_loop.closing:
            return stopped_error()
        return ModuleExitError(
            "module code let a CancelledError out, though nobody cancelled the call",
            cure="await a task that was cancelled within contextlib.suppress(CancelledError)",
        )

    def cancel(self) -> None:
        """Request the end of it, from any thread; the future is done when it has ended."""
        self._cancelled = True
        if not self.future.done():
            with suppress(RuntimeError):  # the loop has just ended, and the task with it
                self._app_loop.loop.call_soon_threadsafe(self._cancel_task)

    def _cancel_task(self) -> None:
        if self._start is not None:
            self._begin(Work())  # Ctrl-C came before it was sent
        elif self._task is not None:
            self._task.cancel()


def exit_error(error: BaseException) -> ModuleExitError:
    """Return what a call raises in place of an exception that would have ended the app loop."""
    return ModuleExitError(
        f"module code raised {type(error).__name__}, which would have ended the app loop",
        cure="raise an ordinary exception instead",
    )
