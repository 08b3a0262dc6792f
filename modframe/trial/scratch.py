"""`ScratchDatabases`: databases in memory for a run of tests, so that nothing they write is kept.

They are used in the context that tests begin in. A module's own tasks, begun before its tests, go
on with the real databases.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ..config import FrameworkSettings
from ..parts.database.part import LazyDatabases, specs_of
from ..runtime.generation import Generation

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


class ScratchDatabases(LazyDatabases):
    """The databases of one run; each begins with its modules' tables, and no rows."""

    def __init__(
        self, config: FrameworkSettings, generations: Callable[[], Iterable[Generation]]
    ) -> None:
        super().__init__(None, config, generations)
        self._with_tables: set[str] = set()
        self._making_tables = asyncio.Lock()

    @asynccontextmanager
    async def session(
        self, database: str, purpose: str, *, strict: bool = False, engine: str | None = None
    ) -> AsyncIterator[AsyncSession]:
        session_context = super().session(database, purpose, strict=strict, engine=engine)
        async with self._making_tables:
            if database not in self._with_tables:
                await self._make_tables(database)
                self._with_tables.add(database)
        async with session_context as session:
            yield session

    async def _make_tables(self, database: str) -> None:
        for spec in specs_of(self.generations()):
            if spec.name == database:
                await self.get().apply(database, spec.metadata, engine=spec.engine)
