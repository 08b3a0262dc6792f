"""`Catalog`: one module database in DuckDB: a file attached to the app's one instance.

DuckDB is only called on worker threads. Each connection of the engine is a cursor of the instance
with the catalog in use, on a thread of its own. `Database` opens and releases it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import weakref
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from ....files import file_mode, make_file, make_folder
from ..errors import DatabaseLockedError
from ..file import FileStore, locked_error, lost_error
from ..names import literal, quoted
from ..waiting import finish
from .adapter import Connection
from .carry_over import take_references_out
from .dialect import URL_TEXT, keywords
from .instance import Instance
from .opening import holder_of, opening_error
from .worker import DatabaseWorker

logger = logging.getLogger("modframe.database")

FIRST_PAUSE, LAST_PAUSE = 0.02, 0.25
"""Seconds between two attempts to open a locked file: growing, with some random variation."""
_DETACHED = "IO Error: Detached database"
"""How the error begins where a file was detached, and only its checkpoint failed."""
POOL_SIZE, POOL_OVERFLOW = 5, 15


class Catalog(FileStore):
    """One database, attached under its name. One in memory stays attached, or it would be lost."""

    def __init__(
        self, name: str, path: Path | None, instance: Instance, *, lock_wait: float
    ) -> None:
        super().__init__(name, path)
        self._instance = instance
        self._lock_wait = lock_wait
        self._log = Path(f"{self._file.path}.wal") if self._file is not None else None
        self._current = False  # whether it has been seen to have no foreign keys
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()

    async def open(self) -> AsyncEngine:
        if self._file is not None:
            with suppress(OSError):  # taking the lock says why
                make_folder(Path(self._file.path).parent)  # before DuckDB looks where to spill
        loop = asyncio.get_running_loop()
        started, pause = loop.time(), FIRST_PAUSE
        while True:
            try:
                await finish(self._instance.run(self._attach))
            except DatabaseLockedError as exc:
                waited = loop.time() - started
                if waited >= self._lock_wait:
                    raise locked_error(
                        self.name, exc.path, holder=exc.holder, waited=waited
                    ) from exc.__cause__
            else:
                return create_async_engine(
                    URL_TEXT,
                    creator=self._connect,
                    pool_size=POOL_SIZE,
                    max_overflow=POOL_OVERFLOW,
                )
            remaining = self._lock_wait - (loop.time() - started)
            await asyncio.sleep(max(0.0, min(pause * random.uniform(0.8, 1.2), remaining)))
            pause = min(pause * 2, LAST_PAUSE)

    def _attach(self) -> None:
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
            if not os.path.lexists(file.path):
                self._make(root, Path(file.path))
            root.execute(f"ATTACH IF NOT EXISTS {literal(file.path)} AS {name}")
            file.note_opened()
            self._take_references_out(root)
        except (duckdb.Error, OSError) as exc:
            file.unlock()
            locked, holder = holder_of(exc)
            if locked:
                raise locked_error(self.name, file.path, holder=holder, waited=0.0) from exc
            raise opening_error(self.name, file.path, exc) from exc
        except BaseException:
            file.unlock()
            raise

    def _make(self, root: duckdb.DuckDBPyConnection, path: Path) -> None:
        """Make the file where nobody else gets in, since DuckDB makes it with the umask's mode.

        The log of a file that was deleted goes, as where DuckDB makes the file in its place.
        """
        beside = quoted(f"{self.name}_modframe_new")
        with TemporaryDirectory(prefix=".new-", dir=path.parent) as folder:
            new = Path(folder) / path.name
            root.execute(f"ATTACH {literal(str(new))} AS {beside}")
            root.execute(f"DETACH {beside}")
            new.chmod(file_mode(path.parent))
            Path(f"{path}.wal").unlink(missing_ok=True)
            new.rename(path)  # nobody else makes one: this has the lock

    def _take_references_out(self, root: duckdb.DuckDBPyConnection) -> None:
        """Bring a file that an earlier version made up to date, once."""
        if not self._current:
            try:
                take_references_out(root, self.name)
            except BaseException:
                root.execute(f"DETACH DATABASE IF EXISTS {quoted(self.name)}")
                raise
            self._current = True

    async def tables(self) -> tuple[str, ...]:
        query = "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY 1"

        def read() -> tuple[str, ...]:
            rows = self._instance.root.execute(query, [self.name]).fetchall()
            return tuple(table for (table,) in rows)

        return await self._instance.run(read)

    def _connect(self) -> Connection:
        """Make a connection for the pool; called inside SQLAlchemy's greenlet."""
        worker = DatabaseWorker(self.name)
        use = f"USE {quoted(self.name)}.main"

        def connect() -> duckdb.DuckDBPyConnection:
            native = self._instance.root.cursor()
            native.execute(use)
            return native

        try:
            connection = Connection(await_only(worker.run(connect)), worker, self._make_log)
        except BaseException:
            worker.close()
            raise
        self._connections.add(connection)
        return connection

    def _make_log(self) -> None:
        """Make the log that the next commit writes to: DuckDB makes one with the umask's mode.

        DuckDB removes it whenever it has put everything into the file.
        """
        if self._log is not None and not os.path.lexists(self._log) and not self.lost:
            with suppress(OSError):  # DuckDB says why it can't write there
                make_file(self._log)

    # -- giving it back -------------------------------------------------------------------

    async def release(self, engine: AsyncEngine) -> None:
        try:
            await finish(engine.dispose())
        finally:
            await finish(self._instance.run(self._detach))

    async def cut_off(self, engine: AsyncEngine | None) -> None:
        if engine is not None:
            await finish(engine.dispose())
        for connection in list(self._connections):
            await finish(connection.cut_off())
        await finish(self._instance.run(self._detach))

    def _detach(self) -> None:
        """Detach the file; on the instance's thread.

        A checkpoint would delete the log beside the file, which belongs to the file that is there.
        """
        root, lost = self._instance.root, self.lost
        try:
            if lost:
                root.execute("SET checkpoint_on_detach = 'disabled'")
            root.execute(f"DETACH DATABASE IF EXISTS {quoted(self.name)}")
        except duckdb.IOException as exc:
            if not str(exc).startswith(_DETACHED):
                raise
            logger.warning(
                "database %r was closed with its log beside it, which keeps what was committed "
                "and is read at the next start: %s", self.name, exc,
            )  # fmt: skip
        finally:
            if lost:
                root.execute("RESET checkpoint_on_detach")
            if self._file is not None:
                self._file.unlock()

    def begin_anew(self) -> None:
        super().begin_anew()
        self._current = False
