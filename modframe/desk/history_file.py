"""``history.sqlite``: the history of the workspace's modules, open to several kernels at once.

`HistoryEntry` objects come in and go out; every failure of SQLite or of the disk becomes a
`HistoryFileError`. Called by `History`, which writes in its thread and reads in any.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, get_args

from ..errors import ModframeError, WorkspaceError
from ..files import make_file, make_folder
from ..source.source import Origin, Source, SourceFile
from .history_entry import HistoryEntries, HistoryEntry

_VERSION = 1
_BUSY_TIMEOUT = 5.0
"""Seconds that SQLite waits for another process."""
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS entries (
        id INTEGER PRIMARY KEY,
        module_id TEXT NOT NULL, run TEXT NOT NULL, generation INTEGER NOT NULL,
        time TEXT NOT NULL, origin TEXT NOT NULL, place TEXT NOT NULL, digest TEXT NOT NULL,
        outcome TEXT NOT NULL, leaked TEXT NOT NULL, files TEXT NOT NULL,
        checksum TEXT, errors INTEGER
    )""",
    "CREATE INDEX IF NOT EXISTS entries_of_module ON entries (module_id, id)",
)
_ADDED = {"checksum": "TEXT", "errors": "INTEGER"}
"""Columns that files of earlier versions lack; those versions go on using the file."""
_CHECKED = ("module_id", "run", "generation", "time", "origin", "place", "digest", "files")
"""Columns that never change, so that a checksum of them shows damage."""
_COLUMNS = ("id", *_CHECKED, "outcome", "leaked", "checksum", "errors")


class HistoryFileError(ModframeError):
    """Raised when the history's file can't be read or written; it says why.

    ``busy`` is true if another process used the file for too long.
    """

    busy = False


