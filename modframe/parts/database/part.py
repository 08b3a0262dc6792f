"""The database part: makes the tables of a module that has a ``DATABASE_NAME``, before phase 1.

`Databases`, and with it DuckDB and SQLAlchemy, is imported when the first module has a database.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...finding import Finding
from ...observe import get_framework_logger
from ...runtime.failure import add_finding
from ...runtime.generation import Generation
from ...runtime.part import Panel, Part
from ...wording import near

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncSession

    from ...config import FrameworkSettings
    from .databases import Databases
    from .discover import DatabaseSpec
    from .errors import DatabaseNameError
    from .schema.changes import SchemaChange
    from .sessions.transaction import Transaction

    SessionContext = AbstractAsyncContextManager[AsyncSession]


_used_here: ContextVar[LazyDatabases | None] = ContextVar("modframe_databases", default=None)


class LazyDatabases:
    """The app's `Databases`, made on first use, for the models that ``generations`` declare.

    Attributes:
        seeds: Whether modules fill new databases.
        follow_revisions_in: The folder of modules whose databases their revisions upgrade before
            they load, and nothing else changes, where they have some; ``modframe serve`` sets it.
            ``None`` lets models add to databases by themselves.
    """

    def __init__(
        self,
        data: Path | None,
        config: FrameworkSettings,
        generations: Callable[[], Iterable[Generation]],
        *,
        workspace: Path | None = None,
    ) -> None:
        self._folder = data / "databases" if data is not None else None
        self._workspace = workspace or Path.cwd()
        self._config = config
        self.generations = generations
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
            models=self._models,
            files=[self._workspace / folder for folder in self._config.database_files],
        )

    def tables(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Return database → table → the columns of its model, if it has one; never waits."""
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for spec in specs_of(self.generations()):
            its_tables = found.setdefault(spec.name, {})
            for table in spec.metadata.sorted_tables:
                its_tables[table.name] = tuple(column.name for column in table.columns)
        for facts in self._databases.describe() if self._databases is not None else ():
            for name in facts.tables:
                found.setdefault(facts.database, {}).setdefault(name, ())
        return found

    def _models(self, database: str) -> Iterator[MetaData]:
        """Yield the models of a database, of the generations that declare it."""
        for spec in specs_of(self.generations()):
            if spec.name == database:
                yield spec.metadata

    def session(
        self,
        database: str,
        purpose: str,
        *,
        strict: bool = False,
        engine: str | None = None,
        opened: dict[Any, None] | None = None,
    ) -> SessionContext:
        """Return a session on one of them; ``engine`` is what the caller's module declares.

        ``opened`` lists it while it is open.

        Raises:
            DatabaseNameError: If no module declares it and there is no file of it; on a server,
                on entering.
        """
        known = database in self._checked_names or self._refuse_unknown(database, engine)
        session = self.get().session(database, purpose, strict=strict, engine=engine, opened=opened)
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
    ) -> Transaction:
        """Return a transaction on one of them; ``opened`` lists the session of each try.

        Raises:
            DatabaseNameError: If no module declares it and there is no file of it.
        """

        def session() -> SessionContext:
            return self.session(database, purpose, strict=strict, engine=engine, opened=opened)

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
        return {spec.name for spec in specs_of(self.generations())}

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


def specs_of(generations: Iterable[Generation]) -> Iterator[DatabaseSpec]:
    for generation in generations:
        yield from DatabasePart.of(generation) or ()


def specs_by_module(
    generations: Iterable[Generation], database: str
) -> Iterator[tuple[str, DatabaseSpec]]:
    """Yield what each module declares of a database, with the module's id."""
    for generation in generations:
        for spec in DatabasePart.of(generation) or ():
            if spec.name == database:
                yield generation.module_id, spec


def declared_engine(generation: Generation, database: str) -> str | None:
    """Return the ``DATABASE_ENGINE`` that a generation declares for a database."""
    for spec in DatabasePart.of(generation) or ():
        if spec.name == database:
            return spec.engine
    return None


