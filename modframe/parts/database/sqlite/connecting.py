"""Opens one connection to a SQLite file, on the thread that it lives on; called by `SQLiteStore`.

Its settings make SQLite mean what the other engines mean:

- ``journal_mode=WAL``: readers and one writer work side by side. The mode stays with the file.
- ``synchronous=NORMAL``: a commit is safe when the process dies. When the machine loses power, the
  last commits may be undone, but the file stays whole; a commit takes a twentieth of the time.
- ``foreign_keys=ON``: SQLite checks references, which it doesn't by itself.
- ``case_sensitive_like=ON``: ``LIKE`` tells case, and ``ilike`` doesn't, for any letter.
"""

from __future__ import annotations

import math
import re
import sqlite3
from typing import Any

from .decimals import know_decimals

SETTINGS = ("foreign_keys=ON", "case_sensitive_like=ON")
"""Of each connection; ``synchronous`` comes from the store."""
NATIVE_WAIT = 0.01
"""Seconds that SQLite itself waits for another writer: `Driver` does the waiting."""


def connect(path: str, synchronous: str) -> sqlite3.Connection:
    """Open a file, making it if it doesn't exist, and set the connection up.

    Raises:
        sqlite3.Error: If SQLite can't open it.
    """
    native = sqlite3.connect(
        path, timeout=NATIVE_WAIT, isolation_level=None, check_same_thread=False
    )
    try:
        for setting in (*SETTINGS, f"synchronous={synchronous}", "journal_mode=WAL"):
            native.execute(f"PRAGMA {setting}").close()
        know_decimals(native)
        native.create_function("lower", 1, _lower, deterministic=True)
        native.create_function("upper", 1, _upper, deterministic=True)
        native.create_function("regexp", 2, _regexp, deterministic=True)
        native.create_function("floor", 1, _floor, deterministic=True)
    except BaseException:
        native.close()
        raise
    return native


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _regexp(pattern: str, value: str | None) -> bool | None:
    return None if value is None else re.search(pattern, value) is not None


def _floor(value: float | None) -> float | None:
    return None if value is None else math.floor(value)
