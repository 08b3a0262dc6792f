"""What an engine's errors become: each kind is an error of its own, with its own advice."""

from __future__ import annotations

from typing import get_args

import duckdb
import pytest
from sqlalchemy.exc import OperationalError

import modframe.errors
from modframe.errors import (
    DatabaseConflictError,
    DatabaseError,
    DatabaseFullError,
    DatabaseLockedError,
    DatabaseLostError,
    DatabaseOpenError,
)
from modframe.parts.database import errors as of_the_room
from modframe.parts.database.backend import FaultKind
from modframe.parts.database.databases import Databases
from modframe.parts.database.duckdb.faults import meaning_of
from modframe.parts.database.faults import error_of

KINDS: dict[str, type[DatabaseError] | None] = {
    "conflict": DatabaseConflictError,
    "full": DatabaseFullError,
    "locked": DatabaseLockedError,
    "lost": DatabaseLostError,
    "race": None,
    "integrity": None,
    "other": None,
}
ADVICE = {"conflict": "retry=8", "full": "room", "locked": "end what holds it", "lost": "reached"}


@pytest.mark.parametrize("kind", get_args(FaultKind))
def test_each_kind_of_fault_is_an_error_of_its_own(
    kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what, why and what to do; for the others SQLAlchemy's own error stays."""
    backend = Databases(None).backend("duckdb")
    monkeypatch.setattr(backend, "fault", lambda _: kind)
    fault = OperationalError("SELECT 1", {}, Exception("because\nof that"))
    error = error_of(backend, fault, database="shop", purpose="buy", what="session 'buy'")
    if (expected := KINDS[kind]) is None:
        assert error is None
        return
    assert type(error) is expected
    assert str(error).startswith("session 'buy'")
    assert "(because)" in str(error)
    assert ADVICE[kind] in error.cure.lower()
    assert (error.database, error.purpose) == ("shop", "buy")  # type: ignore[attr-defined]  # each has
    assert error.retryable == (kind == "conflict")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (duckdb.TransactionException("Conflict on update!"), "conflict"),
        (duckdb.TransactionException("Conflict on tuple deletion!"), "conflict"),
        (duckdb.TransactionException("... altered by a different transaction"), "conflict"),
        (duckdb.TransactionException('Failed to commit: PRIMARY KEY or UNIQUE "1"'), "race"),
        (duckdb.TransactionException("Failed to commit: other"), "conflict"),
        (duckdb.TransactionException("Failed to commit: Could not write file"), "full"),
        (duckdb.IOException("No space left on device"), "full"),
        (duckdb.ConstraintException("Duplicate key"), "integrity"),
        (duckdb.FatalException("shut down"), "lost"),
        (duckdb.TransactionException("Current transaction is aborted"), "other"),
        (duckdb.CatalogException("no table of that name"), "other"),
    ],
)
def test_what_duckdb_says(error: Exception, kind: str) -> None:
    """Its exceptions are few, so their text decides."""
    assert meaning_of(error) == kind


def test_every_error_of_the_room_can_be_imported_from_the_tree() -> None:
    """``from modframe.errors import ...``, and nothing else that isn't an error."""
    names = [
        name
        for name, kind in vars(of_the_room).items()
        if isinstance(kind, type) and issubclass(kind, DatabaseError)
    ]
    assert len(names) > 10
    for name in names:
        assert getattr(modframe.errors, name) is getattr(of_the_room, name)
    with pytest.raises(ImportError, match="ClassVars"):
        from modframe.errors import ClassVars  # noqa: F401
    assert issubclass(DatabaseLockedError, DatabaseOpenError)
