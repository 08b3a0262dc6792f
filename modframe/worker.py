"""`Worker`: a daemon thread with a queue of jobs, run one after the other.

In go functions without arguments, from any thread; their results are dropped (`submit`) or come
back to the event loop that awaits them (`call`). The log, the history, the preferences, module
bodies and DuckDB connections each have workers of their own, so that none waits for another.

Nothing joins a worker when the process ends, unlike a thread of an executor: a job that hangs must
not hold up a notebook's end. An owner that has to wait for its last job calls `join`.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
_log = logging.getLogger("modframe.worker")


class Worker:
    """One thread; it starts with its first job, and ends when the worker is closed or collected."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._jobs: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._process = os.getpid()
        # Re-entrant: the garbage collector may run a `__del__` that submits a job, anywhere here.
        self._lock = threading.RLock()

    @property
    def forked(self) -> bool:
        """Whether this process is a child forked since: the thread stayed in the parent."""
        return os.getpid() != self._process

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def thread_id(self) -> int:
        """The number of its thread; 0 before the first job."""
        return (self._thread.ident or 0) if self._thread is not None else 0

    def submit(self, job: Callable[[], object]) -> bool:
        """Queue a job whose result nobody needs; an exception of it is logged.

        Returns:
            Whether the job will run. It won't after `close`, nor in a forked child.
        """
        if self.forked:  # asked before the lock, which another thread may have held at the fork
            return False
        with self._lock:
            if self._closed:
                return False
            if self._thread is None:
                self._start()
            self._jobs.put(job)
        return True

    def _start(self) -> None:
        # The thread holds on to the queue alone, so a worker that nobody holds is collected.
        thread = self._thread = threading.Thread(
            target=_run_jobs, args=(self._jobs,), name=self.name, daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads
            self._thread = None
            raise
        weakref.finalize(self, self._jobs.put, None).atexit = False

    def call(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Queue a function; return a future of the running loop that gets its result or exception.

        Raises:
            RuntimeError: If the worker is closed, or this is a forked child.
        """
        import asyncio  # logging alone, in a script, needs no event loop

        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            try:
                settle = partial(future.set_result, function())
            except StopIteration as error:  # no future takes one, as no coroutine may raise one
                refused = RuntimeError("the function raised StopIteration")
                refused.__cause__ = error
                settle = partial(future.set_exception, refused)
            except BaseException as error:  # noqa: BLE001  # raised where the future is awaited
                settle = partial(future.set_exception, error)
            with suppress(RuntimeError):  # the loop has closed: nobody waits any more
                loop.call_soon_threadsafe(_settle_pending, future, settle)

        if not self.submit(job):
            raise RuntimeError(f"{self!r} runs no more jobs")
        return future

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all jobs submitted so far have run; return whether they have.

        Without ``timeout``, in seconds, it waits as long as they take.
        """
        flushed = threading.Event()
        if self._thread is None or not self.submit(flushed.set):
            return True
        return flushed.wait(timeout)

    def close(self) -> None:
        """Take no more jobs, and let the thread end after those it has; does not wait."""
        if self.forked:
            return
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of a closed worker's thread, ``timeout`` seconds at most."""
        if self._thread is not None and not self.forked:
            self._thread.join(timeout)

    def __repr__(self) -> str:
        state = "forked" if self.forked else "closed" if self._closed else "open"
        return f"<Worker {self.name}: {state}>"


def leave_at_exit(threads: Iterable[threading.Thread]) -> None:
    """Let the end of the process not wait for threads of an executor; their work is cut off."""
    from concurrent.futures import thread as executors  # logging alone needs none

    for thread in list(threads):
        executors._threads_queues.pop(thread, None)  # type: ignore[attr-defined]  # joined at exit


def _run_jobs(jobs: SimpleQueue[Callable[[], object] | None]) -> None:
    while (job := jobs.get()) is not None:
        try:
            job()
        except Exception:  # noqa: BLE001  # the thread's boundary: the next job runs in any case
            _log.exception("a job of the thread %s failed", threading.current_thread().name)
        del job  # an idle thread holds on to nothing


def _settle_pending(future: asyncio.Future[Any], settle: Callable[[], None]) -> None:
    if not future.done():
        settle()
