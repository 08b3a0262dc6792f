"""What PostgreSQL's errors mean: an error of SQLAlchemy comes in, a `FaultKind` goes out."""

from __future__ import annotations

from psycopg import OperationalError
from sqlalchemy.exc import DBAPIError

from ..backend import FaultKind

_CODES: dict[str, FaultKind] = {
    "40001": "conflict",  # could not serialize access
    "40P01": "conflict",  # deadlock
    "55P03": "locked",  # lock_timeout
    "53100": "full",
    "57P01": "lost",  # the server, or this session, was shut down
    "57P02": "lost",
    "57P03": "lost",  # it is starting up
    "57P05": "lost",  # idle for too long
}
_CLASSES: dict[str, FaultKind] = {"23": "integrity", "08": "lost"}


def fault_of(error: DBAPIError) -> FaultKind:
    """Return what an error of the driver means, by its SQLSTATE."""
    code = getattr(error.orig, "sqlstate", None) or ""
    fault = _CODES.get(code) or _CLASSES.get(code[:2])
    if fault is None:
        unsaid = isinstance(error.orig, OperationalError) and not code  # by the server, at least
        fault = "lost" if error.connection_invalidated or unsaid else "other"
    return fault
