"""`Transaction`: commits what a function or block did; runs a function again after a conflict.

Comes in: a database, what makes a fresh session on it, and an async function that takes the
session. Goes out: what the function returns, once it is committed. Made by `Databases`.

The first try runs at once, unless the database had a conflict a short while ago; later ones, after
a random pause, one at a time (see `Contention`).
"""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ....errors import ArgumentError
from ....load.methods import signature_of, takes
from ..database import Database
from ..errors import DatabaseConflictError, NestedTransactionError
from .one_database import DatabaseSession

T = TypeVar("T")

FIRST_PAUSE, LAST_PAUSE = 0.002, 0.1
"""Seconds before the second try, and before the last one, at most."""


@dataclass(slots=True)
class _Open:
    """One try of a transaction.

    Attributes:
        task: The task that it goes on in; ``None`` before and after.
        commits: The number of commits on the database when it began.
    """

    database: str
    purpose: str
    task: asyncio.Task[Any] | None = None
    commits: int = 0


_around: ContextVar[_Open | None] = ContextVar("modframe_transaction", default=None)
"""The transaction that this context, or the one it was copied from, is in."""


class Transaction(AbstractAsyncContextManager[AsyncSession]):
    """What ``transaction(...)`` returns: call it with a function and await that, or enter it.

    Args:
        session: Makes a fresh session; each try has its own.
        retry: How often the function is run again after a conflict.
    """

    def __init__(
        self,
        database: Database,
        purpose: str,
        *,
        session: Callable[[], AbstractAsyncContextManager[AsyncSession]],
        retry: int,
    ) -> None:
        self._database = database
        self._purpose = purpose
        self._session = session
        self._retry = retry
        self._block: AbstractAsyncContextManager[AsyncSession] | None = None

    async def __call__(self, function: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Run an async function with a session, commit, and return what it returned.

        After a conflict it runs again with a fresh session, so it reads anew what it builds on and
        keeps no objects of the try before. Its own errors are raised at once.

        Raises:
            ArgumentError: If it is no async function that takes the session.
            DatabaseConflictError: If the last try met a conflict as well.
            IntegrityError: If what it wrote breaks a constraint.
            NestedTransactionError: If this task is in a transaction already.
        """
        self._refuse_unfit(function)
        tries, violations = 0, 0
        while True:
            tries += 1
            here = self._new()
            try:
                async with self._try(here, queued=tries > 1) as session:
                    return await self._run(function, session)
            except (DatabaseConflictError, IntegrityError) as error:
                violations += isinstance(error, IntegrityError)
                if not self._was_race(error, here) or violations > 1:
                    raise
                if tries > self._retry:
                    raise self._used_up(error, tries) from error
            longest = min(FIRST_PAUSE * 2 ** (tries - 1), LAST_PAUSE)
            await asyncio.sleep(random.uniform(0, longest))

    async def _run(
        self, function: Callable[[AsyncSession], Awaitable[T]], session: AsyncSession
    ) -> T:
        outcome = function(session)
        if not inspect.isawaitable(outcome):
            raise self._unfit(function, "is not async")
        return await outcome

    def _refuse_unfit(self, function: Any) -> None:
        """Refuse what can't be called with a session, before one is opened."""
        if not callable(function):
            if inspect.iscoroutine(function):
                function.close()  # it would warn that nobody awaited it
            raise self._unfit(function, "is no function")
        signature = signature_of(function)
        if signature is not None and not takes(signature, self):
            text = f"can't be called with the session alone: it takes {signature}"
            raise self._unfit(function, text)

    def _unfit(self, function: object, what: str) -> ArgumentError:
        return ArgumentError(
            f"transaction {self._purpose!r} was given {function!r}, which {what}",
            cure="write it as `async def`, with the session as its parameter",
        )

    def _new(self) -> _Open:
        return _Open(self._database.name, self._purpose)

    @asynccontextmanager
    async def _try(self, here: _Open, *, queued: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a session and a transaction in it, which is committed at the end of the block."""
        outer = _around.get()
        inside = outer is not None and outer.task is not None
        if outer is not None and outer.task is asyncio.current_task():
            raise self._nested_error(outer)
        database = self._database
        async with AsyncExitStack() as stack:
            if (queued or database.contention.recent) and not inside:
                await stack.enter_async_context(database.contention.turn())
            session = await stack.enter_async_context(self._session())
            _ = await stack.enter_async_context(session.begin())
            if (level := database.backend.isolation) is not None:
                _ = await session.connection(execution_options={"isolation_level": level})
            here.task = asyncio.current_task()
            here.commits = database.contention.commits
            _around.set(here)
            try:
                yield session
                tracked = cast("DatabaseSession", session.sync_session).tracked
                if (conflict := tracked.conflict) is not None:
                    raise conflict  # the function caught it, and wrote less than it meant to
            finally:
                here.task = None
                _around.set(outer)

    def _was_race(self, error: DatabaseConflictError | IntegrityError, here: _Open) -> bool:
        """Return whether another session was first: the function may succeed if it runs again.

        DuckDB also refuses a unique value that was committed after this try began, and that it
        doesn't let the try see.
        """
        if isinstance(error, IntegrityError):
            database = self._database
            beside = database.contention.commits > here.commits or any(
                other.committing for other in database.sessions
            )
            return beside or database.backend.fault(error) == "race"
        return error.database == self._database.name

    def _used_up(self, error: DatabaseConflictError | IntegrityError, tries: int) -> Exception:
        if isinstance(error, IntegrityError) or tries == 1:
            return error
        return DatabaseConflictError(
            f"transaction {self._purpose!r} on database {self._database.name!r} met another one "
            f"that changed the same rows first in each of its {tries} tries, and was rolled back",
            cure="let it do less between its reads and its commit, or allow more tries by retry=",
            database=self._database.name,
            purpose=self._purpose,
            tries=tries,
        )

    def _nested_error(self, outer: _Open) -> NestedTransactionError:
        begun = f"transaction {self._purpose!r} on database {self._database.name!r} was begun"
        if outer.database == self._database.name:
            text = f"{begun} inside of {outer.purpose!r} on the same database"
            cure = "pass the session of that one on, as session=, so that both commit together"
        else:
            text = (
                f"{begun} inside of {outer.purpose!r} on database {outer.database!r}; two "
                "databases can't commit together: one would keep its rows if the other failed, or "
                "write them again if the other was run again"
            )
            cure = "let the first one end, then begin this one with what it returned"
        return NestedTransactionError(
            text, cure=cure, database=self._database.name, purpose=self._purpose,
            outer=outer.purpose,
        )  # fmt: skip

    # -- as a block -----------------------------------------------------------------------

    async def __aenter__(self) -> AsyncSession:
        """Begin; the end of the block commits.

        Raises:
            ArgumentError: If it has ``retry``, for a block can't be run again.
        """
        if self._retry:
            raise ArgumentError(
                f"transaction {self._purpose!r} has retry={self._retry}, and a block of "
                "`async with` can't be run again",
                cure="write the block as `async def work(session)`, and "
                "`await ...transaction(database, purpose, retry=...)(work)`; or leave out retry",
            )
        self._block = self._try(self._new())
        return await self._block.__aenter__()

    async def __aexit__(self, *error: Any) -> bool | None:
        block, self._block = self._block, None
        return await block.__aexit__(*error) if block is not None else None

    def __repr__(self) -> str:
        return f"<transaction {self._purpose!r} on database {self._database.name!r}>"