class HistoryFile:
    """The file, made when something is first written; ``kept`` entries of a module stay in it."""

    def __init__(self, path: Path, kept: int) -> None:
        self.path = path
        self._kept = kept
        self._lock = threading.Lock()
        self._writing: sqlite3.Connection | None = None

    # -- write ----------------------------------------------------------------------------

    def add(self, entry: HistoryEntry) -> int:
        """Write an entry, unless the module's newest entry has the same text: after a restart.

        Return its place in the order of all entries, or that of the newest with the same text.
        """
        source = entry.source
        row = {
            "module_id": entry.module_id, "run": entry.run, "generation": entry.generation,
            "time": entry.time.isoformat(timespec="microseconds"), "origin": entry.origin,
            "place": source.place, "digest": entry.digest, "outcome": entry.outcome,
            "leaked": json.dumps(entry.leaked), "files": _files_to_text(source.all_files),
            "errors": entry.errors,
        }  # fmt: skip
        row["checksum"] = _checksum(row)
        with self._write_transaction() as connection:
            newest = connection.execute(
                "SELECT digest, id FROM entries WHERE module_id = ? ORDER BY id DESC LIMIT 1",
                (entry.module_id,),
            ).fetchone()
            if newest is not None and newest[0] == entry.digest:
                return int(newest[1])
            added = connection.execute(
                f"INSERT INTO entries ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                tuple(row.values()),
            ).lastrowid
            connection.execute(
                "DELETE FROM entries WHERE module_id = :id AND id NOT IN "
                "(SELECT id FROM entries WHERE module_id = :id ORDER BY id DESC LIMIT :kept)",
                {"id": entry.module_id, "kept": self._kept},
            )
        return added or 0

    def update(
        self,
        module_id: str,
        run: str,
        generation: int,
        *,
        outcome: str | None = None,
        leaked: tuple[str, ...] | None = None,
        errors: int | None = None,
    ) -> None:
        """Change what became of a generation; does nothing if its entry is not kept any more."""
        with self._write_transaction() as connection:
            connection.execute(
                "UPDATE entries SET outcome = coalesce(?, outcome), leaked = coalesce(?, leaked), "
                "errors = coalesce(?, errors) "
                "WHERE module_id = ? AND run = ? AND generation = ?",
                (
                    outcome,
                    json.dumps(leaked) if leaked is not None else None,
                    errors,
                    module_id,
                    run,
                    generation,
                ),
            )

    @contextmanager
    def _write_transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is begun for writing, so that kernels wait for each other."""
        with self._lock, self._translating_errors("written"):
            if self._writing is None:
                make_folder(self.path.parent)
                make_file(self.path)
                self._writing = self._open_for_writing()
            with self._writing as connection:  # commits at the end, or rolls back
                connection.execute("BEGIN IMMEDIATE")
                yield connection

    def _open_for_writing(self) -> sqlite3.Connection:
        connection = self._open(self.path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA:
                    connection.execute(statement)
                for name in _ADDED.keys() - _columns_of(connection):
                    connection.execute(f"ALTER TABLE entries ADD COLUMN {name} {_ADDED[name]}")
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
                with suppress(sqlite3.Error):  # a damaged file: its error was reported already
                    connection.close()

    # -- read -----------------------------------------------------------------------------

    def entries(self, module_id: str) -> HistoryEntries:
        """Return the entries of a module, oldest first; none if there is no file.

        Each is checked; damaged ones are left out and named.
        """
        with self._translating_errors("read"):
            if not self.path.is_file():
                return HistoryEntries()
            with closing(self._open(self.path)) as connection:
                if _version(connection) == 0:
                    return HistoryEntries()  # another thread or kernel is about to begin it
                present = _columns_of(connection)
                columns = [name if name in present else f"NULL AS {name}" for name in _COLUMNS]
                rows = connection.execute(
                    f"SELECT {', '.join(columns)} FROM entries "  # constants
                    "WHERE module_id = ? ORDER BY id",
                    (module_id,),
                ).fetchall()
        entries, damaged = [], []
        for values in rows:
            row = dict(zip(_COLUMNS, values, strict=True))
            try:
                entries.append(self._entry(row))
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                damaged.append(
                    f"the entry of {row['time']} is damaged and left out (row {row['id']} in "
                    f"{self.path}: {error})"
                )
        return HistoryEntries(entries, damaged=damaged)

    def module_ids(self) -> list[str]:
        """Return the ids of all modules that have entries, sorted."""
        with self._translating_errors("read"):
            if not self.path.is_file():
                return []
            with closing(self._open(self.path)) as connection:
                if _version(connection) == 0:
                    return []
                rows = connection.execute("SELECT DISTINCT module_id FROM entries ORDER BY 1")
                return [module_id for (module_id,) in rows]

    def _entry(self, row: dict[str, Any]) -> HistoryEntry:
        """Make an entry of a row.

        Raises:
            ValueError, TypeError, LookupError, AttributeError: If the row is damaged.
        """
        _check(row)
        if row["origin"] not in get_args(Origin):
            row["origin"] = "mapping"
        same = ("module_id", "origin", "digest", "outcome", "generation", "run")
        return HistoryEntry(
            time=datetime.fromisoformat(row["time"]),
            leaked=tuple(map(str, json.loads(row["leaked"]))),
            errors=int(row["errors"] or 0),
            _position=[row["id"]],
            _read=partial(self._read_source, {**row, "files": ""}),
            **{name: row[name] for name in same},
        )

    def _read_source(self, row: Mapping[str, Any]) -> Source:
        """Return the text of an entry."""
        files = None
        if self.path.is_file():
            try:
                with closing(self._open(self.path)) as connection:
                    files = connection.execute(
                        "SELECT files FROM entries WHERE id = ? AND digest = ?",
                        (row["id"], row["digest"]),
                    ).fetchone()
            except (sqlite3.Error, OSError, HistoryFileError) as error:
                raise WorkspaceError(
                    f"the text of {row['time']} can't be read: {error}",
                    cure="look at the file, or choose an entry of this run",
                    subject=row["module_id"],
                ) from error
        if files is None:
            raise WorkspaceError(
                f"the text of {row['time']} is not kept any more",
                cure=f"look at .history again: the last {self._kept} are",
                subject=row["module_id"],
            )
        return _source(row, json.loads(files[0]))

    def _open(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        # Bytes that were damaged are to be found by a checksum, and not to end the reading.
        connection.text_factory = _to_text
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
    def _translating_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError) as error:
            raise HistoryFileError(
                f"the history in {self.path} can't be {what} ({error})",
                cure="if the file is damaged, move it away and a new one is begun",
                busy=getattr(error, "sqlite_errorcode", 0) & 0xFF
                in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
            ) from error


def _columns_of(connection: sqlite3.Connection) -> set[str]:
    return {row[1] for row in connection.execute("PRAGMA table_info(entries)")}


def _checksum(row: Mapping[str, Any]) -> str:
    text = "\0".join(str(row[name]) for name in _CHECKED)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _check(row: Mapping[str, Any]) -> None:
    """Check a row against its checksum; one of an earlier version, against the digest of its text.

    Raises:
        ValueError, TypeError, LookupError, AttributeError: If it is damaged.
    """
    if row["checksum"] is not None:
        if row["checksum"] != _checksum(row):
            raise ValueError("its checksum does not fit")
        return
    source = _source(row, json.loads(row["files"]))
    if source.full_digest != row["digest"] and not source.text_files:  # they counted as code
        raise ValueError("its text does not fit its digest")


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _to_text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _files_to_text(files: Mapping[str, SourceFile]) -> str:
    return json.dumps(
        {
            file: {"text": content.text, "filename": content.filename}
            for file, content in files.items()
        }
    )


def _source(row: Mapping[str, Any], files: Mapping[str, Mapping[str, str]]) -> Source:
    """Make a source whose file names lead somewhere: those of a folder are its paths.

    A cell of an earlier run no longer exists, so its text gets a name made of its content.
    """
    module_id, origin, place = row["module_id"], row["origin"], row["place"]
    if origin == "folder":
        contents = {
            name: SourceFile(file["text"], file["filename"]) for name, file in files.items()
        }
        return Source.of(module_id, contents, "folder", place)
    texts = {name: file["text"] for name, file in files.items()}
    return replace(Source.from_texts(module_id, texts), origin=origin, place=place)
