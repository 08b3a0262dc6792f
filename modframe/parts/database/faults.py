"""What an engine's error becomes; called by sessions and by changes of a schema.

Comes in: SQLAlchemy's error, which the engine's `Backend` classifies. Goes out: an error that says
what to do about it, or nothing, where SQLAlchemy's own error already says it.
"""

from __future__ import annotations

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from .backend import Backend
from .errors import (
    MAKE_ROOM,
    DatabaseConflictError,
    DatabaseError,
    DatabaseFullError,
    DatabaseLockedError,
    DatabaseLostError,
)
from .tracking import note_conflict

_BROKEN_CONSTRAINT = frozenset({"integrity", "race"})
_ANOTHER_WAS_FIRST = frozenset({"conflict", "race"})


def error_of(
    backend: Backend, error: DBAPIError, *, database: str, what: str, purpose: str = ""
) -> DatabaseError | None:
    """Return the error for a conflict, a full disk, a lock or a lost connection, else ``None``.

    Args:
        what: What the engine was asked for, as the subject of a sentence.
        purpose: What the session was for; empty for a change of tables.
    """
    reason = str(error.orig).partition("\n")[0]
    facts = {"database": database, "purpose": purpose}
    match backend.fault(error):
        case "conflict":
            return DatabaseConflictError(
                f"{what} met another one that changed the same rows first ({reason}), and was "
                "rolled back",
                cure="run it again from its beginning, reading anew what it builds on; "
                "transaction(database, purpose, retry=8) does that",
                **facts,
            )
        case "full":
            return full_error(database, reason, what=what, purpose=purpose)
        case "locked":
            return DatabaseLockedError(
                f"{what} waited too long for a lock that another session holds ({reason}), and "
                "was rolled back",
                cure="end what holds it: a transaction that is open for long, here or in another "
                "program, or a change of tables; then run it again",
                path="", holder=None, waited=0.0, **facts,
            )  # fmt: skip
        case "lost":
            return DatabaseLostError(
                f"{what} lost its connection to {backend.title} ({reason})",
                cure="see that the database is running and can be reached, then run it again; "
                "look first whether it was committed, if it was lost while it committed",
                **facts,
            )
        case _:
            return None


def full_error(database: str, reason: str, *, what: str, purpose: str = "") -> DatabaseFullError:
    """Return the error for a disk that has no room left."""
    return DatabaseFullError(
        f"{what} needs more room than the disk has ({reason}), and was rolled back",
        cure=MAKE_ROOM,
        database=database,
        purpose=purpose,
    )


def watch_faults(engine: AsyncEngine, backend: Backend) -> None:
    """Note conflicts in their sessions, and let each broken constraint be an `IntegrityError`.

    The driver may have another class for one, as DuckDB's has for those that it notices at commit.
    """

    def on_error(context: ExceptionContext) -> IntegrityError | None:
        error = context.sqlalchemy_exception
        if not isinstance(error, DBAPIError) or error.orig is None:
            return None
        fault, replaced = backend.fault(error), None
        if fault in _BROKEN_CONSTRAINT and not isinstance(error, IntegrityError):
            replaced = IntegrityError(
                error.statement,
                error.params,
                error.orig,
                hide_parameters=error.hide_parameters,
                connection_invalidated=error.connection_invalidated,
            )
        if fault in _ANOTHER_WAS_FIRST and context.connection is not None:
            note_conflict(context.connection, replaced or error)
        return replaced

    event.listen(engine.sync_engine, "handle_error", on_error)
