"""`ReferenceCheck`: checks the foreign keys that a session touches, where the engine doesn't.

Comes in: the statements of a session, flushes and commits. Goes out: SQLAlchemy's `IntegrityError`
that names both rows. A flush is checked at its end, by key: one query a table. Other statements
are checked before the commit, by key where their parameters tell it, else by an anti-join over the
table. ``ondelete`` is done when parents were deleted. Made by `IntegritySession`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, SessionTransaction

from ..database import Database
from ..errors import DatabaseConflictError
from ..reference import Key, Reference, Touched, given
from ..tracking import Tracked
from .one_database import DatabaseSession
from .written import Written, written

CHECK = "modframe_references"
"""Where a session's ``info`` holds its `ReferenceCheck`."""
MANY = 500
"""Keys of one table that are looked up; more are found by an anti-join."""


class MissingParentError(Exception):
    """Raised, in SQLAlchemy's ``IntegrityError``, for a row that refers to one that isn't there."""


class CheckedSession(DatabaseSession):
    """A session whose references are checked; it rolls back when a commit finds a fault."""

    def commit(self) -> None:
        try:
            super().commit()
        except (IntegrityError, DatabaseConflictError):
            self.rollback()
            raise


class ReferenceCheck:
    """What the current transaction of one session has done to references.

    ``purpose`` is the session's.
    """

    def __init__(self, database: Database, session: Session, purpose: str) -> None:
        self._database = database
        self._purpose = purpose
        self._index = database.references
        self._reset()
        session.info[CHECK] = self

    def _reset(self) -> None:
        self._referred: dict[Reference, set[Key]] = {}
        self._removed: dict[Reference, set[Key]] = {}
        self._unknown: dict[Reference, None] = {}
        self._all_referred, self._all_removed = Touched(), Touched()
        self._known: dict[str, set[Key]] = {}
        self._flushing = False
        self._committed = False
        self._token = object()  # of this transaction, for the crossings

    # -- the session's events -------------------------------------------------------------

    def begin(self, tracked: Tracked) -> None:
        """Watch what the session writes, if its database has references."""
        self._reset()
        self._index = self._database.references
        tracked.on_write = self.note if self._index else None
        if self._index:
            self._database.crossings.begin(self._token)

    def before_flush(self) -> None:
        self._flushing = True

    def after_flush(self, session: Session) -> None:
        self._flushing = False
        if self._removed or self._referred:
            self._settle(session.connection())

    def before_commit(self, session: Session) -> None:
        """Check all that was not checked yet, then whether another session crossed this one.

        Raises:
            IntegrityError: If a row refers to one that isn't there.
            DatabaseConflictError: If another session, side by side, removed or referred to it.
        """
        if session.new or session.dirty or session.deleted:
            session.flush()
        if self._removed or self._referred or self._unknown:
            self._settle(session.connection())
            for reference in self._unknown:
                self._refuse_orphans(session.connection(), reference, None)
            self._unknown.clear()
        if self._all_referred or self._all_removed:
            crossings = self._database.crossings
            crossed = crossings.admit(self._token, self._all_referred, self._all_removed)
            if crossed:
                raise self._conflict(crossed)

    def after_commit(self) -> None:
        self._committed = True

    def end(self) -> None:
        self._database.crossings.end(self._token, committed=self._committed)
        self._reset()

    # -- what is written ------------------------------------------------------------------

    def note(self, connection: Connection, statement: str, context: Any) -> None:
        """Note what a statement did to references; called after it was executed."""
        if context is None or getattr(context, "modframe_noted", False):
            return  # the batches of one INSERT have one context, with the parameters of all
        context.modframe_noted = True
        change = written(statement)
        if change is None:
            return
        if context.cursor.rowcount == 0:
            return
        index = self._index
        children = index.all if change.table is None else index.by_child.get(change.table, ())
        parents = index.all if change.table is None else index.by_parent.get(change.table, ())
        if change.verb not in ("DELETE", "TRUNCATE"):
            for reference in children:
                self._note_child(reference, change, context)
        if change.verb != "INSERT":
            for reference in parents:
                self._note_parent(reference, change, context)
            if not self._flushing:
                self._act(connection)

    def _note_child(self, reference: Reference, change: Written, context: Any) -> None:
        by_hand = change.verb == "INSERT" and not context.isinsert  # it may name no columns
        if not by_hand and not any(
            change.names(column.name) or column.server_default is not None
            for column in reference.columns
        ):
            return
        plain = change.verb in ("INSERT", "UPDATE")
        keys = _keys(context, tuple(column.key for column in reference.columns)) if plain else None
        if keys is None or len(keys) > MANY:
            self._unknown[reference] = None
            self._all_referred.add(reference.name, None)
            return
        keys = {key for key in keys if None not in key}
        if keys:
            self._all_referred.add(reference.name, keys)
            self._referred.setdefault(reference, set()).update(keys)

    def _note_parent(self, reference: Reference, change: Written, context: Any) -> None:
        if change.verb in ("UPDATE", "UPSERT") and not any(
            change.names(key.name) for key in reference.keys
        ):
            return
        self._known.pop(reference.name, None)
        names = tuple(key.key for key in reference.keys)
        keys = None
        if self._flushing and change.verb == "DELETE":  # by the primary key alone
            keys = _keys(context, names, only=True)
        if keys is None or len(keys) > MANY:
            self._unknown[reference] = None
            self._all_removed.add(reference.name, None)
        else:
            self._removed.setdefault(reference, set()).update(keys)
            self._all_removed.add(reference.name, keys)

    # -- what follows ---------------------------------------------------------------------

    def _act(self, connection: Connection) -> None:
        """Do what ``ondelete`` says to children whose parents are gone, and to their children."""
        for reference in [*self._unknown, *self._removed]:
            if reference.ondelete and (reference in self._unknown or reference in self._removed):
                keys = self._removed.pop(reference, None)
                self._unknown.pop(reference, None)
                if keys is None:
                    connection.execute(reference.action)
                else:
                    connection.execute(reference.action_of, given(keys))

    def _settle(self, connection: Connection) -> None:
        self._act(connection)
        for reference, keys in self._removed.items():
            self._refuse_orphans(connection, reference, keys)
        self._removed.clear()
        for reference, keys in self._referred.items():
            known = self._known.setdefault(reference.name, set())
            if missing := keys - known:
                rows = connection.execute(reference.found, given(missing))
                there = {tuple(row) for row in rows}
                known |= there
                if missing - there:
                    self._refuse_orphans(connection, reference, missing - there)
        self._referred.clear()

    def _refuse_orphans(
        self, connection: Connection, reference: Reference, keys: set[Key] | None
    ) -> None:
        if keys is None:
            row = connection.execute(reference.orphans.limit(1)).first()
        else:
            row = connection.execute(reference.orphans_of.limit(1), given(keys)).first()
        if row is not None:
            error = MissingParentError(reference.sentence(tuple(row)))
            raise IntegrityError(None, None, error)

    def _conflict(self, reference: str) -> DatabaseConflictError:
        self._database.contention.note()
        return DatabaseConflictError(
            f"session {self._purpose!r} on database {self._database.name!r} met another one that "
            f"changed the rows of a reference first ({reference}), and was rolled back",
            cure="run it again from its beginning, reading anew what it builds on; "
            "transaction(database, purpose, retry=8) does that",
            database=self._database.name,
            purpose=self._purpose,
        )


