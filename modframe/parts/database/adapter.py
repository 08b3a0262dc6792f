"""DBAPI connection and cursor of the async dialect: SQLAlchemy calls them inside its greenlet.

Comes in: a DuckDB cursor with its catalog in use, and the worker thread that it lives on. Goes out:
what SQLAlchemy expects of a driver. Every call into DuckDB runs on the worker. A transaction begins
with its first statement, in the same hop; a commit or rollback without one costs no hop at all.
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
"""Rows turned into Python objects at a time; between chunks other threads get the GIL."""


def fetch(native: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """All rows of the current result, fetched so that the event loop keeps running."""
    rows: list[tuple[Any, ...]] = []
    while chunk := native.fetchmany(CHUNK):
        rows += chunk
    return rows


class Connection(AdaptedConnection):
    """One DuckDB cursor on its own thread, as a DBAPI connection."""

    __slots__ = ("__weakref__", "_begun", "_closed", "_wanted", "worker")

    def __init__(self, native: duckdb.DuckDBPyConnection, worker: DatabaseWorker) -> None:
        self._connection: Any = native
        self.worker = worker
        worker.interrupt = self.interrupt
        self._wanted = False
        self._begun = False
        self._closed = False

    def cursor(self) -> Cursor:
        """A new cursor; all share the one DuckDB cursor and buffer their rows."""
        return Cursor(self)

    def begin(self) -> None:
        """Begin a transaction with the next statement."""
        self._wanted = True

    def commit(self) -> None:
        """Commit; an interrupt would leave open whether it landed, so it runs to its end."""
        self._wanted = False
        if self._begun:
            self._run(self._connection.commit)
            self._begun = False

    def rollback(self) -> None:
        """Roll back, whatever state the transaction is in."""
        self._wanted = False
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
        """Close, interrupting what runs."""
        if not self._closed:
            await_only(self.cut_off())

    def terminate(self) -> None:
        """Close without waiting."""
        if not self._closed:
            self._closed = True
            self.interrupt()
            self.worker.run_unattended(self._connection.close)
            self.worker.close()

    async def cut_off(self) -> None:
        """Interrupt and close, while somebody may still be using it."""
        if not self._closed:
            self._closed = True
            await self.worker.end_with(self._connection.close, self.interrupt)

    def interrupt(self) -> None:
        """Make what runs end early."""
        with contextlib.suppress(duckdb.ConnectionException):  # closed in the meantime
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
        begin, self._wanted = self._wanted, False
        self._begun = self._begun or begin

        def job() -> T:
            if begin:
                native.begin()
            return work(native)

        return self._run(job, interruptible=True)


class Cursor:
    """A DBAPI cursor whose rows are fetched with its statement, in the same hop."""

    arraysize = 1
    server_side = False
    lastrowid = None

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.description: Sequence[Any] | None = None
        self.rowcount = -1
        self._rows: deque[tuple[Any, ...]] = deque()

    def execute(self, statement: str, parameters: Any = None) -> Cursor:
        """Run one statement and buffer what it gives."""

        def work(native: duckdb.DuckDBPyConnection) -> None:
            native.execute(statement, parameters or None)
            self.rowcount, self.description = native.rowcount, native.description
            rows = fetch(native)
            if self.rowcount >= 0:  # changed rows: DuckDB gives their number as a result too
                self.description = None
            else:
                self._rows.extend(rows)

        self._rows.clear()
        self.connection.perform(work)
        return self

    def executemany(self, statement: str, parameters: Sequence[Any]) -> Cursor:
        """Run one statement for each set of parameters."""
        self._rows.clear()
        self.connection.perform(lambda native: native.executemany(statement, list(parameters)))
        self.description, self.rowcount = None, -1
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next rows."""
        count = min(self.arraysize if size is None else size, len(self._rows))
        return [self._rows.popleft() for _ in range(count)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All remaining rows."""
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while self._rows:
            yield self._rows.popleft()

    def setinputsizes(self, *sizes: Any) -> None:
        """Nothing: DuckDB takes types from values."""

    def close(self) -> None:
        """Drop what was buffered."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """Nothing is held on the server's side."""
