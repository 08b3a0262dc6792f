"""The databases as a cell or a thread uses them: each step crosses to the app loop."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ...runtime.call import Call
from ...runtime.loop import AppLoop
from .part import LazyDatabases

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from .catalogs import Rows


class AppDatabase:
    """``app.database``: SQL over everything, and sessions."""

    def __init__(self, app_loop: AppLoop, databases: LazyDatabases) -> None:
        self._app_loop = app_loop
        self._databases = databases

    def sql(self, query: str, *params: object) -> Rows:
        """Read-only SQL across all module databases, tables named ``<database>.<table>``.

        Args:
            query: One SELECT-like statement; ``?`` stands for a parameter.
            params: The parameters.

        Returns:
            ``.rows`` (tuples), ``.columns``, ``.df()``.

        Raises:
            DatabaseError: If it isn't one statement that reads, or DuckDB refuses it.
        """
        __tracebackhide__ = True
        self._app_loop.refuse_here("app.database.sql()", "use integrity_session in module code")
        return self._app_loop.wait(lambda: self._databases.get().sql(query, *params))

    def integrity_session(
        self, database: str, purpose: str
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """A session: commit it yourself; an error rolls it back. ``async with`` in any cell."""
        session = self._databases.session(database, purpose)
        return session if self._app_loop.here else _CrossingSession(self._app_loop, session)

    def __repr__(self) -> str:
        return "<databases: sql(...), integrity_session(...)>"


class _CrossingSession:
    """Enters and leaves a session on the app loop; what it gives crosses over call by call."""

    def __init__(
        self, app_loop: AppLoop, session: AbstractAsyncContextManager[AsyncSession]
    ) -> None:
        self._app_loop = app_loop
        self._session = session

    async def __aenter__(self) -> Any:
        session: Any = await Call(self._app_loop, self._session.__aenter__, "session: begin")
        return _Crossed(self._app_loop, session)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        def leave() -> Any:
            return self._session.__aexit__(kind, error, trace)

        return await Call(self._app_loop, leave, "session: end")


class _Crossed:
    """An object of the app loop's whose coroutine methods can be awaited anywhere."""

    def __init__(self, app_loop: AppLoop, real: Any) -> None:
        self._app_loop = app_loop
        self._real = real

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if not inspect.iscoroutinefunction(value):
            return value
        return _crossing(self._app_loop, value, f"session.{name}")

    def __repr__(self) -> str:
        return f"<on the app loop: {self._real!r}>"


def _crossing(
    app_loop: AppLoop, method: Callable[..., Any], label: str
) -> Callable[..., Call[Any]]:
    def call(*args: Any, **kwargs: Any) -> Call[Any]:
        return Call(app_loop, lambda: method(*args, **kwargs), label)

    return call
