"""`Bridge`: runs async tests and requests on the app loop while pytest's thread waits.

The trial ends a wait that takes too long; pytest's thread then goes on at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from types import FrameType
from typing import Any, TypeVar

from ..runtime.loop.app_loop import AppLoop
from ..runtime.loop.bounds import GRACE
from ..runtime.stragglers import frames

T = TypeVar("T")


class Bridge:
    """Runs one coroutine at a time on the app loop, for the thread that the tests run on."""

    def __init__(self, app_loop: AppLoop) -> None:
        self._app_loop = app_loop
        self._answer: Future[Any] | None = None
        self._awaited: Any = None
        self._stopped = False

    def run(self, start: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine function on the app loop and wait for its value.

        Raises:
            TimeoutError: If the run was stopped and the coroutine ignores its cancellation.
        """
        answer: Future[T] = Future()

        async def awaited() -> T:
            self._awaited = start()
            try:
                outcome: T = await self._awaited
                return outcome
            finally:
                self._awaited = None

        crossing = self._app_loop.submit(awaited)
        self._answer = answer
        crossing.future.add_done_callback(lambda done: _copy_outcome(done, answer))
        try:
            return answer.result(GRACE if self._stopped else None)
        finally:
            self._answer = None

    def stop(self) -> None:
        """Give every further wait at most `GRACE` seconds."""
        self._stopped = True

    def abandon(self) -> None:
        """Let the waiting thread go on, though its coroutine still runs."""
        if (answer := self._answer) is not None:
            with suppress(Exception):  # it was set a moment ago
                answer.set_exception(TimeoutError("it ignores its cancellation"))

    def suspended_frames(self) -> list[FrameType]:
        """Return the frames that the coroutine is suspended in, the outermost first."""
        return list(frames(self._awaited))


def _copy_outcome(done: Future[T], answer: Future[T]) -> None:
    with suppress(Exception):  # the wait was abandoned
        if (error := done.exception()) is not None:
            answer.set_exception(error)
        else:
            answer.set_result(done.result())
