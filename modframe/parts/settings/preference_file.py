"""`PreferenceFile`: ``preferences.sqlite``, the preferences of a workspace, for several kernels.

Values come in as JSON-ready data and go out so; every failure of SQLite or of the disk becomes a
`PreferenceError`. `Preferences` calls it, always on the same thread. SQLAlchemy is imported once
there is something to read or to write.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ModframeError
from ...files import make_file, make_folder

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

Table = dict[str, dict[str, Any]]
"""Module id → key → value."""
_VERSION = 1
_BUSY_TIMEOUT = 5.0
"""Seconds that SQLite waits for another process."""
_NOT_YET = (0, 0)
"""Stands for what was seen before a file was opened."""
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS preferences ("
    "module_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, "
    "PRIMARY KEY (module_id, key)) WITHOUT ROWID"
)


class PreferenceError(ModframeError):
    """Raised when a preference can't be kept, read or made to count.

    Attributes:
        code: A stable word for programs.
        details: Facts for programs and people, as data.
    """

    code = "PREFERENCES_UNAVAILABLE"
    details: Any = None


class PreferenceFile:
    """The file, made when something is first written; in memory if ``path`` is ``None``."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._opened = 0
        self._seen: tuple[int, int] | None = None

    @property
    def is_there(self) -> bool:
        """Whether there may be something to read."""
        return self._connection is not None or self._find() is not None

    # -- read -----------------------------------------------------------------------------

    def read_if_changed(self) -> Table | None:
        """Return all preferences if another connection has written since the last call.

        The file may also have been replaced or removed; else ``None`` is returned.
        """
        with self._translating_errors("read"):
            connection = self._open(to_write=False)
            now = None
            if connection is not None:
                version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
                now = (self._opened, int(version))  # which counts in one connection only
            if now == self._seen:
                return None
            table = self.read()
            self._seen = now
            return table

    def read(self) -> Table:
        """Return all preferences; none if there is no file."""
        with self._translating_errors("read"):
            connection = self._open(to_write=False)
            if connection is None:
                return {}
            rows = connection.exec_driver_sql("SELECT module_id, key, value FROM preferences")
            table: Table = {}
            for module_id, key, value in rows.all():
                table.setdefault(module_id, {})[key] = json.loads(value)
            return table

    # -- write ----------------------------------------------------------------------------

    def replace(
        self, module_id: str, *, expected: Mapping[str, Any], wanted: Mapping[str, Any]
    ) -> bool:
        """Write the preferences of a module, all or none.

        Returns:
            Whether they were written. They aren't if they are no longer as ``expected``.
        """
        with self._translating_errors("written"):
            connection = self._open(to_write=True)
            if connection is None:
                return False
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # kernels wait for each other here
            try:
                written = self._replace(connection, module_id, expected, dict(wanted))
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")
            return written

    @staticmethod
    def _replace(
        connection: Connection, module_id: str, expected: Mapping[str, Any], wanted: dict[str, Any]
    ) -> bool:
        rows = connection.exec_driver_sql(
            "SELECT key, value FROM preferences WHERE module_id = ?", (module_id,)
        )
        if dict(rows.all()) != {key: json.dumps(one) for key, one in expected.items()}:
            return False
        connection.exec_driver_sql("DELETE FROM preferences WHERE module_id = ?", (module_id,))
        for key, value in wanted.items():
            connection.exec_driver_sql(
                "INSERT INTO preferences (module_id, key, value) VALUES (?, ?, ?)",
                (module_id, key, json.dumps(value)),
            )
        return True

    # -- open and close -------------------------------------------------------------------

    def _find(self) -> tuple[int, int] | None:
        """Return what tells the file from another one at its path; ``None`` without one."""
        if self.path is None:
            return None
        try:
            found = os.stat(self.path)  # noqa: PTH116  # several times a second
        except OSError:
            return None
        return (found.st_dev, found.st_ino)

    def _open(self, *, to_write: bool) -> Connection | None:
        """Return the connection to the file that is there now; ``None`` if there is none."""
        if self._connection is not None and self._find() != self._identity:
            self.close()
        if self._connection is None:
            if not to_write and self._find() is None:
                return None
            self._connect()
        return self._connection

    def _connect(self) -> None:
        from sqlalchemy import URL, create_engine
        from sqlalchemy.pool import StaticPool

        if self.path is not None:
            make_folder(self.path.parent)
            make_file(self.path)
        self._engine = create_engine(
            URL.create("sqlite", database=str(self.path) if self.path is not None else None),
            isolation_level="AUTOCOMMIT",  # transactions are begun above, for writing
            poolclass=StaticPool,
            connect_args={"timeout": _BUSY_TIMEOUT},
        )
        connection = None
        try:
            connection = self._engine.connect()
            found = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
            if found > _VERSION:
                raise PreferenceError(
                    f"the preferences in {self.path} were written by a newer modframe",
                    cure="use that one, or move the file away",
                )
            if found < _VERSION:
                _set_up(connection)
        except BaseException:
            if connection is not None:
                connection.close()
            self._engine.dispose()
            raise
        self._connection, self._identity = connection, self._find()
        self._opened += 1
        self._seen = _NOT_YET

    def close(self) -> None:
        """Close it; it opens again by itself."""
        engine, self._engine = self._engine, None
        connection, self._connection = self._connection, None
        self._identity = None
        with suppress(Exception):  # a damaged file: its error was reported already
            if connection is not None:
                connection.close()
        if engine is not None:
            engine.dispose()

    @contextmanager
    def _translating_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except ModframeError:
            raise
        except Exception as error:  # SQLAlchemy's, the driver's and the disk's own
            reason = getattr(error, "orig", None) or error
            where = f" in {self.path}" if self.path is not None else ""
            raise PreferenceError(
                f"the preferences{where} can't be {what} ({reason})",
                cure="if the file is damaged, move it away and a new one is begun",
            ) from error


def _set_up(connection: Connection) -> None:
    """Make the table; several kernels may do so at once."""
    deadline = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            break
        except Exception:  # SQLite does not wait for another one that does the same
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    connection.exec_driver_sql(_SCHEMA)
    connection.exec_driver_sql(f"PRAGMA user_version = {_VERSION}")
    connection.exec_driver_sql("COMMIT")