def _keys(context: Any, names: tuple[str, ...], *, only: bool = False) -> set[Key] | None:
    """Return the values that a statement's parameters give to columns; ``None`` if they don't.

    ``only`` refuses statements that have other parameters beside.
    """
    if not (context.isinsert or context.isupdate or context.isdelete):
        return None  # written by hand: its parameters can be anything
    keys: set[Key] = set()
    for parameters in context.compiled_parameters:
        if any(name not in parameters for name in names) or (only and len(parameters) > len(names)):
            return None
        keys.add(tuple(parameters[name] for name in names))
    return keys


def _check(session: Session) -> ReferenceCheck:
    check: ReferenceCheck = session.info[CHECK]
    return check


@event.listens_for(CheckedSession, "after_begin")
def _begin(session: CheckedSession, *_: Any) -> None:
    _check(session).begin(session.tracked)


@event.listens_for(CheckedSession, "before_flush")
def _before_flush(session: Session, _context: Any, _instances: Any) -> None:
    _check(session).before_flush()


@event.listens_for(CheckedSession, "after_flush")
def _after_flush(session: Session, _context: Any) -> None:
    _check(session).after_flush(session)


@event.listens_for(CheckedSession, "before_commit")
def _before_commit(session: Session) -> None:
    _check(session).before_commit(session)


@event.listens_for(CheckedSession, "after_commit")
def _after_commit(session: Session) -> None:
    _check(session).after_commit()


@event.listens_for(CheckedSession, "after_transaction_end")
def _end(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        _check(session).end()
