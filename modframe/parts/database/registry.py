"""`Registry`: finds or makes the `Database` of a name; the base of `Databases`.

Comes in: the folder of the files, what the environment says, and the names that are asked for. Goes
out: one `Database` for each name, kept by the engine that `Chooser` says. An engine is made once,
for its first database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from ...names import module_id_in
from .backend import Backend, BackendOptions, backend_class
from .choice import Choice, Chooser
from .database import Database
from .errors import DatabaseError, DatabaseNameError
from .home import Home
from .names import check_name, quoted


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Facts about one database, for people.

    Attributes:
        engine: What keeps it, as sentences name it.
        path: Its file; empty for one in memory.
        attached: Whether this process holds the file now.
        sessions: How many sessions are open. ``purposes``: what they are for.
        tables: Its tables, as last seen.
        refused: The module whose models a load refused last, as they don't fit; else empty.
    """

    database: str
    engine: str
    path: str
    attached: bool
    sessions: int
    purposes: tuple[str, ...]
    tables: tuple[str, ...]
    refused: str


class Registry:
    """The databases below one folder, as far as they are known.

    Args:
        folder: Where the files are, such as ``<name>.duckdb``; ``None`` keeps all in memory.
        url: Where all databases are; see `Chooser`. ``urls``: the same for single ones.
        lock_wait: Seconds to wait for a file that another process holds.
        idle: Seconds without a session after which a file is detached.
        memory_limit: The memory that DuckDB may use, for example ``"2GB"``.
        threads: How many threads DuckDB may use.
        synchronous: ``"FULL"`` if a commit to SQLite waits for the disk, else ``"NORMAL"``.
        files: The folders below which sessions on DuckDB may read and write files, beside those of
            the databases; ``None`` lets them use any.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        url: str | None = None,
        urls: Mapping[str, str] | None = None,
        lock_wait: float = 5.0,
        idle: float = 2.0,
        memory_limit: str | None = None,
        threads: int | None = None,
        synchronous: str = "NORMAL",
        files: Sequence[Path] | None = None,
    ) -> None:
        self._folder = folder
        self._chooser = Chooser(folder, url=url, urls=urls)
        self._lock_wait = lock_wait
        self._idle = idle
        self._options = BackendOptions(
            lock_wait,
            memory_limit,
            threads,
            synchronous,
            spill=folder / ".spill" if folder is not None else None,
        )
        self._files = tuple(files) if files is not None else None
        self._home = Home()
        self._backends: dict[str, Backend] = {}
        self._known: dict[tuple[str, str], Database] = {}
        self._asked: dict[tuple[str, str | None], Database] = {}  # by name and declared engine
        self._declared: dict[str, str | None] = {}
        self._with_rows: dict[tuple[str, str], bool] = {}

    def choice(self, database: str, declared: str | None = None) -> Choice:
        """Return which engine keeps a database, and what says so."""
        return self._chooser.choose(database, declared)

    def backend(self, engine: str) -> Backend:
        """Return the app's object of an engine; the first call imports its driver.

        Raises:
            DatabaseEngineError: If there is no such engine, or its driver isn't installed.
        """
        if engine not in self._backends:
            self._backends[engine] = backend_class(engine)(self._all_options(), self._home)
        return self._backends[engine]

    def backend_anywhere(self, engine: str, used: AsyncExitStack) -> Backend:
        """Return another object of an engine, which may use files in any folder; for backups.

        It is closed with ``used``.
        """
        backend = backend_class(engine)(self._options, self._home)
        used.push_async_callback(backend.aclose)
        return backend

    def _all_options(self) -> BackendOptions:
        if self._files is None:
            return self._options
        folders = self._chooser.folders() - set(self._files)
        return replace(self._options, files=(*self._files, *sorted(folders)))

    def database(self, name: str, declared: str | None = None) -> Database:
        """Return one database; nothing is opened or made yet.

        ``declared`` is the ``DATABASE_ENGINE`` of the caller's module; by default, what the module
        that was loaded last says.

        Raises:
            DatabaseNameError: If the name can't be used, or differs from another in case alone.
        """
        asked = (name, declared or self._declared.get(name))
        if (database := self._asked.get(asked)) is None:
            database = self._asked[asked] = self._chosen(*asked)
        return database

    def _chosen(self, name: str, declared: str | None) -> Database:
        check_name(name)
        choice = self._chooser.choose(name, declared)
        key = (name.lower(), choice.engine)
        database = self._known.get(key)
        if database is None:
            database = Database(name, self.backend(choice.engine), choice.place, idle=self._idle)
            self._known[key] = database
        if database.name != name:
            raise DatabaseNameError(
                f"{name!r} and {database.name!r} are the same name to a database",
                cure="spell it the same everywhere, or choose another name",
                database=name,
            )
        return database

    def exists(self, name: str) -> bool:
        """Return whether there is a database, in a file or in use; never waits, asks no server."""
        return name in self._existing()

    async def find(self, name: str) -> bool:
        """Return whether there is a database; the server is asked that would keep it."""
        choice = self.choice(name, self._declared.get(name))
        if self.exists(name) or choice.place.url is None or choice.place.temporary:
            return self.exists(name)
        return name in await self.backend(choice.engine).existing(choice.place.url)

    def _existing(self) -> list[str]:
        """Return the names of the databases that exist; makes none."""
        names = {database.name for database in self._known.values() if database.exists}
        spelt = {name.lower() for name in names}
        names |= {name for name in self._chooser.existing() if name.lower() not in spelt}
        return sorted(names)

    def kept_beside(self, database: str, engine: str, *, user: str) -> dict[str, str]:
        """Return the modules for which other engines keep a database of that name: id → engine.

        The module of the generation ``user`` is none of them. There are none of a database that is
        moved at this moment, since all of its modules are loaded again.
        """
        if self._chooser.turned(database) is not None:
            return {}
        return {
            module_id_in(other): known.backend.name
            for (name, kept_by), known in self._known.items()
            if name == database.lower() and kept_by != engine
            for other in known.live
            if other and module_id_in(other) != module_id_in(user)
        }

    async def left_behind(self, database: str, engine: str, *, user: str = "") -> list[Choice]:
        """Return the files with rows that other engines than the chosen one keep for a database.

        A file that other modules than that of the generation ``user`` rely on is in use. One that
        can't be read counts as one with rows.
        """
        self._with_rows.pop((database.lower(), engine), None)  # it gets rows now
        found = []
        for choice in self._chooser.beside(database, engine):
            key = (database.lower(), choice.engine)
            if (known := self._known.get(key)) is not None and known.used_beside(user):
                continue
            if key not in self._with_rows:  # looked at once: it would take time with each swap
                self._with_rows[key] = await self._has_rows(database, choice, known)
            if self._with_rows[key]:
                found.append(choice)
        return found

    async def _has_rows(self, database: str, choice: Choice, known: Database | None) -> bool:
        backend = self.backend(choice.engine)
        other = known or Database(database, backend, choice.place, idle=self._idle)
        try:
            async with other.use() as engine, engine.connect() as connection:
                for table in other.tables:
                    text = f"SELECT 1 FROM {quoted(table)} LIMIT 1"
                    if (await connection.exec_driver_sql(text)).first() is not None:
                        return True
            return False
        except (DatabaseError, SQLAlchemyError):  # held by another process, or damaged
            return True
        finally:
            if known is None:
                await other.aclose()

    def describe(self) -> list[DatabaseFacts]:
        """Return the facts about each database, by name; never waits."""
        return [
            DatabaseFacts(
                database=database.name,
                engine=database.backend.title,
                path=str(database.path or ""),
                attached=database.attached,
                sessions=len(database.sessions),
                purposes=tuple(session.purpose for session in list(database.sessions)),
                tables=database.tables,
                refused=module_id_in(database.refused[0]) if database.refused else "",
            )
            for _, database in sorted(self._known.items())
        ]

    def forget(self) -> None:
        """Clear the caches of compiled statements, which keep models of old generations alive.

        Called when a generation was closed, or failed to load.
        """
        for database in list(self._known.values()):
            database.forget()

    async def discard(self) -> None:
        """Close all databases, and know none; those in memory are lost. Sessions are cut off."""
        known, self._known = self._known, {}
        self._asked.clear()
        self._declared.clear()
        await asyncio.gather(*(database.aclose() for database in known.values()))

    async def aclose(self) -> None:
        """Detach all files and close DuckDB; sessions still open are cut off."""
        try:
            await asyncio.gather(*(database.aclose() for database in self._known.values()))
        finally:
            self._home.closed = True
            await asyncio.gather(*(backend.aclose() for backend in self._backends.values()))
