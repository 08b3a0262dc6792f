"""`Scratch`: databases in memory for a run of tests, so that nothing they write is kept.

A context variable marks what tests begin; the engine asks for it where it opens a session. A
module's own tasks, begun before its tests, go on with the real databases.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ..config import FrameworkSettings
from ..parts.database.part import DatabasePart, LazyDatabases
from ..runtime.generation import Generation

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

_here: ContextVar[Scratch | None] = ContextVar("modframe_scratch", default=None)


class Scratch:
    """The databases of one run; each begins with its modules' tables, and no rows.

    Args:
        config: The framework's settings.
        generations: The generations that the tests see.
    """

    def __init__(
        self, config: FrameworkSettings, generations: Callable[[], Iterable[Generation]]
    ) -> None:
        self._generations = generations
        self._ready: set[str] = set()
        self._making = asyncio.Lock()
        self._databases = LazyDatabases(None, config, self._declared)

    def use_here(self) -> None:
        """Let what begins in this context open its sessions on these."""
        _here.set(self)

    @asynccontextmanager
    async def session(
        self, database: str, purpose: str, *, strict: bool = False
    ) -> AsyncIterator[AsyncSession]:
        """A session on one of them.

        Raises:
            DatabaseNameError: If no module declares it.
        """
        sessions = self._databases.session(database, purpose, strict=strict)
        async with self._making:
            if database not in self._ready:
                await self._make(database)
                self._ready.add(database)
        async with sessions as session:
            yield session

    async def _make(self, database: str) -> None:
        databases = self._databases.get()
        for generation in self._generations():
            for spec in DatabasePart.of(generation) or ():
                if spec.name == database:
                    await databases.apply(database, spec.metadata)

    def _declared(self) -> set[str]:
        return {
            spec.name
            for generation in self._generations()
            for spec in DatabasePart.of(generation) or ()
        }

    async def aclose(self) -> None:
        """Let go of them."""
        await self._databases.aclose()


def scratch_here() -> Scratch | None:
    """The databases that sessions are to be opened on here, if not on the real ones."""
    return _here.get()
