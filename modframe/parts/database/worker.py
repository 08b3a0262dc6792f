"""A daemon thread that runs jobs for the loop; connections and the instance each have one.

Comes in: a job, which is a function without arguments. Goes out: its result, awaited on the loop,
which is never blocked. A cancelled wait interrupts the job and returns only after the job has
ended, so that what the job worked on is in a known state. Called by the dialect and the databases.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
import os
import threading
import weakref
from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from .errors import DatabaseForkedError

T = TypeVar("T")

INTERRUPT_EVERY = 0.02
"""Seconds between interrupts: one that comes before the query has begun is lost."""
EXIT_WAIT = 1.0
"""Seconds that the end of the process waits for a busy thread."""

_Job = Callable[[], None] | None
_numbers = itertools.count(1)
_forks = itertools.count(1)
_epoch = 0
_workers: weakref.WeakSet[Worker] = weakref.WeakSet()


def _count_fork() -> None:
    global _epoch
    _epoch = next(_forks)


os.register_at_fork(after_in_child=_count_fork)


def epoch() -> int:
    """How many forks lie between this process and the one that imported modframe first."""
    return _epoch


def check_epoch(made_in: int) -> None:
    """Refuse what was made before a fork.

    Raises:
        DatabaseForkedError: If the process was forked since; threads and file locks stayed
            behind in the parent, so that writes would be lost or corrupt the file.
    """
    if made_in != _epoch:
        raise DatabaseForkedError(
            f"process {os.getpid()} was forked from one that has the databases open",
            cure="start child processes with multiprocessing's 'spawn', and reach the "
            "databases through the parent",
            database="",
        )


async def finish(awaitable: Awaitable[T]) -> T:
    """Await to the end even if cancelled meanwhile; the cancellation is raised afterwards."""
    task = asyncio.ensure_future(awaitable)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is not None:
        if not task.cancelled():
            task.exception()
        raise cancelled
    return task.result()


def _serve(jobs: SimpleQueue[_Job]) -> None:
    while (job := jobs.get()) is not None:
        job()
        del job


class Worker:
    """One daemon thread, started with its first job; jobs run one after the other."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.interrupt: Callable[[], None] | None = None
        self._epoch = _epoch
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._busy = False

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return self._busy

    def _submit(self, job: Callable[[], None]) -> None:
        check_epoch(self._epoch)
        if self._thread is None:
            name = f"modframe-db-{next(_numbers)}-{self.label}"
            self._thread = threading.Thread(
                target=_serve, args=(self._jobs,), name=name, daemon=True
            )
            self._thread.start()
            _workers.add(self)
            weakref.finalize(self, self._jobs.put, None).atexit = False
        self._jobs.put(job)

    async def run(self, work: Callable[[], T], *, interrupt: Callable[[], None] | None = None) -> T:
        """Run a job on the thread and await its result.

        Args:
            work: The job.
            interrupt: Makes the job end early; called, repeatedly, if the waiting task is
                cancelled. Without it a cancelled wait lets the job end by itself.

        Raises:
            DatabaseForkedError: In a child forked since.
        """
        check_epoch(self._epoch)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        dropped = threading.Event()
        self._submit(lambda: self._do(work, loop, future, dropped))
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            dropped.set()
            await self._settle(future, interrupt)
            raise
        return future.result()

    async def _settle(
        self, future: asyncio.Future[Any], interrupt: Callable[[], None] | None
    ) -> None:
        while not future.done():
            if interrupt is not None:
                interrupt()
            with contextlib.suppress(asyncio.CancelledError):  # it is on its way already
                await asyncio.wait([future], timeout=INTERRUPT_EVERY if interrupt else None)
        if not future.cancelled():
            future.exception()

    def _do(
        self,
        work: Callable[[], T],
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[T],
        dropped: threading.Event,
    ) -> None:
        result: Any = None
        error: BaseException | None = None
        self._busy = True
        try:
            if not dropped.is_set():
                result = work()
        except BaseException as exc:  # noqa: BLE001 - the thread's boundary: the waiter gets it
            error = exc
        self._busy = False
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(_deliver, future, result, error)

    async def end_with(self, work: Callable[[], None], interrupt: Callable[[], None]) -> None:
        """Interrupt whatever runs or is about to, do one last job, and end the thread."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._submit(lambda: self._do(work, loop, future, threading.Event()))
        self.stop()
        await self._settle(future, interrupt)
        future.result()

    def leave(self, work: Callable[[], None]) -> None:
        """Have a job done that nobody waits for; what goes wrong in it is dropped with it."""

        def job() -> None:
            with contextlib.suppress(Exception):  # the owner is gone, there is nobody to tell
                work()

        self._submit(job)

    def stop(self) -> None:
        """End the thread after the jobs that it has."""
        if self._thread is not None and self._epoch == _epoch:
            self._jobs.put(None)

    def join(self, timeout: float) -> None:
        """Wait for the thread to end, at most ``timeout`` seconds."""
        if self._thread is not None and self._epoch == _epoch:
            self._thread.join(timeout)


def _deliver(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


@atexit.register
def _end_all() -> None:
    """A thread that comes back from DuckDB after the interpreter is gone crashes the process."""
    living = [worker for worker in _workers if worker._epoch == _epoch]
    for worker in living:
        if worker.busy and worker.interrupt is not None:
            worker.interrupt()
        worker.stop()
    for worker in living:
        worker.join(EXIT_WAIT)
