"""Run module code with a timeout, and how long each step of a change may take.

`run_with_timeout` bounds a step; `run_module_code`, inside it, calls the module's own function: on
the app loop if it is a coroutine function, else on a thread, which can be left if it hangs.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from _asyncio import Task as CTask
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar
from weakref import WeakSet

from ...config import FrameworkSettings
from ...errors import ModframeError, ModuleExitError
from ..gate import Work, ensure_work
from ..ownership import Place, callable_package
from .breaking import BrokenOutError, Deadline, step_deadlines
from .module_threads import HOLD, ModuleThreads
from .thread_run import Run

T = TypeVar("T")
left_behind: WeakSet[asyncio.Task[Any]] = WeakSet()
"""Steps that ignored their cancellation; nothing waits for them again, nor does the loop's end."""
GRACE = 1.0
"""Seconds a cancelled step gets to end before it is left behind."""
_TURN = 0.005
"""Seconds that steps may keep the app loop busy before it serves others."""
EAGERLY: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
"""Lets a step that never suspends end without a turn of the loop."""


class OverdueError(TimeoutError):
    """Raised when a step took longer than its timeout; it was cancelled, or broken out of.

    Attributes:
        left_behind: Returns whether the step still runs, if it ignored that.
        trace: Where the step was when it was cancelled.
        file: The ``co_filename`` of the code that it hung in, if that is known; ``line``: its line.
    """

    def __init__(
        self,
        message: str,
        left_behind: Callable[[], bool] | None = None,
        *,
        trace: TracebackType | None = None,
        place: Place | None = None,
    ) -> None:
        super().__init__(message)
        self.left_behind = left_behind
        self.trace = trace
        self.file, self.line = (place.filename, place.line) if place else ("", 0)

    @property
    def still_runs(self) -> bool:
        """Whether the step was left behind and has not ended since."""
        return self.left_behind is not None and self.left_behind()


