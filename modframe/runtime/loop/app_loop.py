"""`AppLoop`: the one asyncio loop that runs module code, in a thread of its own or adopted.

In a kernel or a script `AppLoop.start` makes a thread for it; ``modframe serve`` and
``create_app()`` adopt the server's loop. Verbs and handles send work to it from other threads, as a
`Submission`. Its task factory gives each task of module code to its owner, and always uses the C
task class, because `nest_asyncio` replaces the class.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import math
import os
import sys
import threading
import time
import weakref
from _asyncio import Task as CTask
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from contextvars import Context
from types import FrameType
from typing import Any, NamedTuple, TypeVar

from ...errors import LoopStuckError, NotRunningError, OnAppLoopError
from ...names import module_id_in, package_in
from ...observe import Stall, find_raised, get_framework_logger, record_failure
from ...worker import leave_at_exit
from ..gate import Work, ensure_work
from ..owner import Owner, current_resource
from ..ownership import calling_package, run_for
from ..traces import shorten_traceback
from .bounds import as_overdue, cancel_all, left_behind
from .breaking import BrokenOutError
from .module_threads import ModuleThreads
from .submission import Submission, exit_error, stopped_error
from .thread_run import stands_in_for

T = TypeVar("T")
_log = logging.getLogger("modframe.loop")
_FRAMES_TO_CREATOR = 4
"""How many frames up from `create_task` are searched for module code."""
_CANCEL_ROUNDS = 3
_LOOK = 0.25
"""Seconds between two looks at what a verb waits for."""
_AT_ONCE = 1.0
"""Seconds after which a person at a prompt is told of a module's own method that takes long."""
_LATER = 5.0
"""The same for everything else, such as a first import; and in scripts, where nobody looks."""


class Progress(NamedTuple):
    """What a change does with a module at the moment.

    Attributes:
        text: The module, what it does, and for how long at most.
        own: Whether that is a method of the module's own.
    """

    text: str
    own: bool


