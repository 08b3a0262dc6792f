"""``history.sqlite``: the history of the workspace's modules, open to several kernels at once.

Frozen `Row`s come in and go out; every way in which SQLite or the disk fail becomes a
`HistoryFileError`. Called by `History`: written in its thread, read from any.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from ..errors import ModframeError, WorkspaceError
from ..source.source import Origin, Source, SourceFile

_VERSION = 1
_BUSY = 5.0
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS entries (
        id INTEGER PRIMARY KEY,
        module_id TEXT NOT NULL, run TEXT NOT NULL, generation INTEGER NOT NULL,
        time TEXT NOT NULL, origin TEXT NOT NULL, place TEXT NOT NULL, digest TEXT NOT NULL,
        outcome TEXT NOT NULL, leaked TEXT NOT NULL, files TEXT NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS entries_of_module ON entries (module_id, id)",
)
_COLUMNS = "id, module_id, run, generation, time, origin, place, digest, outcome, leaked"


class HistoryFileError(ModframeError):
    """Raised when the history's file can't be read or written; it says why.

    Attributes:
        busy: Whether another process was at it for too long.
    """

    busy = False


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as the file keeps it; ``files`` is empty in a row that was read."""

    module_id: str
    run: str
    generation: int
    time: str
    origin: Origin
    place: str
    digest: str
    outcome: str
    leaked: tuple[str, ...] = ()
    files: Mapping[str, SourceFile] = field(default_factory=lambda: MappingProxyType({}))
    id: int = 0


class HistoryFile:
    """The file, made when something is first written.

    Args:
        path: Where it is.
        kept: How many entries of a module stay in it.
    """

    def __init__(self, path: Path, kept: int) -> None:
        self.path = path
        self._kept = kept
        self._lock = threading.Lock()
        self._writing: sqlite3.Connection | None = None

    # -- write ----------------------------------------------------------------------------

    def add(self, row: Row) -> None:
        """Write an entry, unless its text is what the module's newest entry has: a restart.

        Raises:
            HistoryFileError: If that fails.
        """
        with self._writable() as connection:
            newest = connection.execute(
                "SELECT digest FROM entries WHERE module_id = ? ORDER BY id DESC LIMIT 1",
                (row.module_id,),
            ).fetchone()
            if newest is not None and newest[0] == row.digest:
                return
            connection.execute(
                f"INSERT INTO entries ({_COLUMNS}, files) VALUES (NULL{', ?' * 10})",
                (
                    row.module_id, row.run, row.generation, row.time, row.origin, row.place,
                    row.digest, row.outcome, json.dumps(row.leaked), _files_to_text(row.files),
                ),
            )  # fmt: skip
            connection.execute(
                "DELETE FROM entries WHERE module_id = :id AND id NOT IN "
                "(SELECT id FROM entries WHERE module_id = :id ORDER BY id DESC LIMIT :kept)",
                {"id": row.module_id, "kept": self._kept},
            )

    def update(
        self,
        module_id: str,
        run: str,
        generation: int,
        *,
        outcome: str | None = None,
        leaked: tuple[str, ...] | None = None,
    ) -> None:
        """Change what an entry says came of it, or what leaked; it may not be kept any more.

        Raises:
            HistoryFileError: If that fails.
        """
        with self._writable() as connection:
            connection.execute(
                "UPDATE entries SET outcome = coalesce(?, outcome), leaked = coalesce(?, leaked) "
                "WHERE module_id = ? AND run = ? AND generation = ?",
                (
                    outcome,
                    json.dumps(leaked) if leaked is not None else None,
                    module_id,
                    run,
                    generation,
                ),
            )

    @contextmanager
    def _writable(self) -> Iterator[sqlite3.Connection]:
        """One transaction, begun for writing, so that kernels wait for each other."""
        with self._lock, self._speaking("written"):
            if self._writing is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._writing = self._begun()
            with _transaction(self._writing):
                yield self._writing

    def _begun(self) -> sqlite3.Connection:
        connection = self._open(self.path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            with _transaction(connection):
                for statement in _SCHEMA:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {_VERSION}")
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close it; it opens again by itself."""
        with self._lock:
            connection, self._writing = self._writing, None
            if connection is not None:
                try:
                    connection.close()
                except sqlite3.Error:
                    return  # closing a damaged file: it was said already

    # -- read -----------------------------------------------------------------------------

    def rows(self, module_id: str) -> list[Row]:
        """The entries of a module, oldest first; none if there is no file.

        Raises:
            HistoryFileError: If it can't be read.
        """
        with self._speaking("read"):
            if not self.path.is_file():
                return []
            with closing(self._open(self.path)) as connection:
                if _version(connection) == 0:
                    return []  # another thread or kernel is about to begin it
                found = connection.execute(
                    f"SELECT {_COLUMNS} FROM entries WHERE module_id = ? ORDER BY id",  # a constant
                    (module_id,),
                ).fetchall()
            return [_row(values) for values in found]

    def source(self, row: Row) -> Source:
        """The text of an entry.

        Raises:
            WorkspaceError: If it was pushed out by newer ones, or can't be read.
        """
        found = None
        if self.path.is_file():
            try:
                with closing(self._open(self.path)) as connection:
                    found = connection.execute(
                        "SELECT files FROM entries WHERE id = ? AND digest = ?",
                        (row.id, row.digest),
                    ).fetchone()
            except (sqlite3.Error, OSError, HistoryFileError) as error:
                raise WorkspaceError(
                    f"{row.module_id}: the text of {row.time} can't be read: {error}",
                    cure="look at the file, or choose an entry of this run",
                ) from error
        if found is None:
            raise WorkspaceError(
                f"{row.module_id}: the text of {row.time} is not kept any more",
                cure=f"look at .history again: the last {self._kept} are",
            )
        return _source(row, json.loads(found[0]))

    def _open(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            if _version(connection) > _VERSION:
                raise HistoryFileError(
                    f"the history in {path} was written by a newer modframe",
                    cure="use that one, or move the file away",
                )
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _speaking(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError) as error:
            raise HistoryFileError(
                f"the history in {self.path} can't be {what} ({error})",
                cure="if the file is damaged, move it away and a new one is begun",
                busy=getattr(error, "sqlite_errorcode", 0) & 0xFF
                in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
            ) from error


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _row(values: tuple[Any, ...]) -> Row:
    known = dict(zip(_COLUMNS.split(", "), values, strict=True))
    if known["origin"] not in get_args(Origin):
        known["origin"] = "mapping"
    return Row(**{**known, "leaked": tuple(json.loads(known["leaked"]))})


def _files_to_text(files: Mapping[str, SourceFile]) -> str:
    return json.dumps(
        {file: {"text": one.text, "filename": one.filename} for file, one in files.items()}
    )


def _source(row: Row, files: Mapping[str, Mapping[str, str]]) -> Source:
    """A source whose files have names that lead somewhere: a folder's are its paths.

    A cell of an earlier run is no place any more, so its text goes by a name of its own.
    """
    texts = {file: one["text"] for file, one in files.items()}
    named = Source.from_texts(row.module_id, texts)
    if row.origin == "folder":
        kept = {file: SourceFile(one["text"], one["filename"]) for file, one in files.items()}
        return Source(row.module_id, kept, "folder", row.place)
    return Source(row.module_id, named.files, row.origin, row.place)
