"""What DuckDB's errors mean: an error of SQLAlchemy comes in, a `FaultKind` goes out."""

from __future__ import annotations

import duckdb
from sqlalchemy.exc import DBAPIError

from ..backend import FaultKind

_FULL = ("Could not write", "Could not sync", "Could not truncate", "No space left")
_RACE = "PRIMARY KEY or UNIQUE"
_CONFLICTS = ("Conflict on ", "write-write conflict", "altered by a different transaction")
_CONFLICTS_AT_COMMIT = ("Could not commit", "Failed to commit")
_LOST = "has been invalidated"


def fault_of(error: DBAPIError) -> FaultKind:
    """Return what an error of DuckDB means."""
    return meaning_of(error.orig)


def meaning_of(error: BaseException | None) -> FaultKind:
    """Return what an error of the driver means."""
    text = str(error)
    if any(sign in text for sign in _FULL):
        return "full"
    if isinstance(error, duckdb.FatalException) or _LOST in text:
        return "lost"
    if isinstance(error, duckdb.ConstraintException):
        return "integrity"
    if isinstance(error, duckdb.TransactionException):
        if any(sign in text for sign in _CONFLICTS):
            return "conflict"
        if any(sign in text for sign in _CONFLICTS_AT_COMMIT):
            return "race" if _RACE in text else "conflict"
    return "other"