def as_overdue(error: BaseException) -> BaseException:
    """Return the `OverdueError` for code that the watchdog broke out of; others as they are."""
    if not isinstance(error, BrokenOutError):
        return error
    overdue = OverdueError(
        f"{error.place or 'module code'} kept the app loop for too long and was broken out of; "
        "await something in it, or give what takes long to a thread",
        place=error.place,
    )
    overdue.__cause__ = error
    return overdue.with_traceback(error.__traceback__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the steps of a change may take, in seconds.

    Attributes:
        load: The import of a module's files.
        phase: A phase of one module, or a step after publish.
        handover: Each step of a hand-over, while new calls wait.
        drain: Calls and streams that are inside a generation when it is replaced.
        farewell: Streams that were told to end, until they are cut off.
    """

    load: float = 60.0
    phase: float = 60.0
    handover: float = 10.0
    drain: float = 30.0
    farewell: float = 1.0

    @classmethod
    def from_settings(cls, config: FrameworkSettings) -> Limits:
        """Return the limits that the framework's settings give."""
        return cls(
            load=config.load_timeout,
            phase=config.phase_timeout,
            handover=config.handover_timeout,
            drain=config.drain_timeout,
        )


async def run_all(steps: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Run framework coroutines side by side; a short step that never suspends takes no turn.

    Steps that keep the loop busy for longer let others have a turn in between, and a cancellation.

    Raises:
        BaseException: The first exception of a step; the others go on.
    """
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[object]] = []
    try:
        turn_ends = time.monotonic() + _TURN
        for step in steps:
            tasks.append(CTask(step, loop=loop, **EAGERLY))
            if time.monotonic() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = time.monotonic() + _TURN
        pending = [task for task in tasks if not task.done() or task.exception() is not None]
        if pending:
            await asyncio.gather(*pending)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        raise


async def wait_for_any(
    *awaited: asyncio.Event | asyncio.Future[Any], timeout: float | None = None
) -> None:
    """Wait until an event is set or a future is done, at most ``timeout`` seconds.

    The futures are left alone: none is cancelled, and no exception of theirs is raised.
    """
    futures = {item for item in awaited if not isinstance(item, asyncio.Event)}
    events = {
        asyncio.ensure_future(item.wait()) for item in awaited if isinstance(item, asyncio.Event)
    }
    try:
        await asyncio.wait(futures | events, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in events:
            waiter.cancel()


async def cancel_all(
    tasks: Iterable[asyncio.Task[Any]], *, timeout: float | None = None
) -> set[asyncio.Task[Any]]:
    """Cancel tasks, wait ``timeout`` seconds (`GRACE` by default), return those that ignore it."""
    running = {task for task in tasks if not task.done()}
    for task in running:
        task.cancel()
    if not running:
        return set()
    _, ignoring = await asyncio.wait(running, timeout=GRACE if timeout is None else timeout)
    return ignoring


async def run_with_timeout(
    step: Callable[[], Any],
    timeout: float,
    *,
    what: str | Callable[[], str],
    hurry: asyncio.Event | None = None,
) -> Any:
    """Run module code with a timeout and return its outcome.

    Args:
        step: A function without arguments, sync or async.
        timeout: How long it may take, in seconds.
        what: The step's name in errors; a function if the name changes while it runs.
        hurry: Ends the wait when set, as if the time was over.

    Raises:
        OverdueError: If it did not end in time.
        ModuleExitError: In place of ``SystemExit``, ``KeyboardInterrupt`` or another exception
            that is not an `Exception`.
        ModframeError: In place of a ``CancelledError`` that nobody requested.
    """
    name = what if callable(what) else lambda: what
    work, context = ensure_work()
    loop = asyncio.get_running_loop()
    task = CTask(_call(step, name, work, timeout=timeout), loop=loop, context=context, **EAGERLY)
    try:
        if task.done():  # as most are, which wait for nothing
            return _outcome(task, name, timeout)
        deadline = step_deadlines.setdefault(task, Deadline(timeout))
        await _wait_until_late(task, deadline, hurry)
        run = None if task.done() else ModuleThreads.of(loop).running.get(task)
        while run is not None and run.at_breakpoint and not task.done():
            await asyncio.wait({task}, timeout=GRACE)
        if task.done():
            return _outcome(task, name, timeout)
        late = f"{name()} took longer than its {timeout:g} s and"
        if deadline.left > 0:
            late = f"{name()} still ran when the stop was hurried, and"
        raise await (_cancel(task, late) if run is None else _break_out(task, run, late))
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE)
        raise
    finally:
        if task.done():
            step_deadlines.pop(task, None)  # it is there still if the step never began
            if not task.cancelled():
                task.exception()  # retrieved, so that asyncio doesn't log it as well


async def _wait_until_late(
    task: asyncio.Task[Any], deadline: Deadline, hurry: asyncio.Event | None
) -> None:
    """Wait until a step has ended, is late or is to hurry."""
    while not task.done() and not (hurry and hurry.is_set()) and (left := deadline.left) > 0:
        await wait_for_any(task, *([hurry] if hurry else []), timeout=left)


def _trace_of(task: asyncio.Task[Any]) -> TracebackType | None:
    """Return where a task was when it ended by an exception."""
    try:
        task.result()
    except BaseException as error:  # noqa: BLE001  # only its traceback is wanted
        return error.__traceback__
    return None


async def run_module_code(function: Callable[[], Any], *, hold: float = HOLD) -> Any:
    """Call a function of a module and return its outcome.

    A plain function runs on a thread, as if on the app loop, so that it can be broken out of or
    abandoned if it hangs. One that makes a coroutine or an async generator is called on the loop.

    Args:
        function: The function.
        hold: Seconds for which nothing else runs on the loop beside a plain function.
    """
    plain = not _makes_awaitable(function) and callable_package(function)
    outcome = await run_plain(function, hold=hold) if plain else function()
    return await outcome if hasattr(outcome, "__await__") else outcome


async def run_plain(function: Callable[[], T], *, hold: float = HOLD) -> T:
    """Run a plain function that calls module code on a thread, and return what it returns."""
    threads = ModuleThreads.of(asyncio.get_running_loop())
    return await threads.run_step(function, grace=GRACE, hold=hold)


def _makes_awaitable(function: Callable[[], Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


async def _cancel(task: asyncio.Task[Any], late: str) -> OverdueError:
    """Cancel a step that is late; return the error that says what came of it."""
    task.cancel()
    await asyncio.wait({task}, timeout=GRACE)
    if task.done():
        return OverdueError(f"{late} was cancelled", trace=_trace_of(task))
    left_behind.add(task)
    return OverdueError(
        f"{late} ignores its cancellation and was left behind", lambda: not task.done()
    )


async def _break_out(task: asyncio.Task[Any], run: Run, late: str) -> OverdueError:
    """Break a step out of a plain function that hangs; return the error that names the place."""
    await run.break_out(GRACE)
    await asyncio.wait({task}, timeout=GRACE)
    if not task.done():  # what unwinds the step takes long as well
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE)
    where = run.place or "a function that is no module's"
    if run.abandoned:
        return OverdueError(
            f"{late} was abandoned: {where} doesn't end, and keeps a thread of its own",
            lambda: run.alive,
            place=run.place,
        )
    return OverdueError(f"{late} was broken out of {where}", place=run.place)


def _outcome(task: asyncio.Task[Any], name: Callable[[], str], timeout: float) -> Any:
    """Return what a step returned, or raise its error; none that would end the process."""
    if task.cancelled():
        raise _cancelled_error(name())
    error = task.exception()
    if isinstance(error, BrokenOutError):  # the watchdog's
        raise OverdueError(
            f"{name()} took longer than its {timeout:g} s and was broken out of {error.place}",
            place=error.place,
        ) from error
    if error is not None and not isinstance(error, Exception):
        raise _exit_error(name(), error, "which is no ordinary exception") from error
    return task.result()


def _cancelled_error(what: str) -> ModframeError:
    return ModframeError(
        f"{what} let a CancelledError out, so what stands behind it did not run",
        cure="await a task that was cancelled within contextlib.suppress(asyncio.CancelledError)",
    )


async def _call(
    step: Callable[[], Any],
    name: Callable[[], str],
    work: Work,  # noqa: ARG001  # stragglers.py reads it
    *,
    timeout: float,
) -> Any:
    task = asyncio.current_task()
    step_deadlines.setdefault(task, Deadline(timeout))  # for the watchdog, if it keeps the loop
    try:
        outcome = step()
        return await outcome if hasattr(outcome, "__await__") else outcome
    except (SystemExit, KeyboardInterrupt) as error:
        raise _exit_error(name(), error, "which would have ended the process") from error
    finally:
        step_deadlines.pop(task, None)


def _exit_error(what: str, error: BaseException, why: str) -> ModuleExitError:
    return ModuleExitError(
        f"{what} raised {type(error).__name__}, {why}",
        cure="raise an ordinary exception or return Result.error(...)",
    )
