"""The database part: makes the tables of a module that has a ``DATABASE_NAME``, before phase 1.

Comes in: a generation whose files have run. Goes out: the databases that they declare, whose tables
now fit the models; a failed load takes back what it added. Called by the batch that builds the
generation; `declared_by` and `declared_engine` return what generations declared. Methods import
what needs SQLAlchemy when they run, for an app without databases doesn't import it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...finding import Finding
from ...observe import get_framework_logger
from ...runtime.failure import add_finding
from ...runtime.generation import Generation
from ...runtime.part import Panel, Part
from .lazy import LazyDatabases

if TYPE_CHECKING:
    from .databases import Databases
    from .discover import DatabaseSpec
    from .schema.changes import SchemaChange


def declared_by(generations: Iterable[Generation]) -> Iterator[tuple[str, DatabaseSpec]]:
    """Yield the databases that generations declare, each with the module's id."""
    for generation in generations:
        for spec in DatabasePart.of(generation) or ():
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
        yield Panel("database", ("tables",), tuple(rows), tab="Data")


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
