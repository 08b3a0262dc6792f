"""Runs `load` on a daemon thread with the caller's context, so that a hanging import can time out.

An executor would not do: Python joins its threads at exit, however long they hang. A thread that
came back waits for the next load; one that hangs is left behind.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from typing import TypeVar

T = TypeVar("T")
_Job = tuple[Context, Callable[[], None]]


_Jobs = queue.SimpleQueue[_Job | None]


class LoaderThreads:
    """The threads that execute module bodies; one, unless loads overlap."""

    def __init__(self) -> None:
        self._idle: list[_Jobs] = []

    async def run(self, function: Callable[[], T], *, timeout: float, what: str) -> T:
        """Run ``function`` there and await the outcome.

        Args:
            function: What to run; prints of it land under the cell whose context this is.
            timeout: Seconds after which nobody waits any more; a late outcome is dropped.
            what: Names it in the error.

        Raises:
            TimeoutError: If it took longer.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(put: Callable[[], None]) -> None:
            if not future.done():
                put()

        def job() -> None:
            put: Callable[[], None]
            try:
                put = partial(future.set_result, function())
            except BaseException as error:  # noqa: BLE001  # handed to whoever awaits
                put = partial(future.set_exception, error)
            try:
                loop.call_soon_threadsafe(settle, put)
            except RuntimeError:
                return  # the loop was closed meanwhile: nobody waits any more

        jobs = self._idle.pop() if self._idle else _new_thread()
        jobs.put((copy_context(), job))
        try:
            await asyncio.wait({future}, timeout=timeout)
        finally:
            if future.done():
                self._idle.append(jobs)
            else:
                future.cancel()
                jobs.put(None)  # it ends after what it runs now
        if future.cancelled():
            raise TimeoutError(
                f"{what} took longer than {timeout:g} s and was left behind; does its body wait "
                "for something?"
            )
        return future.result()

    def close(self) -> None:
        """Let the threads end."""
        while self._idle:
            self._idle.pop().put(None)


def _new_thread() -> _Jobs:
    jobs: _Jobs = queue.SimpleQueue()
    threading.Thread(target=_work, args=(jobs,), name="modframe-load", daemon=True).start()
    return jobs


def _work(jobs: _Jobs) -> None:
    while (work := jobs.get()) is not None:
        context, job = work
        context.run(job)
        del context, job, work  # an idle thread holds on to nothing
