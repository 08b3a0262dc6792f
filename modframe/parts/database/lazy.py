"""`LazyDatabases`: the app's `Databases`, made when something first needs them.

Comes in: the settings, and what live modules declare. Goes out: sessions and transactions, or an
error for a database that no module declares. Made by the engine; the tests of modules and
``modframe db`` make their own. `Databases`, and with it DuckDB and SQLAlchemy, is imported by the
first `LazyDatabases.get`, so that an app without databases starts faster.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...wording import near

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncSession

    from ...config import FrameworkSettings
    from ...observe import Numbers
    from .databases import Databases
    from .discover import DatabaseSpec
    from .errors import DatabaseNameError
    from .registry import DatabaseFacts
    from .sessions.transaction import Transaction

    SessionContext = AbstractAsyncContextManager[AsyncSession]

_used_here: ContextVar[LazyDatabases | None] = ContextVar("modframe_databases", default=None)


class LazyDatabases:
    """The app's `Databases`, made on first use.

    Args:
        data: The app's data folder; ``None`` keeps all databases in memory.
        declared: Returns what generations declare now: module id and database.
        workspace: The folder that the settings' paths of files begin at; by default, the current
            one.
        numbers: Counts the sessions.

    Attributes:
        declared: The argument.
        seeds: Whether modules fill new databases.
        follow_revisions_in: The folder of modules whose databases their revisions upgrade before
            they load, and nothing else changes, where they have some; ``modframe serve`` sets it.
            ``None`` lets models add to databases by themselves.
    """

    def __init__(
        self,
        data: Path | None,
        config: FrameworkSettings,
        declared: Callable[[], Iterable[tuple[str, DatabaseSpec]]],
        *,
        workspace: Path | None = None,
        numbers: Numbers | None = None,
    ) -> None:
        self._folder = data / "databases" if data is not None else None
        self._workspace = workspace or Path.cwd()
        self._config, self._numbers = config, numbers
        self.declared = declared
        self.seeds = config.database_seed
        self.follow_revisions_in: Path | None = None
        self._checked_names: set[str] = set()
        self._making = threading.Lock()
        self._databases: Databases | None = None

    def use_here(self) -> None:
        """Make `here` in this context, and in what begins in it, these databases."""
        _used_here.set(self)

    @property
    def upgrade_wait(self) -> float:
        """Seconds to wait for another process that runs revisions."""
        return self._config.database_upgrade_wait

    def get(self) -> Databases:
        """Return the databases, on any thread; the first call imports DuckDB and SQLAlchemy."""
        if self._databases is None:
            with self._making:  # modules load in parallel, and all of them share one DuckDB
                if self._databases is None:
                    self._databases = self._make()
        return self._databases

    def _make(self) -> Databases:
        from .databases import Databases

        return Databases(
            self._folder,
            **self._config.database_places(),
            lock_wait=self._config.database_lock_wait,
            idle=self._config.database_idle,
            memory_limit=self._config.database_memory,
            threads=self._config.database_threads,
            synchronous=self._config.database_synchronous,
            models=self.models,
            numbers=self._numbers,
            files=[self._workspace / folder for folder in self._config.database_files],
        )

    def tables(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Return database → table → the columns of its model, if it has one; never waits."""
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for _, spec in self.declared():
            its_tables = found.setdefault(spec.name, {})
            for table in spec.metadata.sorted_tables:
                its_tables[table.name] = tuple(column.name for column in table.columns)
        for facts in self.describe():
            for name in facts.tables:
                found.setdefault(facts.database, {}).setdefault(name, ())
        return found

    def describe(self) -> list[DatabaseFacts]:
        """Return the facts about the databases that were used so far; never waits."""
        return self._databases.describe() if self._databases is not None else []

    def declared_of(self, database: str) -> Iterator[tuple[str, DatabaseSpec]]:
        """Yield what each module declares of one database, with the module's id."""
        for module_id, spec in self.declared():
            if spec.name == database:
                yield module_id, spec

    def models(self, database: str) -> Iterator[MetaData]:
        """Yield the models of one database, module by module."""
        for _, spec in self.declared_of(database):
            yield spec.metadata

    def session(
        self,
        database: str,
        purpose: str,
        *,
        strict: bool = False,
        engine: str | None = None,
        opened: dict[Any, None] | None = None,
        user: str = "",
    ) -> SessionContext:
        """Return a session on one of them; ``engine`` is what the caller's module declares.

        ``opened`` lists it while it is open. ``user`` is the generation that wants it.

        Raises:
            DatabaseNameError: If no module declares it and there is no file of it; on a server,
                on entering.
        """
        known = database in self._checked_names or self._refuse_unknown(database, engine)
        session = self.get().session(
            database, purpose, strict=strict, engine=engine, opened=opened, user=user
        )
        return session if known else self._find_first(database, session)

    @property
    def here(self) -> LazyDatabases:
        """The databases that this context uses: by default, these."""
        return _used_here.get() or self

    def session_here(self, database: str, purpose: str, **options: Any) -> SessionContext:
        """Return a session on the databases that this context uses: by default, on these."""
        return self.here.session(database, purpose, **options)

    def transaction(
        self,
        database: str,
        purpose: str,
        *,
        retry: int = 0,
        strict: bool = False,
        engine: str | None = None,
        opened: dict[Any, None] | None = None,
        user: str = "",
    ) -> Transaction:
        """Return a transaction on one of them; ``opened`` lists the session of each try.

        Raises:
            DatabaseNameError: If no module declares it and there is no file of it.
        """

        def session() -> SessionContext:
            return self.session(
                database, purpose, strict=strict, engine=engine, opened=opened, user=user
            )

        self._refuse_unknown(database, engine)
        return self.get().transaction(
            database, purpose, retry=retry, engine=engine, session=session
        )

    def transaction_here(self, database: str, purpose: str, **options: Any) -> Transaction:
        """Return a transaction on the databases that this context uses: by default, on these."""
        return self.here.transaction(database, purpose, **options)

    @asynccontextmanager
    async def _find_first(
        self, database: str, session: AbstractAsyncContextManager[AsyncSession]
    ) -> AsyncIterator[AsyncSession]:
        """Enter a session if the server that would keep its database has it."""
        if not await self.get().find(database):
            raise self.unknown(database)
        self._checked_names.add(database)
        async with session as entered:
            yield entered

    def _refuse_unknown(self, database: str, engine: str | None) -> bool:
        """Return whether a module declares a database, or there is a file of it, or it is used.

        If not, a server may have it.

        Raises:
            DatabaseNameError: If there is no server that could have it either.
        """
        if database not in self._checked_names:
            if database in self._declared_names() or self.get().exists(database):
                self._checked_names.add(database)
            elif self.get().choice(database, engine).place.url is None:
                raise self.unknown(database)
        return database in self._checked_names

    def _declared_names(self) -> set[str]:
        return {spec.name for _, spec in self.declared()}

    def unknown(self, database: str) -> DatabaseNameError:
        """Make the error for a database that no module declares."""
        from .errors import DatabaseNameError

        return DatabaseNameError(
            f"there is no database {database!r}",
            cure=f"{near(database, self._declared_names())}A module declares one by DATABASE_NAME "
            "beside its models",
            database=database,
        )

    async def aclose(self) -> None:
        if self._databases is not None:
            await self._databases.aclose()
