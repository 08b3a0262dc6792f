"""`Databases`: all module databases of the app, whatever keeps them; made by `LazyDatabases`.

Comes in: sessions, models' metadata and queries. Goes out: SQLAlchemy sessions, what was added to
a schema, rows. Everything runs on the one app loop. Making `Databases` makes nothing on disk; the
first use of a database makes its file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import MetaData, Table
from sqlalchemy.ext.asyncio import AsyncSession

from ...observe import Numbers
from .arrow import source_of
from .choice import DEFAULT, Choice
from .database import Database
from .errors import DatabaseNameError
from .file import is_whole
from .registry import DatabaseFacts, Registry
from .schema.apply import apply, unfit
from .schema.changes import SchemaChange
from .schema.create import create
from .schema.migrate import migrate, no_models
from .schema.plan import MigrationPlan
from .schema.request import Request
from .schema.revert import revert
from .schema.support import check_support
from .seeding import Seed, run_seed
from .sessions.session import IntegritySession
from .sessions.transaction import Transaction
from .sql.query import LIMIT, Query
from .sql.rows import Rows
from .transfer.backup import back_up, restore
from .transfer.copying import copy_rows
from .transfer.manifest import Backup
from .transfer.moving import Move, Moved, refuse_move, rows_there

if TYPE_CHECKING:
    from .duckdb.backend import DuckDB

__all__ = ["DatabaseFacts", "Databases", "Rows", "SchemaChange"]


class Databases(Registry):
    """The module databases below one folder, and what can be done with them.

    Args:
        models: Returns the models of a database, for the types of its columns.
        numbers: Counts the sessions.
        options: Those of `Registry`.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        models: Callable[[str], Iterable[MetaData]] = lambda _: (),
        numbers: Numbers | None = None,
        **options: Any,
    ) -> None:
        super().__init__(folder, **options)
        self._models = models
        self._numbers = numbers or Numbers()
        self._moving: dict[str, Move] = {}

    def session(
        self,
        database: str,
        purpose: str,
        *,
        strict: bool = False,
        engine: str | None = None,
        opened: dict[Any, None] | None = None,
        user: str = "",
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """Return a session on one database, which is made if it doesn't exist; the caller commits.

        ``purpose`` is named in messages. Changes left uncommitted are an error if it is
        ``strict``, else a warning. ``opened`` lists it while it is open. While the database moves,
        only the generations that are loaded on the new engine get there; any other ``user`` waits.

        Raises:
            DatabaseNameError: If the name can't be used for a database.
            DatabaseLockedError: On entering, if another process holds the file for too long.
            UncommittedChangesError: On leaving, if it is strict and changes are uncommitted.
        """
        target = self.database(database, engine)
        if (move := self._moving.get(database)) is not None and user not in move.users:
            target = move.source
        return self._new_session(target, purpose, strict=strict, opened=opened)

    def _new_session(self, target: Database, purpose: str, **options: Any) -> IntegritySession:
        return IntegritySession(target, purpose, numbers=self._numbers, **options)

    def transaction(
        self,
        database: str,
        purpose: str,
        *,
        retry: int = 0,
        engine: str | None = None,
        session: Callable[[], AbstractAsyncContextManager[AsyncSession]] | None = None,
    ) -> Transaction:
        """Return what runs a function, or a block, as one transaction, and commits it.

        Args:
            retry: How often the function is run again after a conflict.
            session: Makes the session of each try; by default, one of these databases.

        Raises:
            DatabaseNameError: If the name can't be used for a database.
        """
        target = self.database(database, engine)
        make = session or (lambda: self._new_session(target, purpose, strict=True))
        return Transaction(target, purpose, session=make, retry=retry)

    async def apply(
        self,
        database: str,
        metadata: MetaData,
        *,
        user: str = "",
        engine: str | None = None,
        empty: bool = False,
        fixed: bool = False,
    ) -> SchemaChange:
        """Add what the models have and the database lacks: tables, columns, indexes.

        The generation ``user`` relies on them until `release`. Return what was added;
        `revert` takes it back where that loses nothing. Nothing is compared if the database is
        ``empty``, which saves time. If it is ``fixed``, revisions alone change it.

        Raises:
            RevisionMissingError: If it is fixed and lacks something.
            SchemaConflictError: If adding can't make tables fit the models, or the engine can't do
                what they say; nothing was changed.
            DatabaseBusyError: If sessions have uncommitted changes for longer than the wait.
        """
        self._declared[database] = engine
        target = self.database(database, engine)
        target.backend.adapt(metadata)
        if empty:
            return await create(target, metadata)
        notes = check_support(database, target.backend, metadata)
        change = await apply(target, metadata, wait=self._lock_wait, user=user, fixed=fixed)
        if (move := self._moving.get(database)) is not None and move.source is not target:
            await move.carry(target, metadata.sorted_tables)
            move.users.add(user)
        return replace(change, notes=(*notes, *change.notes)) if notes else change

    async def seed(
        self, database: str, seed: Seed, module_id: str, *, engine: str | None = None
    ) -> bool:
        """Let a module fill a database once, in one transaction; return whether it did.

        Raises:
            DatabaseSeedError: If its function raises; nothing of it was kept.
        """
        target = self.database(database, engine)
        purpose = f"seed of {module_id}"
        return await run_seed(
            seed, target, module_id, session=lambda: self._new_session(target, purpose, strict=True)
        )

    async def revert(self, change: SchemaChange, *, user: str = "") -> tuple[str, ...]:
        """Drop what a change added for the generation ``user``, where nothing was written to it.

        Return what stays, with the reason: ``table orders (it holds 2 rows)``.
        """
        if change.database in self._moving:
            return ()  # `end_move` takes back all of it
        return await revert(self.database(change.database, change.engine), change, user=user)

    async def copy(
        self, database: str, tables: Sequence[Table], *, source: Databases
    ) -> dict[str, int]:
        """Copy the rows of a database of the same name into empty tables; return their numbers."""
        target, other = self.database(database), source.database(database)
        async with (
            other.use() as theirs,
            target.use() as ours,
            theirs.connect() as rows,
            ours.begin() as connection,
        ):
            return await copy_rows(rows, connection, tables, backend=target.backend)

    async def back_up(self, folder: Path) -> Backup:
        """Write all databases into a new folder, while sessions go on.

        Raises:
            DatabaseBackupError: If there is such a folder already.
        """
        databases = [self.database(name) for name in self._existing()]
        async with AsyncExitStack() as used:
            writer = self.backend_anywhere(DEFAULT, used)
            return await back_up(databases, folder, models=self._tables_of, default=writer)

    async def restore(self, folder: Path, *, replace: bool = False) -> Backup:
        """Put back the databases of a backup; sessions wait meanwhile, and modules stay live.

        Args:
            replace: Whether rows that are there may be lost.

        Raises:
            DatabaseBackupError: If it is damaged, or rows are there; nothing was changed.
            DatabaseBusyError: If sessions are open for longer than the wait.
        """
        async with AsyncExitStack() as used:
            return await restore(
                folder,
                self.database,
                models=self._tables_of,
                backend=lambda engine: self.backend_anywhere(engine, used),
                replace=replace,
                wait=self._lock_wait,
            )

    def _tables_of(self, database: str) -> list[Table]:
        """Return the tables of the models of a database."""
        return [table for models in self._models(database) for table in models.sorted_tables]

    async def begin_move(self, database: str, to: str, *, known: Iterable[str]) -> Move:
        """Let the sessions of a database wait, and let its next loads be on another engine.

        They carry its rows over, until `end_move`.

        Args:
            to: The engine, or the URL of a server.
            known: The tables of live models.

        Raises:
            DatabaseMoveError: If something fixes the engine, rows are where it would go, tables
                would be left behind, or they were changed since their modules were loaded.
            DatabaseBusyError: If sessions are open for longer than the wait.
        """
        source = self.choice(database, self._declared.get(database))
        goal = self._chooser.goal(database, to)
        refuse_move(database, source, goal, self.backend(goal.engine))
        if goal.place.path is not None and await self._is_filled(database, goal):
            raise rows_there(database, goal.engine, f"{goal.place.path} has rows")
        move = Move(self.database(database), goal.engine, before=self._chooser.turned(database))
        await move.begin(self._lock_wait)
        try:
            await move.refuse_unknown(known)
            move.refuse_unfit(await unfit(move.source))
            await move.source.store.hold()
            self._turn(database, goal)
            move.target = self.database(database)
            await move.target.store.receive()
        except BaseException:
            self._turn(database, move.before)
            self._known.pop((database.lower(), goal.engine), None)
            await move.source.store.let_go()
            move.end()
            raise
        self._moving[database] = move
        return move

    async def _is_filled(self, database: str, goal: Choice) -> bool:
        """Return whether rows are in the file that a move would write."""
        known = self._known.pop((database.lower(), goal.engine), None)
        if known is not None:
            await known.aclose()
        return is_whole(goal.place.path) and await self._has_rows(database, goal, None)

    def _turn(self, database: str, choice: Choice | None) -> None:
        self._chooser.turn(database, choice)
        self._asked.clear()

    async def end_move(self, move: Move, *, done: bool) -> Moved:
        """Close the database that was moved and set it aside, or else the new one's.

        Raises:
            DatabaseMoveError: If all rows are moved, and a server can't note that.
        """
        source, target = move.source, move.target
        name = source.name
        gone = source if done else target
        self._moving.pop(name)
        old = None
        try:
            if done:
                await target.store.received()
                await asyncio.to_thread(self._chooser.keep_moved, name, move.engine)
                source.moved_to = target
            else:
                self._turn(name, move.before)
            self._known.pop((name.lower(), gone.backend.name), None)
            await gone.aclose()
            if done:
                old = await source.store.set_aside(move.engine)
            else:
                await target.store.discard()
                await source.store.let_go()
        finally:
            move.end()
        needs = self._chooser.unsaid(name, self._declared.get(name))
        if not needs:
            self._turn(name, None)
        return Moved(name, move.engine, dict(move.counts), old, needs)

    async def migrate(
        self, database: str, request: Request, *, plan_only: bool = False
    ) -> MigrationPlan:
        """Change tables as a request allows, towards the models that were refused last or are live.

        Raises:
            MigrationError: If the request doesn't fit, or the engine refuses; nothing was changed.
            DatabaseBusyError: If sessions have uncommitted changes for longer than the wait.
        """
        known = [each.name for each in self._known.values() if each.wanted is not None]
        if database not in known:  # and nothing is made for a misspelt name
            raise no_models(database, known)
        target = self.database(database)
        return await migrate(target, request, plan_only=plan_only, wait=self._lock_wait)

    def release(self, user: str) -> None:
        """Note that a generation relies on no tables any more."""
        for database in self._known.values():
            database.release(user)

    async def sql(
        self, query: str, *params: Any, database: str | None = None, limit: int | None = None
    ) -> Rows:
        """Run one reading statement across all databases; tables are ``<database>.<table>``.

        ``?`` or ``$1`` stands for a parameter; a single mapping gives named ones (``$name``). Bare
        table names belong to ``database``. At most ``limit`` rows are returned, by
        default a million.

        Raises:
            QueryRefusedError: If it isn't one reading statement.
            DatabaseNameError: If DuckDB has one of the same name in memory.
            DatabaseBusyError: If DuckDB has one of the same name, with sessions that don't end.
            DatabaseLockedError: If another process holds a file that it needs.
        """
        self._home.check()
        known = {name: self.database(name) for name in self._existing()}
        if database is not None and database not in known:
            raise DatabaseNameError(
                f"there is no database {database!r}",
                cure=f"there are: {', '.join(known) or 'none yet'}",
                database=database,
            )
        async with Query(self._duckdb.instance, query) as asked, AsyncExitStack() as used:
            sources = {}
            for name in sorted(asked.needs(known, database)):
                if (other := self._namesake(known[name])) is not None:
                    await used.enter_async_context(other.set_aside(self._lock_wait))
                engine = await used.enter_async_context(known[name].use())
                if known[name].backend is not self._duckdb:
                    sources[name] = await source_of(known[name].backend, engine)
            return await asked.run(
                params,
                database=database,
                limit=limit or LIMIT,
                foreign=sources,
                models={name: list(self._models(name)) for name in sources},
                others=[name for name in known if known[name].backend is not self._duckdb],
            )

    def _namesake(self, taken: Database) -> Database | None:
        """Return DuckDB's own database of the name of another engine's, which can't be open beside.

        Raises:
            DatabaseNameError: If it is in memory, where closing it would lose its rows.
        """
        other = self._known.get((taken.name.lower(), self._duckdb.name))
        if other is None or other is taken:
            return None
        if other.store.gives_back or not other.attached:
            return other
        raise DatabaseNameError(
            f"{taken.name!r} can't be read: {taken.backend.title} keeps it, and "
            f"{other.backend.title} has a database of that name in memory",
            cure="give the modules that use it the same DATABASE_ENGINE, or another DATABASE_NAME "
            "each, and start the app again",
            database=taken.name,
        )

    @property
    def _duckdb(self) -> DuckDB:
        """The engine that runs people's queries, over the tables of all the others."""
        return cast("DuckDB", self.backend("duckdb"))

    async def __aenter__(self) -> Databases:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        attached = sum(database.attached for database in self._known.values())
        where = str(self._folder) if self._folder is not None else "memory"
        return f"<Databases in {where}: {len(self._known)} known, {attached} attached>"
