"""`Bridge`: what async tests and the `client` need, run on the app loop while pytest waits for it.

The trial ends a wait that takes too long; pytest's thread then goes on at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from types import FrameType
from typing import Any, TypeVar

from ..runtime.bounds import GRACE
from ..runtime.loop import AppLoop
from ..runtime.stragglers import frames

T = TypeVar("T")


class Bridge:
    """One thing at a time on the app loop, for the thread that the tests run on."""

    def __init__(self, app_loop: AppLoop) -> None:
        self._app_loop = app_loop
        self._answer: Future[Any] | None = None
        self._awaited: Any = None
        self._stopped = False

    def run(self, start: Callable[[], Awaitable[T]]) -> T:
        """Run it on the app loop and wait here.

        Raises:
            TimeoutError: If the run was stopped meanwhile.
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
        crossing.future.add_done_callback(lambda done: _settle(done, answer))
        try:
            return answer.result(GRACE if self._stopped else None)
        finally:
            self._answer = None

    def stop(self) -> None:
        """From now on what is run gets little time."""
        self._stopped = True

    def leave(self) -> None:
        """Let the waiting thread go on, whatever runs over there does."""
        if (answer := self._answer) is not None:
            with suppress(Exception):  # it was settled a moment ago
                answer.set_exception(TimeoutError("it ignores its cancellation"))

    def frames(self) -> list[FrameType]:
        """The frames that what runs over there is suspended in, the outermost first."""
        return list(frames(self._awaited))


def _settle(done: Future[T], answer: Future[T]) -> None:
    with suppress(Exception):  # it was left behind
        if (error := done.exception()) is not None:
            answer.set_exception(error)
        else:
            answer.set_result(done.result())
