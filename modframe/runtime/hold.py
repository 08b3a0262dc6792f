"""`Hold`: keeps the consumers of a generation at their awaits while its state is handed over.

The tasks part makes one for each generation that hands something over, and the hand-over closes it
before the state is copied. `holdable` runs a consumer's coroutine so that its hold can keep it.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class Hold:
    """What keeps the consumers of one generation.

    Attributes:
        closed: What they wait for; ``None`` while they may go on.
    """

    __slots__ = ("closed",)

    def __init__(self) -> None:
        self.closed: asyncio.Event | None = None

    def close(self) -> None:
        """Keep each consumer at the await that it is at, from now on."""
        if self.closed is None:
            self.closed = asyncio.Event()

    def open(self) -> None:
        """Let them go on: the generation stays, or they are about to be cancelled."""
        closed, self.closed = self.closed, None
        if closed is not None:
            closed.set()


def holdable(coro: Coroutine[Any, Any, T], hold: Hold) -> Any:
    """Return what runs a coroutine so that a hold can keep it at its awaits, and before it begins.

    A cancellation passes at once, since the hand-over may be what waits for its end. What runs
    because of it isn't held until the hold closes anew, nor is what it starts.
    """
    return _run(coro, hold, hold.closed)


@types.coroutine
def _run(
    coro: Coroutine[Any, Any, T], hold: Hold, passed: asyncio.Event | None
) -> Generator[Any, Any, T]:
    waited: Any = None
    begun = False
    while True:
        step, value = coro.send, None
        try:
            if begun:
                yield waited
            while (closed := hold.closed) is not None and closed is not passed:
                yield from closed.wait().__await__()
        except GeneratorExit:
            coro.close()
            raise
        except BaseException as error:  # noqa: BLE001  # a cancellation, for the coroutine
            step, value, passed = coro.throw, error, hold.closed
        begun = True
        try:
            waited = step(value)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # what the coroutine returned


HOLDABLE = _run.__code__
"""The code of frames that hide the frames of ``coro``; ``stragglers.frames`` looks into it."""
