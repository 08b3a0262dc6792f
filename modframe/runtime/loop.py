"""The app loop: the one asyncio loop that runs module code, in a thread of its own or adopted.

In a kernel or a script `AppLoop.start` makes a thread for it; under ``modframe serve`` and
``create_app()`` `AppLoop.adopt` takes the server's. Its task factory pins the C task class, for
`nest_asyncio` swaps the class, and writes module tasks into their owner's ledger.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import sys
import threading
import time
import weakref
from _asyncio import Task as CTask
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from types import FrameType
from typing import Any, Generic, TypeVar

from ..errors import ModuleExitError, NotRunningError, OnAppLoopError
from ..names import package_in
from .bounds import cancel_all
from .gate import Work, work_in
from .output import cell_context
from .owner import Owner, current_resource
from .traces import shorten_traceback

T = TypeVar("T")
_log = logging.getLogger("modframe.loop")
_FRAMES_TO_CREATOR = 4
_ROUNDS = 3


class AppLoop:
    """A running loop and its thread; everything that crosses over to it goes through here.

    Attributes:
        loop: The asyncio loop.
        thread_id: The thread it runs in; 0 once it ended, for the system gives the number anew.
        owners: Private package name → what keeps the tasks that its code starts.
        closing: Whether it is about to end, or has.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.thread_id = 0
        self.owners: dict[str, Owner] = {}
        self.closing = False
        self._thread: threading.Thread | None = None
        self._forked = False
        self._lock = threading.Lock()
        self._submissions: set[Submission[Any]] = set()
        _loops.add(self)

    @classmethod
    def start(cls) -> AppLoop:
        """A loop in a daemon thread of its own."""
        self = cls(asyncio.SelectorEventLoop())
        self.loop.set_task_factory(self._make_task)
        self.loop.set_exception_handler(_log_report)
        ready = threading.Event()
        # An empty context: whatever starts here has no cell to print under.
        self._thread = threading.Thread(
            target=lambda: Context().run(self._run, ready), name="modframe", daemon=True
        )
        self._thread.start()
        ready.wait()
        return self

    @classmethod
    def adopt(cls) -> AppLoop:
        """The loop that is running right here, for as long as it runs."""
        self = cls(asyncio.get_running_loop())
        self.loop.set_task_factory(self._make_task)
        self.thread_id = threading.get_ident()
        return self

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        self.thread_id = threading.get_ident()
        self.loop.call_soon(ready.set)
        while not self.closing:
            self._survive_exits(self.loop.run_forever)
        last = self.loop.create_task(_shut_down())
        while not last.done():
            self._survive_exits(lambda: self.loop.run_until_complete(last))
        self.thread_id = 0
        self.loop.close()
        for submission in list(self._submissions):
            submission.abandon()

    @staticmethod
    def _survive_exits(run: Callable[[], object]) -> None:
        try:
            run()
        except (SystemExit, KeyboardInterrupt) as error:
            # A callback of a module's let it out; the loop goes on without it.
            _log.error("a callback raised %s; the app loop goes on", type(error).__name__)

    # -- tasks ----------------------------------------------------------------------------

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any
    ) -> asyncio.Task[Any]:
        owned = self._owner_of(coro)
        context: Context | None = options.pop("context", None)
        if owned is not None and context is None:
            context = owned.context()
        work, context = work_in(context)
        if context is not None:
            options["context"] = context
        inside: Any = _contained(coro, work)
        inside.__qualname__ = getattr(coro, "__qualname__", "task")  # what it is called in views
        task: asyncio.Task[Any] = CTask(inside, loop=loop, **options)
        # A task cancelled before its first step never reaches the coroutine inside.
        task.add_done_callback(lambda _: coro.close())
        if owned is not None:
            owned.add(task)
        return task

    def _owner_of(self, coro: Any) -> Owner | None:
        """The ledger of the generation whose code this is, or whose code creates the task.

        What is made while a shared resource is made is the resource's, and so is what is no
        generation's own code and comes of it later.
        """
        if not self.owners:
            return None
        resource = current_resource.get()
        if resource is not None and resource.making:
            return resource
        frame = getattr(coro, "cr_frame", None)
        if frame is not None and (owned := self._owned_by(frame)) is not None:
            return owned
        if resource is not None:
            return resource
        creator: FrameType | None = sys._getframe(2)
        for _ in range(_FRAMES_TO_CREATOR):
            if creator is not None:
                if (owned := self._owned_by(creator)) is not None:
                    return owned
                creator = creator.f_back
        return None

    def _owned_by(self, frame: Any) -> Owner | None:
        package = package_in(frame.f_globals.get("__package__"))
        return self.owners.get(package) if package else None

    # -- from other threads -----------------------------------------------------------------

    @property
    def here(self) -> bool:
        """Whether the caller is on the app loop already."""
        return threading.get_ident() == self.thread_id

    def refuse_here(
        self, verb: str, instead: str = "call it from a cell, a script or a worker thread"
    ) -> None:
        """Raise where a blocking verb would wait for itself.

        Raises:
            OnAppLoopError: On the app loop.
        """
        if self.here:
            raise OnAppLoopError(f"{verb} blocks and can't be called on the app loop", cure=instead)

    def spawn(
        self, coro: Coroutine[Any, Any, T], *, name: str = "", context: Context | None = None
    ) -> asyncio.Task[T]:
        """A framework task on the loop, called on it; in an empty context if none is given."""
        return CTask(coro, loop=self.loop, name=name or None, context=context or Context())

    def submit(self, start: Callable[[], Awaitable[T]]) -> Submission[T]:
        """Start something on the loop from another thread, at once."""
        submission = self._new_submission(start)
        self._send(submission)
        return submission

    def _new_submission(self, start: Callable[[], Awaitable[T]]) -> Submission[T]:
        if self._forked:
            raise NotRunningError(
                "modframe runs in the parent of this forked process, and not here",
                cure="start worker processes by 'spawn' rather than 'fork'",
            )
        if self.closing or self.loop.is_closed():
            raise stopped_error()
        return Submission(self, start)

    def _send(self, submission: Submission[T]) -> None:
        self._submissions.add(submission)
        try:
            submission.begin()
        except RuntimeError:  # the loop was closed a moment ago
            submission.abandon()

    def block(self, verb: str, start: Callable[[], Awaitable[T]]) -> T:
        """Do what a person's verb stands for, and wait here.

        Raises:
            OnAppLoopError: On the app loop, where it would wait for itself.
        """
        __tracebackhide__ = True
        self.refuse_here(verb)
        return self.wait(start)

    def wait(self, start: Callable[[], Awaitable[T]]) -> T:
        """Run something on the loop and wait here; Ctrl-C cancels it and waits for its end."""
        __tracebackhide__ = True
        submission = self._new_submission(start)
        try:
            self._send(submission)  # here the loop wakes up and runs, so here Ctrl-C comes as well
            return submission.future.result()
        except KeyboardInterrupt:
            submission.cancel()
            concurrent.futures.wait([submission.future], timeout=10)
            raise
        except BaseException as error:  # noqa: BLE001  # raised again, its frames the module's
            raise shorten_traceback(error)  # noqa: B904

    def cancel_asked_by(self, thread_id: int) -> None:
        """Cancel all that a thread has sent over and that isn't done."""
        for submission in list(self._submissions):
            if submission.thread_id == thread_id:
                submission.cancel()

    def close(self) -> None:
        """End what still runs, and the thread if the loop has one of its own; once."""
        with self._lock:
            already, self.closing = self.closing, True
        if self._thread is None:
            self.loop.set_task_factory(None)
            self.thread_id = 0
        elif not self._forked:
            if not already:
                self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(timeout=5)

    def _mark_forked(self) -> None:
        self._forked = True
        self.thread_id = 0


