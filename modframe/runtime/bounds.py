"""Run module code with a timeout, and how long each step of a change may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import ModframeError, ModuleExitError

GRACE = 1.0
"""Seconds a cancelled step gets to end before it is left behind."""


class OverdueError(TimeoutError):
    """Raised when a step took longer than its bound; it was cancelled.

    Attributes:
        left_behind: The step, if it ignores that.
    """

    def __init__(self, message: str, left_behind: asyncio.Task[Any] | None = None) -> None:
        super().__init__(message)
        self.left_behind = left_behind


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


async def first_of(
    *awaited: asyncio.Event | asyncio.Future[Any], timeout: float | None = None
) -> None:
    """Wait until an event is set or a future is done, at most ``timeout`` seconds.

    The futures are left alone: none is cancelled, and no exception of theirs is raised.
    """
    futures = {one for one in awaited if not isinstance(one, asyncio.Event)}
    events = {
        asyncio.ensure_future(one.wait()) for one in awaited if isinstance(one, asyncio.Event)
    }
    try:
        await asyncio.wait(futures | events, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in events:
            waiter.cancel()


async def cancel_all(
    tasks: Iterable[asyncio.Task[Any]], *, timeout: float | None = None
) -> set[asyncio.Task[Any]]:
    """Cancel tasks and wait for their end; those that ignore it.

    Args:
        tasks: Whichever.
        timeout: How long that is waited for, in seconds; `GRACE` by default.
    """
    running = {task for task in tasks if not task.done()}
    for task in running:
        task.cancel()
    if not running:
        return set()
    _, deaf = await asyncio.wait(running, timeout=GRACE if timeout is None else timeout)
    return deaf


async def bounded(
    step: Callable[[], Any],
    timeout: float,
    *,
    what: str | Callable[[], str],
    hurry: asyncio.Event | None = None,
) -> Any:
    """Call ``step``, await what it gives if that can be awaited, and give back the outcome.

    Args:
        step: A function of no arguments, sync or async.
        timeout: The bound, in seconds.
        what: Names the step in errors; a function where that changes on the way.
        hurry: Once set, the step is treated as overdue at once.

    Raises:
        OverdueError: If it did not end in time.
        ModuleExitError: In place of a ``SystemExit``, a ``KeyboardInterrupt`` or another
            exception that is no `Exception`.
        ModframeError: In place of a ``CancelledError`` that nobody asked it for.
    """
    task = asyncio.ensure_future(_called(step, what))
    try:
        await first_of(task, *([hurry] if hurry else []), timeout=timeout)
        if task.cancelled():
            raise _cancelled_itself(_named(what))
        if task.done():
            error = task.exception()
            if error is not None and not isinstance(error, Exception):
                raise _exited(_named(what), error, "which is no ordinary exception") from error
            return task.result()
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE)
        late = f"{_named(what)} took longer than its {timeout:g} s and"
        if task.done():
            raise OverdueError(f"{late} was cancelled")
        raise OverdueError(f"{late} ignores its cancellation and was left behind", task)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE)
        raise
    finally:
        if task.done() and not task.cancelled():
            task.exception()  # taken, so that asyncio does not report it a second time


def _cancelled_itself(what: str) -> ModframeError:
    return ModframeError(
        f"{what} let a CancelledError out, so what stands behind it did not run",
        cure="await a task that was cancelled within contextlib.suppress(asyncio.CancelledError)",
    )


def _exited(what: str, error: BaseException, why: str) -> ModuleExitError:
    return ModuleExitError(
        f"{what} raised {type(error).__name__}, {why}",
        cure="raise an ordinary exception or return Result.error(...)",
    )


def _named(what: str | Callable[[], str]) -> str:
    return what if isinstance(what, str) else what()


async def _called(step: Callable[[], Any], what: str | Callable[[], str]) -> Any:
    try:
        outcome = step()
        if hasattr(outcome, "__await__"):
            outcome = await outcome
    except (SystemExit, KeyboardInterrupt) as error:
        raise _exited(_named(what), error, "which would have ended the process") from error
    return outcome
