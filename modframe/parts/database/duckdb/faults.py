"""What DuckDB's errors mean: an error of SQLAlchemy comes in, a `FaultKind` goes out."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from ..backend import FaultKind

_CONFLICTS = ("Conflict on ", "write-write conflict", "Could not commit", "Failed to commit")
_DISK_FAULTS = ("Could not write", "Could not sync", "Could not truncate", "No space left")


def fault_of(error: DBAPIError) -> FaultKind:
    """Return what an error of DuckDB means."""
    text = str(error.orig)
    if any(sign in text for sign in _DISK_FAULTS):
        return "full"
    if type(error.orig).__name__ == "TransactionException" and any(
        sign in text for sign in _CONFLICTS
    ):
        return "conflict"
    return "other"
