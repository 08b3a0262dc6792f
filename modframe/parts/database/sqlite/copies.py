"""Copies of a SQLite file while it is used, by SQLite's backup API; for `SQLite`, on a thread."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ....files import make_file
from ..names import quoted


def save(place: str, path: Path) -> dict[str, int]:
    """Write what is committed into a new file; return table → how many rows it has."""
    copy_into(place, str(path))
    with closing(sqlite3.connect(path)) as copy:
        names = copy.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
            "ESCAPE '\\' ORDER BY 1"
        ).fetchall()
        return {
            name: copy.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0]
            for (name,) in names
        }


def copy_into(source: str, target: str) -> None:
    """Make a file the content of another one in one transaction, whichever processes use it."""
    make_file(Path(target))
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)  # all pages at once, so of one moment