class AppLoop:
    """A running loop and its thread; other threads reach the loop through it.

    Attributes:
        loop: The asyncio loop.
        thread_id: The thread it runs in; 0 after its end, since the system reuses thread ids.
        submissions: What other threads run here at the moment.
        threads: Run the module code that is no coroutine.
        owners: Private package name → what keeps the tasks that its code starts.
        closing: Whether it is ending or has ended.
        progress: Returns what changes do at the moment, for people who wait.
        stall: Returns what keeps the loop now, or ``None``; the watchdog's.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.thread_id = 0
        self.threads = ModuleThreads.of(loop)
        self.owners: dict[str, Owner] = {}
        self.closing = False
        self.progress: Callable[[], Iterable[Progress]] = tuple
        self.stall: Callable[[], Stall | None] = lambda: None
        self._thread: threading.Thread | None = None
        self._forked = False
        self._put_back: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self.submissions: set[Submission[Any]] = set()
        _loops.add(self)

    @classmethod
    def start(cls) -> AppLoop:
        """Return a new loop that runs in a daemon thread of its own."""
        self = cls(asyncio.SelectorEventLoop())
        self._own_tasks()
        self._own_threads()
        self.loop.set_exception_handler(_log_report)
        ready = threading.Event()
        # An empty context: tasks that start here have no cell to print under.
        self._thread = threading.Thread(
            target=lambda: Context().run(self._run, ready), name="modframe", daemon=True
        )
        self._thread.start()
        ready.wait()
        return self

    @classmethod
    def adopt(cls) -> AppLoop:
        """Return the loop that runs in the current thread."""
        self = cls(asyncio.get_running_loop())
        self._own_tasks()
        self._own_threads()
        self._own_reports()
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
        for submission in list(self.submissions):
            submission.abandon()

    @staticmethod
    def _survive_exits(run: Callable[[], object]) -> None:
        try:
            run()
        except (SystemExit, KeyboardInterrupt, BrokenOutError) as error:
            # A module's callback raised it, or the watchdog in one; the loop goes on.
            _log.error("a callback raised %s; the app loop goes on", type(error).__name__)

    # -- tasks ----------------------------------------------------------------------------

    def _own_tasks(self) -> None:
        """Make the loop's tasks by `_make_task`, and let module code set no other task factory."""
        set_factory = self.loop.set_task_factory
        set_factory(self._make_task)

        def set_task_factory(factory: Any) -> None:
            if package := calling_package():
                get_framework_logger(module_id_in(package)).warning(
                    "it called set_task_factory() on the app loop, which has no effect: modframe's "
                    "factory says which module a task belongs to"
                )
            else:
                set_factory(factory)

        with suppress(AttributeError):  # a loop of another library, written in C
            self.loop.set_task_factory = set_task_factory  # type: ignore[method-assign]  # of this loop

    def _own_threads(self) -> None:
        """Let the threads of `asyncio.to_thread` know which module they work for."""
        run = self.loop.run_in_executor

        def run_in_executor(executor: Any, func: Any, *args: Any) -> Any:
            in_thread = executor is None or isinstance(
                executor, concurrent.futures.ThreadPoolExecutor
            )
            if in_thread and (package := calling_package()):
                return run(executor, run_for, package, func, *args)
            return run(executor, func, *args)

        with suppress(AttributeError):  # a loop of another library, written in C
            self.loop.run_in_executor = run_in_executor  # type: ignore[method-assign, assignment]  # of this loop

    def _own_reports(self) -> None:
        """Log what asyncio reports about module code; the rest goes where it went before."""
        before = self.loop.get_exception_handler()

        def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            error = context.get("exception")
            if error is not None and find_raised(error).module_id:
                _log_report(loop, context)
            else:
                (before or type(loop).default_exception_handler)(loop, context)

        def put_back() -> None:
            if self.loop.get_exception_handler() is handle:
                self.loop.set_exception_handler(before)

        self.loop.set_exception_handler(handle)
        self._put_back = put_back

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any
    ) -> asyncio.Task[Any]:
        owner = self._owner_of(coro)
        context: Context | None = options.pop("context", None)
        if owner is not None and context is None:
            context = owner.context()
        work, context = ensure_work(context)
        if context is not None:
            options["context"] = context
        inner = coro if owner is None else owner.wrap(coro)
        wrapper: Any = _contain_exits(inner, work)
        wrapper.__qualname__ = getattr(coro, "__qualname__", "task")  # the task's name in views
        task: asyncio.Task[Any] = CTask(wrapper, loop=loop, **options)
        # A task that is cancelled before its first step never starts the wrapped coroutine.
        task.add_done_callback(lambda _: coro.close())
        if owner is not None:
            owner.add(task)
        return task

    def _owner_of(self, coro: Any) -> Owner | None:
        """Return the owner of a new task, or ``None`` if it has nothing to do with module code.

        It is the generation whose code the coroutine is, else the one whose code creates the task.
        A shared resource owns the tasks started while it is made, and later those it causes that
        aren't a generation's own code.
        """
        if not self.owners:
            return None
        resource = current_resource.get()
        if resource is not None and resource.making:
            return resource
        frame = getattr(coro, "cr_frame", None)
        if frame is not None and (owner := self._owner_of_frame(frame)) is not None:
            return owner
        if resource is not None:
            return resource
        creator: FrameType | None = sys._getframe(2)
        for _ in range(_FRAMES_TO_CREATOR):
            if creator is not None:
                if (owner := self._owner_of_frame(creator)) is not None:
                    return owner
                creator = creator.f_back
        return None

    def _owner_of_frame(self, frame: Any) -> Owner | None:
        package = package_in(frame.f_globals.get("__package__"))
        return self.owners.get(package) if package else None

    # -- from other threads -----------------------------------------------------------------

    @property
    def here(self) -> bool:
        """Whether the current thread is the app loop's, or runs a step in its place."""
        return threading.get_ident() == self.thread_id or stands_in_for(self.loop)

    def refuse_here(
        self, verb: str, instead: str = "call it from a cell, a script or a worker thread"
    ) -> None:
        """Check that a blocking verb isn't called on the app loop, where it would wait for itself.

        Raises:
            OnAppLoopError: If it is.
        """
        if self.here:
            raise OnAppLoopError(f"{verb} blocks and can't be called on the app loop", cure=instead)

    def spawn(
        self, coro: Coroutine[Any, Any, T], *, context: Context | None = None, **options: Any
    ) -> asyncio.Task[T]:
        """Start a task of the framework; call it on the loop. The default context is empty."""
        return CTask(coro, loop=self.loop, context=context or Context(), **options)

    def submit(self, start: Callable[[], Awaitable[T]]) -> Submission[T]:
        """Start something on the loop from another thread; return without waiting."""
        submission = self._new_submission(start)
        self._send(submission)
        return submission

    def _new_submission(self, start: Callable[[], Awaitable[T]]) -> Submission[T]:
        if self._forked:
            raise NotRunningError(
                "modframe runs in the parent of this forked process, and not here",
                cure="run functions of modules by app_context.tasks.process(function, *args)",
            )
        if self.closing or self.loop.is_closed():
            raise stopped_error()
        return Submission(self, start)

    def _send(self, submission: Submission[T]) -> None:
        self.submissions.add(submission)
        try:
            submission.begin()
        except RuntimeError:  # the loop was closed a moment ago
            submission.abandon()

    def block(self, verb: str, start: Callable[[], Awaitable[T]], *, patience: float = 0) -> T:
        """Run a person's verb on the loop, wait and return its value.

        Args:
            verb: Its name in errors.
            start: Makes what is awaited.
            patience: Seconds for which something else may keep the loop; 0 for as long as it takes.

        Raises:
            OnAppLoopError: If this is called on the app loop, where it would wait for itself.
            LoopStuckError: If something kept the loop for longer.
        """
        self.refuse_here(verb)
        return self.wait(start, patience=patience)

    def call(self, verb: str, function: Callable[[], T]) -> T:
        """Call a function on the loop and return its value; on the loop itself, at once.

        ``verb`` is the name of what asks for it in errors.
        """
        if self.here:
            return function()

        async def begin() -> T:
            return function()

        return self.block(verb, begin)

    def wait(self, start: Callable[[], Awaitable[T]], *, patience: float = 0) -> T:
        """Run something on the loop and return its value; Ctrl-C cancels it and waits for that."""
        submission = self._new_submission(start)
        try:
            self._send(submission)  # the loop takes over here, so Ctrl-C may arrive here too
            return self._result(submission.future, patience)
        except KeyboardInterrupt:
            submission.cancel()
            concurrent.futures.wait([submission.future], timeout=1 if self.stall() else 10)
            raise
        except BaseException as error:
            shorten_traceback(error)
            raise

    def _result(self, future: concurrent.futures.Future[T], patience: float) -> T:
        """Wait for a future; tell the person who waits what it waits for, if that takes long."""
        since: dict[str, float] = {}
        while True:
            try:
                return future.result(_LOOK)
            except TimeoutError:
                if future.done():
                    return future.result()  # the error is its own, or it was done just now
            now = time.monotonic()
            for progress in self.progress():
                told_after = _AT_ONCE if progress.own and hasattr(sys, "ps1") else _LATER
                if now - since.setdefault(progress.text, now) >= told_after:
                    since[progress.text] = math.inf  # told
                    print(f"waiting for {progress.text}", file=sys.stderr)  # noqa: T201  # for the cell
            stall = self.stall() if patience else None
            if stall is not None and stall.seconds > patience:
                raise LoopStuckError(str(stall), cure="it goes on until the process ends")

    def cancel_asked_by(self, thread_id: int) -> None:
        """Cancel all submissions of a thread that aren't done."""
        for submission in list(self.submissions):
            if submission.thread_id == thread_id:
                submission.cancel()

    def close(self) -> None:
        """Cancel what still runs and end the loop's own thread, if it has one."""
        with self._lock:
            already, self.closing = self.closing, True
        self.threads.close()
        executor = getattr(self.loop, "_default_executor", None)  # gone once the loop has closed
        if self._thread is None:
            for name in ("set_task_factory", "run_in_executor"):
                vars(self.loop).pop(name, None)
            self.loop.set_task_factory(None)
            self._put_back()
            self.thread_id = 0
        elif not self._forked:
            if not already:
                self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(timeout=0 if self.stall() else 5)
        leave_at_exit(getattr(executor, "_threads", ()))


