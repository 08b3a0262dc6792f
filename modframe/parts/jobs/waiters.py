"""`Waiters`: those who asked for a run of a task and wait for its end."""

from __future__ import annotations

import asyncio

from ...errors import TaskError


class Waiters:
    """Counts the runs of a task that have ended, and tells those who wait.

    Attributes:
        ended: How many runs have ended.
    """

    def __init__(self, label: str) -> None:
        self.ended = 0
        self._label = label
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def future(self, loop: asyncio.AbstractEventLoop, number: int) -> asyncio.Future[None]:
        """Return what is done when so many runs have ended; it has the error of that run."""
        future: asyncio.Future[None] = loop.create_future()
        future.add_done_callback(_retrieve)
        if number <= self.ended:
            future.set_result(None)
        else:
            self._waiting.append((number, future))
        return future

    def end(self, error: BaseException | None) -> None:
        """Count a run as ended."""
        self.ended += 1
        due = [waiter for waiter in self._waiting if waiter[0] <= self.ended]
        for waiter in due:
            self._waiting.remove(waiter)
            _settle(waiter[1], error)

    def give_up(self) -> None:
        """Tell all that no run comes any more."""
        for _, future in self._waiting:
            _settle(
                future,
                TaskError(
                    f"{self._label} was ended before this run was done",
                    cure="ask for it again once its module is live",
                ),
            )
        self._waiting.clear()


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _retrieve(future: asyncio.Future[None]) -> None:
    """Keep asyncio from logging a failure that nobody awaited: it is recorded."""
    if not future.cancelled():
        future.exception()
