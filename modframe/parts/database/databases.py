"""`Databases`: all module databases of the app, on one DuckDB instance; made by the database part.

Comes in: sessions, models' metadata and queries. Goes out: SQLAlchemy sessions, what was added to
a schema, rows. Everything runs on the one app loop. Making `Databases` makes nothing on disk; the
first use of a database makes its file.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncSession

from .catalog import Catalog
from .duckdb.instance import Instance
from .errors import DatabaseNameError
from .names import check_name, is_name
from .schema.apply import apply
from .schema.compare import SchemaChange
from .schema.revert import revert
from .sessions.session import integrity_session
from .sql.query import Rows, names_in, read

__all__ = ["CatalogFacts", "Databases", "Rows", "SchemaChange"]

SUFFIX = ".duckdb"


@dataclass(frozen=True, slots=True)
class CatalogFacts:
    """Facts about one database, for people.

    Attributes:
        path: Its file; empty for one in memory.
        attached: Whether this process holds the file now.
        sessions: How many sessions are open. ``purposes``: what they are for.
        tables: Its tables, as last seen.
    """

    database: str
    path: str
    attached: bool
    sessions: int
    purposes: tuple[str, ...]
    tables: tuple[str, ...]


class Databases:
    """The module databases below one folder.

    Args:
        folder: Where the files are, ``<name>.duckdb`` each; ``None`` keeps all in memory.
        lock_wait: Seconds to wait for a file that another process holds.
        idle: Seconds without a session after which a file is detached.
        memory_limit: The memory that DuckDB may use, for example ``"2GB"``.
        threads: How many threads DuckDB may use.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        lock_wait: float = 5.0,
        idle: float = 2.0,
        memory_limit: str | None = None,
        threads: int | None = None,
    ) -> None:
        self._folder = folder
        self._lock_wait = lock_wait
        self._idle = idle
        self._instance = Instance(memory_limit=memory_limit, threads=threads)
        self._catalogs: dict[str, Catalog] = {}

    def _catalog(self, database: str) -> Catalog:
        check_name(database)
        catalog = self._catalogs.get(database.lower())
        if catalog is None:
            path = self._folder / f"{database}{SUFFIX}" if self._folder is not None else None
            catalog = Catalog(
                database, path, self._instance, lock_wait=self._lock_wait, idle=self._idle
            )
            self._catalogs[database.lower()] = catalog
        if catalog.name != database:
            raise DatabaseNameError(
                f"{database!r} and {catalog.name!r} are the same name to DuckDB",
                cure="spell it the same everywhere, or choose another name",
                database=database,
            )
        return catalog

    def session(
        self, database: str, purpose: str, *, strict: bool = False
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """Return a session on one database, which is made if it doesn't exist; the caller commits.

        ``purpose`` is named in messages. Changes left uncommitted are an error if it is
        ``strict``, else a warning.

        Raises:
            DatabaseNameError: If the name can't be used for a database.
            DatabaseLockedError: On entering, if another process holds the file for too long.
            UncommittedChangesError: On leaving, if it is strict and changes are uncommitted.
        """
        return integrity_session(self._catalog(database), purpose, strict=strict)

    async def apply(self, database: str, metadata: MetaData, *, user: str = "") -> SchemaChange:
        """Add what the models have and the database lacks: tables, columns, indexes.

        The generation ``user`` relies on them until `release`. Return what was added;
        `revert` takes it back where that loses nothing.

        Raises:
            SchemaConflictError: If adding can't make tables fit the models; nothing was changed.
            DatabaseBusyError: If sessions have uncommitted changes for longer than the wait.
        """
        return await apply(self._catalog(database), metadata, wait=self._lock_wait, user=user)

    async def revert(self, change: SchemaChange, *, user: str = "") -> tuple[str, ...]:
        """Drop what a change added for the generation ``user``, where nothing was written to it.

        Return what stays, with the reason: ``table orders (it holds 2 rows)``.
        """
        return await revert(self._catalog(change.database), change, user=user)

    def release(self, user: str) -> None:
        """Note that a generation relies on no tables any more."""
        for catalog in self._catalogs.values():
            catalog.needs.pop(user, None)

    async def sql(self, query: str, *params: Any, database: str | None = None) -> Rows:
        """Run one reading statement across all databases; tables are ``<database>.<table>``.

        ``?`` or ``$1`` stands for a parameter; a single mapping gives named ones (``$name``). Bare
        table names belong to ``database``.

        Raises:
            QueryRefusedError: If it isn't one reading statement.
            DatabaseLockedError: If another process holds a file that it needs.
        """
        self._instance.check()
        catalogs = {name: self._catalog(name) for name in self._existing()}
        if database is not None and database not in catalogs:
            raise DatabaseNameError(
                f"there is no database {database!r}",
                cure=f"there are: {', '.join(catalogs) or 'none yet'}",
                database=database,
            )
        needed = names_in(query, catalogs) | ({database} if database is not None else set())
        async with AsyncExitStack() as attached:
            uses = [catalogs[name].use() for name in sorted(needed or catalogs)]
            for use in uses:
                await attached.enter_async_context(use)
            return await read(self._instance, query, params, database=database)

    def _existing(self) -> list[str]:
        """Return the names of the databases that exist; makes none."""
        names = {catalog.name for catalog in self._catalogs.values() if catalog.attached}
        if self._folder is not None and self._folder.is_dir():
            stems = (path.stem for path in self._folder.glob(f"*{SUFFIX}"))
            names |= {stem for stem in stems if is_name(stem)}
        return sorted(names)

    def describe(self) -> list[CatalogFacts]:
        """Return the facts about each database, by name; never waits."""
        return [
            CatalogFacts(
                database=catalog.name,
                path=str(catalog.path or ""),
                attached=catalog.attached,
                sessions=len(catalog.sessions),
                purposes=tuple(session.purpose for session in list(catalog.sessions)),
                tables=catalog.tables,
            )
            for _, catalog in sorted(self._catalogs.items())
        ]

    def forget(self) -> None:
        """Clear the caches of compiled statements; called when a generation was closed, whose
        models they would keep alive."""
        for catalog in list(self._catalogs.values()):
            catalog.forget()

    async def aclose(self) -> None:
        """Detach all files and close DuckDB; sessions still open are cut off."""
        try:
            await asyncio.gather(*(catalog.aclose() for catalog in self._catalogs.values()))
        finally:
            await self._instance.aclose()

    async def __aenter__(self) -> Databases:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        attached = sum(catalog.attached for catalog in self._catalogs.values())
        where = str(self._folder) if self._folder is not None else "memory"
        return f"<Databases in {where}: {len(self._catalogs)} known, {attached} attached>"