_loops: weakref.WeakSet[AppLoop] = weakref.WeakSet()


def _mark_all_forked() -> None:
    """In a forked child: the threads that ran the loops aren't here."""
    for one in list(_loops):
        one._mark_forked()


os.register_at_fork(after_in_child=_mark_all_forked)


def _log_report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio has to say about the loop goes to the log, and not under some cell."""
    _log.error("%s", context["message"], exc_info=context.get("exception"))


async def _shut_down() -> None:
    """The last thing on a loop: cancel what is left, and let it end."""
    for _ in range(_ROUNDS):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if not tasks:
            break
        for task in await cancel_all(tasks):  # named already, when its module was stopped
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own switch
    await asyncio.get_running_loop().shutdown_asyncgens()


def stopped_error() -> NotRunningError:
    """The error for what comes too late, or was cut short by the end."""
    return NotRunningError("modframe was stopped", cure="call modframe.start() to begin again")


class Submission(Generic[T]):
    """One thing on its way to the app loop: a future for the caller, a task over there.

    Nothing here goes in a circle, so what a caller lets go of is gone at once: a left stream is
    closed then, and not with the next collection.
    """

    __slots__ = (
        "_app_loop",
        "_cancelled",
        "_loop",
        "_start",
        "_task",
        "began",
        "future",
        "thread_id",
        "took",
    )

    def __init__(self, app_loop: AppLoop, start: Callable[[], Awaitable[T]]) -> None:
        self.future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._app_loop = app_loop
        self._loop = app_loop.loop
        self._start: Callable[[], Awaitable[T]] | None = start
        self._task: asyncio.Task[T] | None = None
        self._cancelled = False
        self.thread_id = threading.get_ident()
        self.began = time.perf_counter()
        self.took = 0.0

    def begin(self) -> None:
        """Send it on its way."""
        work, context = work_in(cell_context())
        self._loop.call_soon_threadsafe(self._begin, work, context=context)

    def abandon(self) -> None:
        """The loop has ended: whoever waits learns it."""
        self._leave()
        with suppress(concurrent.futures.InvalidStateError):  # it came to its end after all
            self.future.set_exception(stopped_error())

    def _begin(self, work: Work) -> None:
        start, self._start = self._start, None
        self.future.set_running_or_notify_cancel()
        if self._cancelled or start is None:
            self._leave()
            self.future.set_exception(concurrent.futures.CancelledError())
            return
        self._task = CTask(_awaited(start, work), loop=self._loop)
        self._task.add_done_callback(self._finish)

    def _leave(self) -> None:
        self._app_loop._submissions.discard(self)
        self._start = self._task = None
        self.took = time.perf_counter() - self.began

    def _finish(self, task: asyncio.Task[T]) -> None:
        self._leave()
        if task.cancelled():
            self.future.set_exception(self._why_cancelled())
        elif (error := task.exception()) is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(task.result())

    def _why_cancelled(self) -> BaseException:
        if self._cancelled:
            return concurrent.futures.CancelledError()
        if self._app_loop.closing:
            return stopped_error()
        return ModuleExitError(
            "module code let a CancelledError out, though nobody cancelled the call",
            cure="await a task that was cancelled within contextlib.suppress(CancelledError)",
        )

    def cancel(self) -> None:
        """Ask for the end, from any thread; the future says when it came."""
        self._cancelled = True
        if not self.future.done():
            with suppress(RuntimeError):  # the loop has just ended, and everything on it
                self._loop.call_soon_threadsafe(self._cancel_task)

    def _cancel_task(self) -> None:
        if self._start is not None:
            self._begin(Work())  # Ctrl-C came before it was sent
        elif self._task is not None:
            self._task.cancel()


async def _awaited(start: Callable[[], Awaitable[T]], work: Work) -> T:  # noqa: ARG001  # stragglers.py reads `work`
    try:
        return await start()
    except (SystemExit, KeyboardInterrupt) as error:
        raise _contained_error(error) from error


async def _contained(coro: Coroutine[Any, Any, T], work: Work) -> T:  # noqa: ARG001  # as above
    try:
        return await coro
    except (SystemExit, KeyboardInterrupt) as error:
        raise _contained_error(error) from error


def _contained_error(error: BaseException) -> ModuleExitError:
    return ModuleExitError(
        f"module code raised {type(error).__name__}, which would have ended the app loop",
        cure="raise an ordinary exception instead",
    )
