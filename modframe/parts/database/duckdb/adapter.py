"""DBAPI connection and cursor of the async dialect: SQLAlchemy calls them inside its greenlet.

Comes in: a DuckDB cursor with its catalog in use, and the worker thread that it lives on. Goes out:
what SQLAlchemy expects of a driver. Every call into DuckDB runs on the worker. A transaction begins
in the job of its first statement; a commit or rollback without a statement needs no job.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import duckdb
from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.util import await_only

from .worker import DatabaseWorker

T = TypeVar("T")

CHUNK = 2048
"""Rows turned into Python objects at once; between chunks other threads get the GIL."""


def fetch(native: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Return all rows of the current result; the event loop keeps running meanwhile."""
    rows: list[tuple[Any, ...]] = []
    while chunk := native.fetchmany(CHUNK):
        rows += chunk
    return rows


class Connection(AdaptedConnection):
    """One DuckDB cursor on its own thread, as a DBAPI connection."""

    __slots__ = ("__weakref__", "_before_commit", "_begin_next", "_begun", "_closed", "worker")

    def __init__(
        self,
        native: duckdb.DuckDBPyConnection,
        worker: DatabaseWorker,
        before_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection: Any = native
        self.worker = worker
        self._before_commit = before_commit
        worker.interrupt = self.interrupt
        self._begin_next = False
        self._begun = False
        self._closed = False

    def cursor(self) -> Cursor:
        """Return a new cursor; all of them use the one DuckDB cursor and buffer their rows."""
        return Cursor(self)

    def begin(self) -> None:
        """Begin a transaction with the next statement."""
        self._begin_next = True

    def commit(self) -> None:
        """Commit; not interruptible, since an interrupted commit may or may not have succeeded."""
        self._begin_next = False
        if self._begun:
            self._run(self._commit)
            self._begun = False

    def _commit(self) -> None:
        self._before_commit()
        self._connection.commit()

    def rollback(self) -> None:
        """Roll back; does nothing if no transaction is active."""
        self._begin_next = False
        if self._begun and not self._closed:
            self._run(self._roll_back)
        self._begun = False

    def _roll_back(self) -> None:
        try:
            self._connection.rollback()
        except duckdb.TransactionException as exc:
            if "no transaction is active" not in str(exc):
                raise

    def close(self) -> None:
        """Interrupt what runs, and close."""
        if not self._closed:
            await_only(self.cut_off())

    def terminate(self) -> None:
        """Interrupt what runs, and close without waiting."""
        if not self._closed:
            self._closed = True
            self.interrupt()
            self.worker.run_unattended(self._connection.close)
            self.worker.close()

    async def cut_off(self) -> None:
        """Interrupt and close, even while another task is using it."""
        if not self._closed:
            self._closed = True
            await self.worker.end_with(self._connection.close, self.interrupt)

    def interrupt(self) -> None:
        """Make what runs end early."""
        with contextlib.suppress(duckdb.ConnectionException):  # closed meanwhile
            self._connection.interrupt()

    def _run(self, work: Callable[[], T], *, interruptible: bool = False) -> T:
        if self._closed:
            raise duckdb.ConnectionException("the connection was closed with its database")
        return await_only(
            self.worker.run(work, interrupt=self.interrupt if interruptible else None)
        )

    def perform(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run a statement's work on the worker, with the transaction begun."""
        native = self._connection
        begin, self._begin_next = self._begin_next, False
        self._begun = self._begun or begin

        def job() -> T:
            if begin:
                native.begin()
            return work(native)

        return self._run(job, interruptible=True)


class Cursor:
    """A DBAPI cursor; its rows are fetched in the same worker job that runs the statement."""

    arraysize = 1
    server_side = False
    lastrowid = None

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.description: Sequence[Any] | None = None
        self.rowcount = -1
        self._rows: deque[tuple[Any, ...]] = deque()

    def execute(self, statement: str, parameters: Any = None) -> Cursor:

        def work(native: duckdb.DuckDBPyConnection) -> None:
            native.execute(statement, parameters or None)
            self.rowcount, self.description = native.rowcount, native.description
            rows = fetch(native)
            if self.rowcount >= 0:  # rows were changed; DuckDB returns their number as a row
                self.description = None
            else:
                self._rows.extend(rows)

        self._rows.clear()
        self.connection.perform(work)
        return self

    def executemany(self, statement: str, parameters: Sequence[Any]) -> Cursor:
        self._rows.clear()
        self.connection.perform(lambda native: native.executemany(statement, list(parameters)))
        self.description, self.rowcount = None, -1
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        count = min(self.arraysize if size is None else size, len(self._rows))
        return [self._rows.popleft() for _ in range(count)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while self._rows:
            yield self._rows.popleft()

    def setinputsizes(self, *sizes: Any) -> None:
        """Do nothing: DuckDB takes types from values."""

    def close(self) -> None:
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """Do nothing: no rows stay in DuckDB."""
