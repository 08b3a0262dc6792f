"""`Catalog`: one module database: its file, whether that is attached, its engine, its sessions.

Comes in: sessions, schema changes and queries that need the file. Goes out: an engine on it. The
file is attached for the first user, and detached after it has not been used for a while. All of it
happens on the app loop; DuckDB is only called on worker threads. `Databases` owns catalogs.
"""

from __future__ import annotations

import asyncio
import logging
import random
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from .duckdb.adapter import Connection
from .duckdb.dialect import URL_TEXT, keywords
from .duckdb.opening import holder_of, locked_error, lost_error, opening_error
from .duckdb.worker import DatabaseWorker, finish
from .errors import DatabaseClosedError, DatabaseLockedError
from .file import DatabaseFile
from .names import literal, quoted
from .sessions.tracking import Tracked, watch_engine

if TYPE_CHECKING:
    from .duckdb.instance import Instance

logger = logging.getLogger("modframe.database")

FIRST_PAUSE, LAST_PAUSE = 0.02, 0.25
"""Seconds between two attempts to open a locked file: growing, with some random variation."""
POOL_SIZE, POOL_OVERFLOW = 5, 15


class Catalog:
    """One database.

    Attributes:
        name: Its name, in SQL and of the file.
        path: Its file; ``None`` for one in memory.
        sessions: Its open sessions.
        gate: Held while tables are changed; new sessions wait for it.
        tables: Its tables, as last seen.
        needs: Generation → what it relies on, named as in `SchemaChange.items`.
    """

    def __init__(
        self, name: str, path: Path | None, instance: Instance, *, lock_wait: float, idle: float
    ) -> None:
        self.name = name
        self.path = path
        self.sessions: list[Tracked] = []
        self.gate = asyncio.Lock()
        self.tables: tuple[str, ...] = ()
        self.needs: dict[str, frozenset[str]] = {}
        self._tables_changing: asyncio.Event | None = None
        self._instance = instance
        self._lock_wait = lock_wait
        self._idle = idle
        self._file = DatabaseFile(name, path) if path is not None else None
        self._users = 0
        self._engine: AsyncEngine | None = None
        self._opening: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._detaching: asyncio.Task[None] | None = None
        self._closed = False
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()

    @property
    def attached(self) -> bool:
        """Whether this process holds the file."""
        return self._engine is not None

    @property
    def users(self) -> int:
        """How many sessions, schema changes and queries need the file now."""
        return self._users

    @asynccontextmanager
    async def use(self) -> AsyncIterator[AsyncEngine]:
        """Keep the file attached, attaching it first if needed; yields the engine.

        Raises:
            DatabaseLockedError: If another process holds it for longer than the wait.
            DatabaseFileLostError: If it was deleted or replaced.
            DatabaseOpenError: If it can't be opened.
            DatabaseClosedError: If the databases were closed.
        """
        self._instance.check()
        self._users += 1
        self._stop_timer()
        try:
            while (engine := self._engine) is None:
                await self._open()
            self.check_file()
            yield engine
        finally:
            self._users -= 1
            if not self._users and self.attached and self.path is not None and not self._closed:
                self._start_timer()

    def check_file(self) -> None:
        """Check that the attached file is the one at the path; called before each transaction.

        Raises:
            DatabaseFileLostError: If it was deleted or replaced. It is detached once no session is
                open, and the next one opens a file that replaced it.
        """
        if self._file is not None:
            self._file.check()

    async def begin_anew_if_lost(self) -> None:
        """Let the next use open or make the file, if the one that was used is lost."""
        if self._file is not None and self._file.lost:
            await self._detach()
            if not self.attached:
                self._file.forget()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Let open sessions begin no transaction while tables change: its commit would fail."""
        change = self._tables_changing = asyncio.Event()
        try:
            yield
        finally:
            self._tables_changing = None
            change.set()

    def hold(self) -> None:
        """Wait until no tables change, and check the file; called inside SQLAlchemy's greenlet."""
        while (change := self._tables_changing) is not None:
            await_only(change.wait())
        self.check_file()

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
            self._opening = loop.create_task(self._attach(), context=Context())
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        await asyncio.wait([opening])
        if not opening.cancelled():
            opening.result()

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening = None
        if not task.cancelled():
            task.exception()  # retrieved, since there may be no waiter left that raises it
        if self.attached and not self._users and self.path is not None:
            self._start_timer()

    async def _attach(self) -> None:
        async with self._turn:
            if self._engine is not None:
                return
            await self._take_file()
            self._engine = self._make_engine()

    async def _take_file(self) -> None:
        loop = asyncio.get_running_loop()
        started, pause = loop.time(), FIRST_PAUSE
        while True:
            try:
                await finish(self._instance.run(self._attach_now))
            except DatabaseLockedError as exc:
                waited = loop.time() - started
                if waited >= self._lock_wait:
                    raise locked_error(
                        self.name, exc.path, holder=exc.holder, waited=waited
                    ) from exc.__cause__
            else:
                return
            remaining = self._lock_wait - (loop.time() - started)
            await asyncio.sleep(max(0.0, min(pause * random.uniform(0.8, 1.2), remaining)))
            pause = min(pause * 2, LAST_PAUSE)

    def _attach_now(self) -> None:
        """Try once to attach the file; on the instance's thread."""
        keywords()  # queries DuckDB here, once, and not on the loop with the first engine
        name = quoted(self.name)
        root = self._instance.root
        if (file := self._file) is None:
            root.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {name}")
            return
        try:
            if file.deleted:
                raise lost_error(self.name, file.path, deleted=True)
            file.lock()
            root.execute(f"ATTACH IF NOT EXISTS {literal(file.path)} AS {name}")
            file.note_opened()
        except (duckdb.Error, OSError) as exc:
            file.unlock()
            locked, holder = holder_of(exc)
            if locked:
                raise locked_error(self.name, file.path, holder=holder, waited=0.0) from exc
            raise opening_error(self.name, file.path, exc) from exc
        except BaseException:
            file.unlock()
            raise
        rows = root.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY 1",
            [self.name],
        ).fetchall()
        self.tables = tuple(table for (table,) in rows)

    def _make_engine(self) -> AsyncEngine:
        engine = create_async_engine(
            URL_TEXT,
            creator=self._connect,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
        )
        watch_engine(engine)
        return engine

    def _connect(self) -> Connection:
        """Make a connection for the pool; called inside SQLAlchemy's greenlet."""
        worker = DatabaseWorker(self.name)
        use = f"USE {quoted(self.name)}.main"

        def connect() -> duckdb.DuckDBPyConnection:
            native = self._instance.root.cursor()
            native.execute(use)
            return native

        try:
            connection = Connection(await_only(worker.run(connect)), worker)
        except BaseException:
            worker.close()
            raise
        self._connections.add(connection)
        return connection

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self) -> None:
        self._stop_timer()
        loop = asyncio.get_running_loop()
        idle = 0 if self._file is not None and self._file.lost else self._idle
        self._timer = loop.call_later(idle, self._detach_idle, context=Context())

    def _detach_idle(self) -> None:
        self._timer = None
        if not self._users and self._detaching is None:
            loop = asyncio.get_running_loop()
            self._detaching = loop.create_task(self._detach(), context=Context())
            self._detaching.add_done_callback(self._detached)

    def _detached(self, task: asyncio.Task[None]) -> None:
        self._detaching = None
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("database %r could not be given back: %s", self.name, error)
        if self.attached and not self._users and self._timer is None and not self._closed:
            self._start_timer()

    async def _detach(self) -> None:
        async with self._turn:
            if self._users or self._engine is None:
                return
            engine, self._engine = self._engine, None
            try:
                await finish(engine.dispose())
            finally:
                await finish(self._instance.run(self._detach_now))

    def _detach_now(self) -> None:
        """Detach the file; on the instance's thread.

        A checkpoint would delete the log beside the file, which belongs to the file that is there.
        """
        root, lost = self._instance.root, self._file is not None and self._file.lost
        try:
            if lost:
                root.execute("SET checkpoint_on_detach = 'disabled'")
            root.execute(f"DETACH DATABASE IF EXISTS {quoted(self.name)}")
        finally:
            if lost:
                root.execute("RESET checkpoint_on_detach")
            if self._file is not None:
                self._file.unlock()

    def forget(self) -> None:
        """Clear the cache of compiled statements, which keeps models of old generations alive."""
        if self._engine is not None:
            self._engine.clear_compiled_cache()

    async def aclose(self) -> None:
        """Detach the file for good; sessions still open are cut off."""
        self._closed = True
        self._stop_timer()
        if self._opening is not None:
            self._opening.cancel()
        for task in (self._opening, self._detaching):
            if task is not None:
                await asyncio.wait([task])
        self._stop_timer()
        async with self._turn:
            engine, self._engine = self._engine, None
            if engine is not None:
                await finish(engine.dispose())
            for connection in list(self._connections):
                await finish(connection.cut_off())
            await finish(self._instance.run(self._detach_now))
