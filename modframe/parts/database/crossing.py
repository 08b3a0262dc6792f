"""`AppDatabase`: ``app.database``, the databases as cells and other threads use them.

Comes in: calls on any thread. Goes out: rows, sessions and transactions whose steps each run on the
app loop, where the databases live. Made by the engine; the work is done by `LazyDatabases` and
`Transfers`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...arguments import (
    FLAG,
    FOLDER,
    TEXT,
    TIMES,
    WHOLE_NUMBER,
    Kind,
    check_arguments,
    check_session,
    list_of,
    mapping_of,
    optional,
)
from ...runtime.calls.call import Call
from ...runtime.loop.app_loop import AppLoop
from ...runtime.traces import hide_frames
from .lazy import LazyDatabases
from .transfers import Transfers

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from .databases import Rows
    from .schema.plan import MigrationPlan
    from .sessions.transaction import Transaction
    from .transfer.manifest import Backup
    from .transfer.moving import Moved

_STEPS = list_of("a list of steps, as texts", str)
_NAMES = mapping_of('columns with their new names, such as {"orders.note": "remark"}', str)
_VALUES = mapping_of('columns with values, such as {"orders.note": ""}', object)
_POSITIVE = Kind("a whole number above 0", lambda value: WHOLE_NUMBER.fits(value) and value > 0)


class AppDatabase:
    """``app.database``: SQL over everything, sessions and transactions."""

    def __init__(
        self,
        app_loop: AppLoop,
        databases: LazyDatabases,
        transfers: Transfers,
        *,
        reload: Callable[[list[str]], Awaitable[Any]],
    ) -> None:
        self._app_loop = app_loop
        self._databases = databases
        self._transfers = transfers
        self._reload = reload

    @hide_frames
    def sql(self, query: str, *params: object, limit: int | None = None) -> Rows:
        """Read-only SQL across all module databases, tables named ``<database>.<table>``.

        Args:
            query: One SELECT-like statement; ``?`` stands for a parameter.
            params: The parameters; a single mapping gives named ones (``$name``).
            limit: How many rows are returned at most, by default a million; the result says
                whether there are more (``.cut``).

        Returns:
            ``.rows`` (tuples), ``.columns``, ``.count``, ``.took`` (seconds), ``.df()``,
            ``.arrow()``, ``.pl()``.

        Raises:
            DatabaseError: If it isn't one statement that reads, or DuckDB refuses it.
        """
        check_arguments(
            "app.database.sql()", query=(query, TEXT), limit=(limit, optional(_POSITIVE))
        )
        self._app_loop.refuse_here("app.database.sql()", "use integrity_session in module code")
        return self._app_loop.wait(lambda: self._databases.get().sql(query, *params, limit=limit))

    def tables(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Return database → table → columns, as far as they are known; never waits."""
        return self._databases.tables()

    @hide_frames
    def migrate(
        self,
        database: str,
        *,
        plan: bool = False,
        allow: Sequence[str] = (),
        rename: Mapping[str, str] | None = None,
        fill: Mapping[str, Any] | None = None,
    ) -> MigrationPlan:
        """Change the tables of a database in ways that a load refuses, in one transaction.

        It leads to the models of the module that was refused last, or that is live.

        Args:
            plan: Only show what would be done, what it loses, and how.
            allow: Steps that may be done, such as ``["drop column orders.note"]``.
            rename: Columns with their new names, such as ``{"orders.note": "remark"}``.
            fill: Values for rows that have none, of columns that become NOT NULL, such as
                ``{"orders.note": ""}``.

        Returns:
            The plan, done unless ``plan`` is true.

        Raises:
            MigrationError: If an argument names what there isn't, if the models need more than is
                allowed, or if the engine refuses. Nothing was changed.
            DatabaseBusyError: If sessions have uncommitted changes for longer than the wait.
        """
        verb = "app.database.migrate()"
        check_arguments(
            verb,
            database=(database, TEXT),
            plan=(plan, FLAG),
            allow=(allow, _STEPS),
            rename=(rename, optional(_NAMES)),
            fill=(fill, optional(_VALUES)),
        )
        self._app_loop.refuse_here(verb, "call it in a cell or from a thread")

        async def work() -> MigrationPlan:
            from .schema.request import Request

            request = Request(tuple(allow), dict(rename or {}), dict(fill or {}))
            return await self._databases.get().migrate(database, request, plan_only=plan)

        return self._app_loop.wait(work)

    @hide_frames
    def integrity_session(
        self, database: str, purpose: str
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """A session: commit it yourself; an error rolls it back. ``async with`` in any cell."""
        check_session("app.database.integrity_session()", database, purpose)
        session = self._databases.session_here(database, purpose)
        return session if self._app_loop.here else _CrossingSession(self._app_loop, session)

    @hide_frames
    def insert(self, table: str, data: Any) -> Call[int]:
        """Insert rows in bulk, in one transaction; await it, or take ``.result()``.

        Args:
            table: ``<database>.<table>``, of a live module's models.
            data: A pandas or polars DataFrame, an Arrow table or stream, the path of a Parquet
                file, or a list of mappings. Its columns are the model's; an index is left out.

        Returns:
            How many rows were inserted.

        Raises:
            DatabaseRowsError: If a column or value doesn't fit the model; it names column and row.
        """
        check_arguments("app.database.insert()", table=(table, TEXT))
        return Call(self._app_loop, lambda: self._transfers.insert(table, data), f"insert: {table}")

    @hide_frames
    def backup(self, path: str | Path) -> Backup:
        """Write all databases into a new folder, each as it is at one moment; modules go on.

        Args:
            path: The folder: a file of each database, and ``manifest.json``.

        Raises:
            DatabaseBackupError: If there is such a folder, and it is not empty.
        """
        check_arguments("app.database.backup()", path=(path, FOLDER))
        self._app_loop.refuse_here("app.database.backup()", "call it from a cell or a script")
        return self._app_loop.wait(lambda: self._transfers.back_up(Path(path)))

    @hide_frames
    def restore(self, path: str | Path, *, replace: bool = False) -> Backup:
        """Put back the databases of a backup; modules stay live, and their sessions wait meanwhile.

        Args:
            path: The folder of the backup.
            replace: Whether rows that are there may be lost.

        Raises:
            DatabaseBackupError: If it is damaged or not complete, or if a database has rows and
                ``replace`` is not given; nothing was changed.
            DatabaseBusyError: If sessions are open for longer than the wait for locks.
        """
        check_arguments("app.database.restore()", path=(path, FOLDER), replace=(replace, FLAG))
        self._app_loop.refuse_here("app.database.restore()", "call it from a cell or a script")
        return self._app_loop.wait(lambda: self._transfers.restore(Path(path), replace=replace))

    @hide_frames
    def transaction(self, database: str, purpose: str, *, retry: int = 0) -> Any:
        """A transaction that commits by itself: of a function, or of an ``async with`` block.

        ``await app.database.transaction("orders", "mend", retry=8)(mend)`` runs ``mend``, an
        ``async def`` that takes the session, on the app loop, and commits when it returns. After a
        conflict with another session it runs again with a fresh session.

        Args:
            database: Its name.
            purpose: What it is for; named in warnings and errors.
            retry: How often the function is run again after a conflict; a block can't be.
        """
        verb = "app.database.transaction()"
        check_session(verb, database, purpose, retry=(retry, TIMES))
        made = self._databases.transaction_here(database, purpose, retry=retry)
        return made if self._app_loop.here else _CrossingTransaction(self._app_loop, made)

    @hide_frames
    def move(self, database: str, *, to: str) -> Moved:
        """Move a database to another engine with its rows; its modules are loaded again on it.

        Args:
            database: Its name.
            to: The engine, for example ``"sqlite"``; or where a server is, as in
                ``"postgresql://user:password@host/database"``.

        Returns:
            What was moved, where the former file or schema is now, and what the environment has
            to say at the next start.

        Raises:
            DatabaseMoveError: If something fixes the engine, or rows are where it would go.
            LoadError: If a module can't be loaded on the new engine; nothing has changed.
        """
        check_arguments("app.database.move()", database=(database, TEXT), to=(to, TEXT))
        self._app_loop.refuse_here("app.database.move()", "call it from a cell or a script")
        return self._app_loop.wait(lambda: self._transfers.move(database, to, self._reload))

    def __repr__(self) -> str:
        return "<databases: sql(...), integrity_session(...), transaction(...), migrate(...)>"


class _CrossingSession:
    """A session on the app loop, used from another thread or loop: one step after the other.

    A cancelled caller does not wait until the step that it began has ended on the app loop. So each
    step waits for the one before it, and a session whose caller was cancelled is ended in any case.
    """

    def __init__(
        self, app_loop: AppLoop, session: AbstractAsyncContextManager[AsyncSession]
    ) -> None:
        self._app_loop = app_loop
        self._session = session
        self._one_step = asyncio.Lock()  # used on the app loop alone
        self._begun = False

    def cross(self, step: Callable[[], Awaitable[Any]], label: str) -> Call[Any]:
        """Run a step on the app loop, after the steps before it have ended."""

        async def in_turn() -> Any:
            async with self._one_step:
                return await step()

        return Call(self._app_loop, in_turn, f"session: {label}")

    async def __aenter__(self) -> Any:
        try:
            session = await self.cross(self._begin, "begin")
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
                _ = self.cross(partial(self._end, type(error), error, None), "end")
            raise
        return _Crossed(self, session)

    async def __aexit__(self, *error: Any) -> bool | None:
        outcome: bool | None = await self.cross(partial(self._end, *error), "end")
        return outcome

    async def _begin(self) -> AsyncSession:
        session = await self._session.__aenter__()
        self._begun = True
        return session

    async def _end(self, *error: Any) -> bool | None:
        if not self._begun:
            return None
        self._begun = False
        return await self._session.__aexit__(*error)


class _CrossingTransaction(_CrossingSession):
    """A transaction on the app loop, begun from another thread or loop."""

    def __init__(self, app_loop: AppLoop, transaction: Transaction) -> None:
        super().__init__(app_loop, transaction)
        self._transaction = transaction

    def __call__(self, function: Callable[[AsyncSession], Awaitable[Any]]) -> Call[Any]:
        """Run an async function with the session on the app loop; await what it returns."""
        return Call(
            self._app_loop,
            lambda: self._transaction(function),
            f"transaction: {self._transaction!r}",
        )


class _Crossed:
    """An object of the app loop; its coroutine methods can be awaited anywhere."""

    def __init__(self, crossing: _CrossingSession, real: Any) -> None:
        self._crossing = crossing
        self._real = real

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if not inspect.iscoroutinefunction(value):
            return value
        crossing = self._crossing

        def call(*args: Any, **kwargs: Any) -> Call[Any]:
            return crossing.cross(lambda: value(*args, **kwargs), name)

        return call

    def __repr__(self) -> str:
        return f"<on the app loop: {self._real!r}>"