class DatabasePart(Part["tuple[DatabaseSpec, ...]"]):
    """Makes the tables of each generation; reverts that if the build fails."""

    name = "database"
    noun = "column"
    vanishes = False

    def __init__(self, databases: LazyDatabases) -> None:
        self._databases = databases
        self._revising = asyncio.Lock()  # what ``from alembic import op`` means is the process's

    def migrates(self, generation: Generation) -> bool:
        """Return whether the module's revisions upgrade its databases."""
        return self._home_of_revisions(generation) is not None

    def _home_of_revisions(self, generation: Generation) -> Path | None:
        """Return the folder of a module whose revisions are followed; ``None`` without any."""
        modules = self._databases.follow_revisions_in
        if modules is None or not self.applies(generation):
            return None
        from .revisions.place import has_revisions, home_of

        home = home_of(generation.source, modules)
        return home if has_revisions(home) else None

    def _revised(self, generation: Generation, specs: Sequence[DatabaseSpec]) -> set[str]:
        """Return the databases of a module that its revisions alone change."""
        if (home := self._home_of_revisions(generation)) is None:
            return set()
        from .revisions.place import revised

        return revised(home, specs)

    async def migrate(self, generation: Generation) -> None:
        """Run the module's revisions that were not run yet on its databases."""
        databases = await asyncio.to_thread(self._databases.get)
        from .discover import discover
        from .revisions.follow import follow_revisions

        if (home := self._home_of_revisions(generation)) is None:
            return
        specs = discover(_modules_of(generation), named=generation.spec.database_name)
        wait = self._databases.upgrade_wait
        async with self._revising:
            await follow_revisions(
                databases, specs, module_id=generation.module_id, home=home, wait=wait
            )

    def applies(self, generation: Generation) -> bool:
        """Return whether the module names a database or has models."""
        return bool(generation.spec.database_name) or (
            "sqlalchemy" in sys.modules and _mentions_database(_modules_of(generation))
        )

    @asynccontextmanager
    async def enter(self, generation: Generation) -> AsyncIterator[tuple[DatabaseSpec, ...]]:
        databases = await asyncio.to_thread(self._databases.get)  # imports DuckDB and SQLAlchemy
        from .discover import discover
        from .foreign import check_references
        from .review import engine_findings, note

        modules = _modules_of(generation)
        specs = discover(modules, named=generation.spec.database_name)
        for spec in specs:
            engine = databases.database(spec.name, spec.engine).backend
            check_references(spec, modules, type(engine))
        user = generation.package_name
        fixed = self._revised(generation, specs)
        changes = []
        try:
            for spec in specs:
                changes.append(
                    await databases.apply(
                        spec.name,
                        spec.metadata,
                        user=user,
                        engine=spec.engine,
                        fixed=spec.name in fixed,
                    )
                )
                generation.findings += [note(spec, text) for text in changes[-1].notes]
                generation.added += changes[-1].said(spec.metadata)
                generation.findings += await engine_findings(databases, spec, user=user)
            await self._fill(specs, generation.module_id)
            yield specs
        except BaseException as fault:
            for change in reversed(changes):
                await _revert(databases, change, generation, fault)
            raise
        finally:
            databases.release(user)
            databases.forget()

    async def _fill(self, specs: Iterable[DatabaseSpec], module_id: str) -> None:
        """Run the module's seeds, each once a database."""
        for spec in specs:
            if spec.seed is not None and self._databases.seeds:
                await self._databases.get().seed(
                    spec.name, spec.seed, module_id, engine=spec.engine
                )

    def outline(self, generation: Generation) -> tuple[str, ...]:
        """Return ``shop.orders.price`` for each column: database, table, column."""
        specs = self.of(generation)
        if specs is None:
            if generation.stage != "building" or not self.applies(generation):
                return ()
            from .discover import discover

            specs = discover(_modules_of(generation), named=generation.spec.database_name)
        return tuple(
            f"{spec.name}.{table.name}.{column.name}"
            for spec in specs
            for table in spec.metadata.sorted_tables
            for column in table.columns
        )

    def describe(self, generation: Generation) -> dict[str, Any]:
        """Return database name → its tables."""
        return {spec.name: sorted(spec.metadata.tables) for spec in self.of(generation) or ()}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        rows = ((name, ", ".join(tables)) for name, tables in facts.items())
        yield Panel("database", ("tables",), tuple(rows))


async def _revert(
    databases: Databases, change: SchemaChange, generation: Generation, fault: BaseException
) -> None:
    """Revert what a failed load added; what stays becomes a finding of its error."""
    try:
        stays = await databases.revert(change, user=generation.package_name)
    except Exception as error:  # noqa: BLE001  # the load's own error is the one to raise
        stays = tuple(f"{item} (it could not be dropped: {error})" for item in change.items)
    if stays:
        finding = Finding(
            "database-kept",
            "warning",
            f"the database {change.database!r} keeps what the failed load added: "
            + ", ".join(stays),
            cure="a load whose models have it uses it as it is; drop it yourself if none will",
        )
        add_finding(fault, finding)
        get_framework_logger(generation.module_id).warning("%s", finding)


def _modules_of(generation: Generation) -> dict[str, Any]:
    return generation.package.modules() if generation.package is not None else {}


def _mentions_database(modules: dict[str, Any]) -> bool:
    return any(
        "DATABASE_NAME" in vars(module)
        or any(
            isinstance(item, type) and hasattr(item, "metadata") for item in vars(module).values()
        )
        for module in modules.values()
    )
