"""DBAPI connection and cursor of the async dialect: SQLAlchemy calls them inside its greenlet.

Comes in: a `Driver`. Goes out: what SQLAlchemy expects of a driver. A statement, the ``BEGIN``
before it and the fetching of its rows are one job of the driver's thread, where SQLAlchemy's own
adapter for aiosqlite takes five.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
)
from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet

from .driver import Driver

T = TypeVar("T")


class Connection(AsyncAdapt_aiosqlite_connection):
    """One SQLite connection. Its transactions are SQLite's own, begun with the first statement.

    The ``sqlite3`` module would begin one before an INSERT only: reads and DDL would be outside.

    Attributes:
        autocommit: Whether no transaction is begun, for a ``PRAGMA`` that has no effect in one.
    """

    __slots__ = ("__weakref__", "_begin_next", "_begun", "autocommit")

    def __init__(self, dbapi: Any, driver: Driver) -> None:
        super().__init__(dbapi, cast("Any", driver))
        self.autocommit = False
        self._begin_next = False
        self._begun = False

    @property
    def driver(self) -> Driver:
        """The connection on its thread."""
        return cast("Driver", self._connection)

    def cursor(self, server_side: bool = False) -> Any:  # noqa: FBT001, FBT002  # SQLAlchemy's
        """Return a new cursor; with ``server_side`` one that fetches rows when they are wanted."""
        if server_side:
            self.perform(lambda _: None)
            return self._ss_cursor_cls(self)
        return Cursor(self)

    def begin(self) -> None:
        """Begin a transaction with the next statement."""
        self._begin_next = not self.autocommit

    def commit(self) -> None:
        """Commit; not interruptible, since an interrupted commit may or may not have succeeded."""
        self._begin_next = False
        if self._begun:
            self._run(lambda native: native.commit(), interruptible=False)
            self._begun = False

    def rollback(self) -> None:
        """Roll back; does nothing if no transaction is active.

        Outside of SQLAlchemy's greenlet, where nothing can be awaited, it is only queued.
        """
        self._begin_next = False
        if self._begun and self.driver._connection is not None:
            if in_greenlet():
                self._run(lambda native: native.rollback(), interruptible=False)
            else:
                self.driver.roll_back_later()
        self._begun = False

    def close(self) -> None:
        """Close; outside of SQLAlchemy's greenlet, once what is queued was done."""
        if in_greenlet():
            super().close()
        else:
            self.driver.stop()

    def perform(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a statement's work on the thread, with the transaction begun."""
        begin, self._begin_next = self._begin_next, False
        begun, self._begun = self._begun, self._begun or begin

        def job(native: sqlite3.Connection) -> T:
            if begin and not native.in_transaction:
                native.execute("BEGIN")
            elif begun and not native.in_transaction:
                raise sqlite3.OperationalError("the transaction was ended by an error before")
            return work(native)

        return self._run(job)

    def _run(self, work: Callable[[sqlite3.Connection], T], *, interruptible: bool = True) -> T:
        driver = self.driver
        try:
            return await_only(driver.run(lambda: work(driver._conn), interruptible=interruptible))
        except Exception as error:  # noqa: BLE001  # SQLAlchemy's: it always raises
            self._handle_exception(error)


class Cursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor whose rows are fetched in the same job that runs the statement."""

    __slots__ = ("_description", "_lastrowid", "_rowcount")

    _awaitable_cursor_close = False
    arraysize = 1
    _adapt_connection: Connection

    def __init__(self, connection: Connection) -> None:
        self._adapt_connection = connection
        self._rows = deque()
        self._description: Sequence[Any] | None = None
        self._lastrowid: int | None = None
        self._rowcount = -1

    @property
    def description(self) -> Any:
        return self._description

    @property
    def rowcount(self) -> int:
        return self._rowcount

    @property
    def lastrowid(self) -> Any:
        return self._lastrowid

    def execute(self, operation: Any, parameters: Any = None) -> Any:
        """Run one statement and fetch its rows."""
        self._perform(lambda cursor: cursor.execute(operation, parameters or ()))
        return self

    def executemany(self, operation: Any, seq_of_parameters: Any) -> Any:
        """Run one statement with each of several sets of parameters."""
        self._perform(lambda cursor: cursor.executemany(operation, seq_of_parameters))
        return self

    def _perform(self, work: Callable[[sqlite3.Cursor], object]) -> None:

        def job(native: sqlite3.Connection) -> None:
            cursor = native.cursor()
            try:
                work(cursor)
                self._description = cursor.description
                rows = cursor.fetchall() if cursor.description is not None else ()
                self._rowcount, self._lastrowid = cursor.rowcount, cursor.lastrowid
            finally:
                cursor.close()  # also resets a statement that failed, so that the file is closed
            self._rows = deque(rows)

        self._rows.clear()
        self._adapt_connection.perform(job)

    def close(self) -> None:
        """Drop the rows; the cursor on the thread is closed already."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """Do nothing: no rows stay in SQLite."""
