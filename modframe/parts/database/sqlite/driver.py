"""`Driver`: one SQLite connection, on a thread of its own, for the async dialect.

Comes in: work for the thread. Goes out: its result, awaited on the loop, which is never blocked.
It is aiosqlite's connection with two differences. A cancelled wait interrupts what runs and returns
only after that has ended; aiosqlite lets the query run on. And a wait for another writer ends with
it, since modframe waits and not SQLite, which can't be interrupted while it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import sqlite3
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import aiosqlite

from ..home import check_process
from ..waiting import finish
from .faults import code_of, is_busy

logger = logging.getLogger("modframe.database")
T = TypeVar("T")

INTERRUPT_EVERY = 0.02
"""Seconds between interrupts: one that comes before the query has begun is lost."""
BUSY_PAUSE = 0.005
"""Seconds between two attempts to get the right to write."""

_drivers: weakref.WeakSet[Driver] = weakref.WeakSet()


def _never_close() -> None:
    """In a forked child, keep the parent's connections open: SQLite forbids to close them there."""
    for driver in list(_drivers):
        driver.immortalize()


os.register_at_fork(after_in_child=_never_close)


class _Job:
    """Work for the thread, done again and again while another writer is in its way.

    Attributes:
        dropped: Whether nobody waits for it any more.
    """

    __slots__ = ("_patience", "_work", "dropped")

    def __init__(self, work: Callable[[], Any], patience: float) -> None:
        self._work = work
        self._patience = patience
        self.dropped = False

    def __call__(self) -> Any:
        deadline = 0.0
        while not self.dropped:
            try:
                return self._work()
            except sqlite3.OperationalError as exc:
                if not is_busy(exc):
                    raise
                now = time.monotonic()
                deadline = deadline or now + self._patience
                if now >= deadline:
                    raise
            time.sleep(BUSY_PAUSE)
        raise sqlite3.OperationalError("interrupted")


class Driver(aiosqlite.Connection):
    """A connection, opened by `open`.

    Args:
        connect: Opens the connection, on the thread.
        label: The database's name, for the thread's.
        patience: Seconds to wait for another writer.
    """

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], *, label: str, patience: float
    ) -> None:
        self._opening = _Job(connect, patience)
        super().__init__(self._opening, iter_chunk_size=64)
        self._thread.daemon = True  # a query that runs at the end of the process dies with it
        self._thread.name = f"modframe-db-{label}"
        self._patience = patience
        self._process = os.getpid()
        self._stopped: asyncio.Future[Any] | None = None
        _drivers.add(self)

    async def open(self) -> None:
        """Open it; cancelling is safe.

        Raises:
            sqlite3.Error: If SQLite can't open it.
        """
        self._thread.start()
        opening = asyncio.ensure_future(self._connect())
        try:
            _ = await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._opening.dropped = True
            with contextlib.suppress(sqlite3.Error):
                _ = await finish(opening)
            await self.close()
            raise

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a function on the thread; aiosqlite's own methods call this."""
        return await self.run(partial(fn, *args, **kwargs))

    async def run(self, work: Callable[[], T], *, interruptible: bool = True) -> T:
        """Run ``work`` on the thread and await its result.

        Raises:
            DatabaseForkedError: In a child forked since.
            ValueError: If the connection was closed.
        """
        check_process(self._process)
        if not self._running or self._connection is None:
            raise ValueError("Connection closed")
        job = _Job(work, self._patience)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((future, job))
        try:
            return await future  # type: ignore[no-any-return]  # what ``work`` returned
        except asyncio.CancelledError:
            job.dropped = True
            await self._settle(interruptible=interruptible)
            raise

    async def _settle(self, *, interruptible: bool = True) -> None:
        """Wait until the thread has done all that was queued, interrupting what runs."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((done, lambda: None))
        await self._until(done, interruptible=interruptible)

    async def _until(self, done: asyncio.Future[Any], *, interruptible: bool = True) -> None:
        while not done.done():
            if interruptible:
                self.interrupt_now()
            with contextlib.suppress(asyncio.CancelledError):  # it is on its way already
                await asyncio.wait([done], timeout=INTERRUPT_EVERY if interruptible else None)

    def interrupt_now(self) -> None:
        """Make what runs end early."""
        if (native := self._connection) is not None:
            with contextlib.suppress(sqlite3.ProgrammingError):  # closed meanwhile
                native.interrupt()

    async def close(self) -> None:
        """Interrupt whatever runs, close, and end the thread, even while a task is using it."""
        if self._running:
            self._running = False
            try:
                await finish(self._settle())
            finally:
                self.stop()
        if self._stopped is not None:
            await finish(self._stopped)

    def stop(self) -> asyncio.Future[Any] | None:
        """Close and end the thread once it has done what is queued, without waiting for that."""
        self._tx.put_nowait((None, self._forget_interrupts))
        self._stopped = super().stop()
        return self._stopped

    def roll_back_later(self) -> None:
        """Roll back once the thread has done what is queued, without waiting for that.

        If that fails, the connection is closed, and whoever uses it next finds it lost.
        """
        self._tx.put_nowait((None, self._roll_back))

    def _roll_back(self) -> None:
        native = self._connection
        while native is not None and native.in_transaction:
            try:
                native.rollback()
            except sqlite3.Error as exc:
                if code_of(exc) == sqlite3.SQLITE_INTERRUPT:  # it was meant for what comes next
                    continue
                logger.error("a connection couldn't roll back, and was closed: %s", exc)
                self._connection = None
                native.close()
                return

    def _forget_interrupts(self) -> None:
        """Run a statement, or a close after an interrupt would leave the log beside the file."""
        if self._connection is not None:
            self._connection.execute("SELECT 1").close()

    def immortalize(self) -> None:
        """Keep the destructor of the connection from running in this process."""
        if self._connection is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))
            self._connection = None
