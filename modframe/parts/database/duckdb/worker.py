"""`DatabaseWorker`: a worker whose jobs end early when the task that awaits them is cancelled.

Comes in: a job, which is a function without arguments. Goes out: its result, awaited on the loop,
which is never blocked. A cancelled wait interrupts the job and returns only after the job has
ended, so that the state of the connection is known. Each connection and the DuckDB instance
have one; called by the dialect and the databases.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from ....worker import Worker
from ..home import check_process

T = TypeVar("T")

INTERRUPT_EVERY = 0.02
"""Seconds between interrupts: one that comes before the query has begun is lost."""
EXIT_WAIT = 1.0
"""Seconds that the end of the process waits for a busy thread."""

_workers: weakref.WeakSet[DatabaseWorker] = weakref.WeakSet()


class DatabaseWorker(Worker):
    """A worker for calls into DuckDB.

    Attributes:
        interrupt: Ends early whatever job runs; called at the end of the process.
    """

    def __init__(self, label: str) -> None:
        super().__init__(f"modframe-db-{label}")
        self.interrupt: Callable[[], None] | None = None
        self.busy = False
        _workers.add(self)

    async def run(self, work: Callable[[], T], *, interrupt: Callable[[], None] | None = None) -> T:
        """Run a job on the thread and await its result.

        ``interrupt`` makes the job end early; it is called, repeatedly, if the waiting task is
        cancelled. Without it a cancelled wait lets the job end by itself.

        Raises:
            DatabaseForkedError: In a child forked since.
        """
        dropped = threading.Event()
        future = self._call_busy(lambda: None if dropped.is_set() else work())
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            dropped.set()
            await _settle(future, interrupt)
            raise
        return future.result()  # type: ignore[return-value]  # of a job that was not dropped

    async def end_with(self, work: Callable[[], None], interrupt: Callable[[], None]) -> None:
        """Interrupt whatever runs or is about to, do one last job, and end the thread."""
        future = self._call_busy(work)
        self.close()
        await _settle(future, interrupt)
        future.result()

    def _call_busy(self, work: Callable[[], T]) -> asyncio.Future[T]:
        check_process(self._process)

        def job() -> T:
            self.busy = True
            try:
                return work()
            finally:
                self.busy = False

        return self.call(job)

    def run_unattended(self, work: Callable[[], None]) -> None:
        """Queue a last job of an owner that is gone; an exception of it is dropped."""
        check_process(self._process)

        def job() -> None:
            with contextlib.suppress(Exception):  # the owner is gone, nobody could be told
                work()

        self.submit(job)


async def _settle(future: asyncio.Future[Any], interrupt: Callable[[], None] | None) -> None:
    """Wait for the end of a job that is interrupted until then; its outcome is not raised."""
    while not future.done():
        if interrupt is not None:
            interrupt()
        with contextlib.suppress(asyncio.CancelledError):  # it is on its way already
            await asyncio.wait([future], timeout=INTERRUPT_EVERY if interrupt else None)
    if not future.cancelled():
        future.exception()


@atexit.register
def _end_all() -> None:
    """End all threads: one that returns from DuckDB after the interpreter is gone crashes it."""
    workers = [worker for worker in _workers if not worker.forked]
    for worker in workers:
        if worker.busy and worker.interrupt is not None:
            worker.interrupt()
        worker.close()
    for worker in workers:
        worker.join(EXIT_WAIT)
