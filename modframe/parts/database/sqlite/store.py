"""`SQLiteStore`: one module database in SQLite; `Database` opens and releases it.

Each connection of its engine is a `Driver`, on a thread of its own. Other processes may use the
file at the same time: SQLite has one writer at a time, and others wait for it. A database in memory
is a file in a temporary folder, since SQLite's own ones in memory make readers block writers.
"""

from __future__ import annotations

import asyncio
import sqlite3
import weakref
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from ....files import make_file, make_folder
from ..backend import BackendOptions, Place
from ..errors import DatabaseLockedError, DatabaseOpenError
from ..file import FileStore, locked_error, lost_error
from ..waiting import finish
from .adapter import Connection
from .connecting import connect
from .dialect import DBAPI, URL_TEXT
from .driver import Driver
from .faults import is_busy

POOL_SIZE, POOL_OVERFLOW = 5, 15


class SQLiteStore(FileStore):
    """One database, in a file or, for as long as the app runs, in a temporary folder."""

    def __init__(self, name: str, place: Place, options: BackendOptions) -> None:
        super().__init__(name, place.path, exclusive=False)
        self._options = options
        self._memory: TemporaryDirectory[str] | None = None
        self._engine: AsyncEngine | None = None
        self._drivers: weakref.WeakSet[Driver] = weakref.WeakSet()

    async def open(self) -> AsyncEngine:
        started = asyncio.get_running_loop().time()
        path = await asyncio.to_thread(self._prepare)
        engine = create_async_engine(
            URL_TEXT,
            creator=lambda: self._connect(path),
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
        )
        try:
            async with engine.connect() as connection:  # the one that makes the file
                await connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
        except BaseException as exc:
            await finish(engine.dispose())
            error = getattr(exc, "orig", exc)
            if isinstance(error, sqlite3.Error):
                waited = asyncio.get_running_loop().time() - started
                raise self._opening_error(path, error, waited) from exc
            raise
        if self._file is not None:
            self._file.note_opened()
        self._engine = engine
        return engine

    def _prepare(self) -> str:
        """Make the folder of the file; return the file's path."""
        if self._file is None:
            if self._memory is None:
                self._memory = TemporaryDirectory(prefix="modframe-", ignore_cleanup_errors=True)
            return str(Path(self._memory.name) / f"{self.name}.sqlite")
        if self._file.deleted:
            raise lost_error(self.name, self._file.path, deleted=True)
        try:
            make_folder(Path(self._file.path).parent)
            make_file(Path(self._file.path))
        except OSError as exc:
            raise self._opening_error(self._file.path, exc, 0.0) from exc
        return self._file.path

    def _opening_error(
        self, path: str, error: Exception, waited: float
    ) -> DatabaseLockedError | DatabaseOpenError:
        if isinstance(error, sqlite3.Error) and is_busy(error):
            return locked_error(self.name, path, holder=None, waited=waited)
        cure = (
            "move that file aside, or choose another name for the database"
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_NOTADB
            else "see that the folder is there, is writable and has room"
        )
        return DatabaseOpenError(
            f"database {self.name!r} ({path}) can't be opened: {error}",
            cure=cure,
            database=self.name,
            path=path,
        )

    def _connect(self, path: str) -> Connection:
        """Make a connection for the pool; called inside SQLAlchemy's greenlet."""
        synchronous = "OFF" if self._file is None else self._options.synchronous
        driver = Driver(
            lambda: connect(path, synchronous), label=self.name, patience=self._options.lock_wait
        )
        await_only(driver.open())
        self._drivers.add(driver)
        return Connection(DBAPI, driver)

    async def tables(self) -> tuple[str, ...]:
        if self._engine is None:
            return ()
        async with self._engine.connect() as connection:
            rows = await connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'table' "
                "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
            )
            return tuple(str(name) for (name,) in rows)

    # -- giving it back -------------------------------------------------------------------

    async def release(self, engine: AsyncEngine) -> None:
        self._engine = None
        await finish(engine.dispose())
        await self._close_all()

    async def cut_off(self, engine: AsyncEngine | None) -> None:
        self._engine = None
        if engine is not None:
            await finish(engine.dispose())
        await self._close_all()
        if self._memory is not None:
            memory, self._memory = self._memory, None
            await asyncio.to_thread(memory.cleanup)

    async def _close_all(self) -> None:
        for driver in list(self._drivers):
            await driver.close()
        self._drivers.clear()
