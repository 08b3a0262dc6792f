"""`ScratchDatabases`: databases of their own for tests, so that nothing which they write is kept.

Comes in: which test or wider fixture begins and ends. Goes out: a `Level`, whose databases are used
in the context that begins there. A module's own tasks, begun before its tests, go on with the real
databases. A level is temporary, on the module's engine, which goes on for the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ..config import FrameworkSettings
from ..parts.database.lazy import LazyDatabases

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from ..parts.database.databases import Databases
    from ..parts.database.discover import DatabaseSpec

UNSEEDED = "without_seed"
"""The marker of tests that begin with empty tables, though a module has a ``seed(session)``."""


class Level(LazyDatabases):
    """The databases of one test, or of the fixtures of one class, file or run.

    Each begins, with its first session, with its modules' tables, and with the rows of the nearest
    level around it that has one of that name; else with what its modules' seeds give, if ``seeds``.
    """

    def __init__(
        self, scratch: ScratchDatabases, around: Callable[[], Iterable[Level]], *, seeds: bool
    ) -> None:
        super().__init__(None, scratch.config, scratch.declared)
        self.seeds = self.seeds and seeds
        self._scratch = scratch
        self._around = around
        self._ready: set[str] = set()
        self._making_tables = asyncio.Lock()
        self._ended = False

    def _make(self) -> Databases:
        self._refuse_ended()
        return self._scratch.take() or super()._make()

    @asynccontextmanager
    async def session(
        self, database: str, purpose: str, **options: Any
    ) -> AsyncIterator[AsyncSession]:
        self._refuse_ended(database)
        session_context = super().session(database, purpose, **options)
        async with self._making_tables:
            self._refuse_ended(database)
            if database not in self._ready:
                await self._make_tables(database)
                self._ready.add(database)
        async with session_context as session:
            yield session

    def _refuse_ended(self, database: str = "") -> None:
        if self._ended:
            from ..parts.database.errors import DatabaseClosedError

            raise DatabaseClosedError(
                "what used the databases of a test goes on, and the test has ended",
                cure="let the test wait for what it has begun",
                database=database,
            )

    async def _make_tables(self, database: str) -> None:
        declared = list(self.declared_of(database))
        for number, (_, spec) in enumerate(declared):
            await self.get().apply(database, spec.metadata, engine=spec.engine, empty=number == 0)
        outer = next((level for level in self._around() if database in level._ready), None)
        if outer is not None:
            tables = [table for _, spec in declared for table in spec.metadata.sorted_tables]
            await self.get().copy(database, tables, source=outer.get())
            return
        for module_id, spec in declared:
            if spec.seed is not None and self.seeds:
                await self.get().seed(database, spec.seed, module_id, engine=spec.engine)

    async def aclose(self) -> None:
        """Lose all rows; sessions that are still open are cut off."""
        self._ended = True
        async with self._making_tables:
            databases, self._databases = self._databases, None
            if databases is not None:
                await self._scratch.give_back(databases)


class ScratchDatabases:
    """Gives levels their databases; one for each app and run of tests.

    ``declared`` returns what the generations declare that are tested, as for `LazyDatabases`.
    """

    def __init__(
        self,
        config: FrameworkSettings,
        declared: Callable[[], Iterable[tuple[str, DatabaseSpec]]],
    ) -> None:
        self.config = config
        self.declared = declared
        self._levels: list[Level] = []
        self._free: list[Databases] = []

    def begin(self, around: Callable[[], Iterable[Level]] = tuple, *, seeds: bool = True) -> Level:
        """Return a level that is empty; ``around`` gives those whose rows it takes, inner first."""
        level = Level(self, around, seeds=seeds)
        self._levels.append(level)
        return level

    async def end(self, level: Level) -> None:
        """Close the databases of a level."""
        self._levels.remove(level)
        await level.aclose()

    def take(self) -> Databases | None:
        """Return empty databases whose engine has been started, if there are any."""
        return self._free.pop() if self._free else None

    async def give_back(self, databases: Databases) -> None:
        """Empty databases and keep them for the next level: to start an engine takes longer."""
        await databases.discard()
        self._free.append(databases)

    async def aclose(self) -> None:
        """Close all levels, and what they shared."""
        for level in list(self._levels):
            await self.end(level)
        for databases in self._free:
            await databases.aclose()