_loops: weakref.WeakSet[AppLoop] = weakref.WeakSet()
"""All loops. Process-wide, because a fork hook is, and can't be removed."""


def _mark_all_forked() -> None:
    """Run in a forked child, which doesn't have the threads of the loops."""
    for app_loop in list(_loops):
        app_loop._forked = True
        app_loop.thread_id = 0


os.register_at_fork(after_in_child=_mark_all_forked)


def _log_report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what asyncio reports about the loop, instead of printing it under some cell."""
    record_failure("", context["message"], context.get("exception"))


async def _shut_down() -> None:
    """Cancel the tasks that are left and wait for their end; the last thing that runs on a loop."""
    ignoring = set(left_behind)
    for _ in range(_CANCEL_ROUNDS):
        tasks = asyncio.all_tasks() - ignoring - {asyncio.current_task()}
        if not tasks:
            break
        ignoring |= await cancel_all(tasks)
    for task in ignoring:  # reported when its module was stopped
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own switch
    await asyncio.get_running_loop().shutdown_asyncgens()


async def _contain_exits(coro: Coroutine[Any, Any, T], work: Work) -> T:  # noqa: ARG001  # stragglers.py reads `work`
    try:
        return await coro
    except (SystemExit, KeyboardInterrupt) as error:
        raise exit_error(error) from error
    except BrokenOutError as error:
        raise as_overdue(error)  # noqa: B904  # it has its cause
