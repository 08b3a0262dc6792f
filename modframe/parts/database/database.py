"""`Database`: one module database: whether it is open, its engine, its sessions, who relies on it.

Comes in: sessions, schema changes and queries that need it. Goes out: an engine on it. It is opened
for the first user, and given back after it has not been used for a while, where its `Store` says
so. All of it happens on the app loop. `Databases` owns databases.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context
from pathlib import Path

from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

from ...names import module_id_in
from .backend import Backend, Place
from .contention import Contention
from .errors import DatabaseBusyError, DatabaseClosedError, DatabaseFileLostError
from .faults import watch_faults
from .reference import Crossings, Reference, ReferenceIndex
from .tracking import Tracked, watch_engine
from .waiting import finish

logger = logging.getLogger("modframe.database")


class Fitting:
    """Which models fit the tables of a database, while these stay as they are."""

    def __init__(self) -> None:
        self._state = ""
        self._models: set[str] = set()

    def knows(self, state: str, models: str) -> bool:
        """Return whether models, given by their fingerprint, were found to fit this state."""
        return state == self._state and models in self._models

    def note(self, state: str, models: str) -> None:
        """Note that models fit; what was noted for another state is forgotten."""
        if state != self._state:
            self._state, self._models = state, set()
        self._models.add(models)


class Database:
    """One database.

    Attributes:
        name: Its name, in SQL and of the file.
        backend: Its engine. ``place``: where it is. ``store``: what opens and releases it.
        sessions: Its open sessions.
        gate: Held while tables are changed; new sessions wait for it.
        contention: Whether its sessions met conflicts lately.
        tables: Its tables, as last seen.
        needs: Generation → what it relies on, named as in `SchemaChange.items`.
        seeded: The modules that are known to have filled it, since it was opened.
        crossings: Finds sessions that change both sides of a reference at the same time.
        fitting: Which models its tables fit, as far as was compared.
        refused: The models that a load was refused for last, with the generation, until others fit.
        live: Generation → its models.
        moved_to: Where its rows are now, once it was moved to another engine.
    """

    def __init__(self, name: str, backend: Backend, place: Place, *, idle: float) -> None:
        self.name = name
        self.backend = backend
        self.place = place
        self.store = backend.store(name, place)
        self.sessions: list[Tracked] = []
        self.gate = asyncio.Lock()
        self.contention = Contention()
        self.tables: tuple[str, ...] = ()
        self.needs: dict[str, frozenset[str]] = {}
        self.seeded: set[str] = set()
        self.crossings = Crossings()
        self._references: dict[str, tuple[Reference, ...]] = {}
        self._index: ReferenceIndex | None = None
        self.fitting = Fitting()
        self.refused: tuple[str, MetaData] | None = None
        self.live: dict[str, MetaData] = {}
        self.moved_to: Database | None = None
        self._tables_changing: asyncio.Event | None = None
        self._aside: asyncio.Event | None = None
        self._idle = idle
        self._users = 0
        self._engine: AsyncEngine | None = None
        self._opening: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._used_at = 0.0
        self._lost = False
        self._releasing: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def path(self) -> Path | None:
        """Its file; ``None`` for one in memory or on a server."""
        return self.store.path

    @property
    def attached(self) -> bool:
        """Whether this process holds the file."""
        return self._engine is not None

    @property
    def exists(self) -> bool:
        """Whether it is held, or its file is there; a server is not asked."""
        return self.attached or (self.path is not None and self.path.is_file())

    @property
    def wanted(self) -> tuple[str, MetaData] | None:
        """The models that a migration leads to, with their generation.

        They are those that were refused last; if none were since, those that were loaded last.
        """
        return self.refused or next(reversed(self.live.items()), None)

    def used_beside(self, user: str) -> bool:
        """Return whether generations of other modules than that of ``user`` have models of it."""
        return any(module_id_in(other) != module_id_in(user) for other in self.live)

    def release(self, user: str) -> None:
        """Note that a generation relies on no tables any more."""
        self.needs.pop(user, None)
        self.live.pop(user, None)

    @property
    def references(self) -> ReferenceIndex:
        """The foreign keys of the models that use it now."""
        if self._index is None:
            every = (each for known in self._references.values() for each in known)
            self._index = ReferenceIndex(every)
        return self._index

    def refer(self, user: str, references: tuple[Reference, ...]) -> None:
        """Keep the foreign keys of a generation's models; none lets go of them."""
        self._index = None
        self._references.pop(user, None)
        if references:
            self._references[user] = references

    @asynccontextmanager
    async def use(self) -> AsyncIterator[AsyncEngine]:
        """Keep it open, as `begin_use` and `end_use` do; yields the engine.

        Raises:
            DatabaseFileLostError: If it was deleted or replaced.
        """
        engine = await self.begin_use()
        try:
            self.check_file()
            yield engine
        finally:
            self.end_use()

    async def begin_use(self) -> AsyncEngine:
        """Keep it open until `end_use`, opening it first if needed; return the engine.

        Raises:
            DatabaseLockedError: If another process holds it for longer than the wait.
            DatabaseOpenError: If it can't be opened.
            DatabaseClosedError: If the databases were closed.
        """
        self.backend.home.check()
        while (aside := self._aside) is not None:
            await aside.wait()
        self._users += 1
        try:
            while (engine := self._engine) is None:
                await self._open()
        except BaseException:
            self.end_use()
            raise
        return engine

    def end_use(self) -> None:
        """Let it be given back after a while, if nothing else uses it."""
        self._users -= 1
        self._used_at = time.monotonic()
        if not self._users and (self._timer is None or self._lost):
            self._watch_idle()

    def check_file(self) -> None:
        """Check that the file is the one that was opened; called before transactions and commits.

        Raises:
            DatabaseFileLostError: If it was deleted or replaced. It is detached once no session is
                open, and the next one opens a file that replaced it.
        """
        try:
            self.store.check()
        except DatabaseFileLostError:
            self._lost = True
            raise

    async def begin_anew_if_lost(self) -> None:
        """Let the next use open or make the file, if the one that was used is lost."""
        if self.store.lost:
            await self._release()
            if not self.attached:
                self.store.begin_anew()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Let open sessions begin no transaction while tables change: its commit would fail."""
        change = self._tables_changing = asyncio.Event()
        try:
            yield
        finally:
            self._tables_changing = None
            change.set()

    @asynccontextmanager
    async def set_aside(self, wait: float) -> AsyncIterator[None]:
        """Let all sessions end, close it, and keep it closed: its file may be exchanged meanwhile.

        Raises:
            DatabaseBusyError: If sessions are open for longer than ``wait`` seconds.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        async with self.gate:
            self._aside = asyncio.Event()
            try:
                while self._users or self.attached:
                    if loop.time() > deadline:
                        raise self._busy_error(wait)
                    if not self._users:
                        await self._release()
                    await asyncio.sleep(0.01)
                yield
                self.store.begin_anew()
            finally:
                aside, self._aside = self._aside, None
                aside.set()

    def _busy_error(self, wait: float) -> DatabaseBusyError:
        purposes = tuple(session.purpose for session in self.sessions)
        return DatabaseBusyError(
            f"database {self.name!r} is used by {', '.join(map(repr, purposes)) or 'a query'} "
            f"(waited {wait:.1f} s)",
            cure="let it end, then try again",
            database=self.name,
            purposes=purposes,
        )

    def hold(self) -> None:
        """Wait until no tables change, and check the file; called inside SQLAlchemy's greenlet."""
        while (change := self._tables_changing) is not None:
            await_only(change.wait())
        self.check_file()

    def committed(self) -> None:
        """Count a commit of changes."""
        self.contention.commits += 1

    async def _open(self) -> None:
        """Wait for the attempt at opening that all users share, starting it if there is none."""
        if self._closed:
            raise DatabaseClosedError(
                f"database {self.name!r} was closed with the app",
                cure="start the app again",
                database=self.name,
            )
        if self._opening is None:
            loop = asyncio.get_running_loop()
            self._opening = loop.create_task(self._open_store(), context=Context())
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        await asyncio.wait([opening])
        if not opening.cancelled():
            opening.result()

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening = None
        if not task.cancelled():
            task.exception()  # retrieved, since there may be no waiter left that raises it
        self._used_at = time.monotonic()
        if not self._users:
            self._watch_idle()

    async def _open_store(self) -> None:
        async with self._turn:
            if self._engine is None:
                self.backend.check_name(self.name)
                engine = await self.store.open()
                watch_engine(engine, after_write=not self.backend.enforces_references)
                watch_faults(engine, self.backend)
                self._engine = engine
                self._lost = False
                self.tables = await self.store.tables()
                self.seeded.clear()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch_idle(self) -> None:
        """Give the file back once nothing has used it for a while; one timer waits for that."""
        if self._closed or not self.attached or not self.store.gives_back:
            return
        self._stop_timer()
        left = 0 if self._lost else max(0, self._used_at + self._idle - time.monotonic())
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(left, self._look_if_idle, context=Context())

    def _look_if_idle(self) -> None:
        self._timer = None
        if self._users:  # the last one to leave starts a timer again
            return
        if time.monotonic() < self._used_at + self._idle and not self._lost:
            self._watch_idle()
        elif self._releasing is None:
            loop = asyncio.get_running_loop()
            self._releasing = loop.create_task(self._release(), context=Context())
            self._releasing.add_done_callback(self._released)

    def _released(self, task: asyncio.Task[None]) -> None:
        self._releasing = None
        self._used_at = time.monotonic()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("database %r could not be given back: %s", self.name, error)
        if not self._users:
            self._watch_idle()

    async def _release(self) -> None:
        async with self._turn:
            if self._users or self._engine is None:
                return
            engine, self._engine = self._engine, None
            await finish(self.store.release(engine))

    def forget(self) -> None:
        """Clear the cache of compiled statements, which keeps models of old generations alive."""
        if self._engine is not None:
            self._engine.clear_compiled_cache()

    async def aclose(self) -> None:
        """Close it for good; sessions still open are cut off."""
        self._closed = True
        self._stop_timer()
        if self._opening is not None:
            self._opening.cancel()
        for task in (self._opening, self._releasing):
            if task is not None:
                await asyncio.wait([task])
        self._stop_timer()
        async with self._turn:
            engine, self._engine = self._engine, None
            await finish(self.store.cut_off(engine))
