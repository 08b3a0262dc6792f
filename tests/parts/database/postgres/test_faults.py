"""What the server's errors mean, each provoked on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import DatabaseError
from modframe.parts.database.postgres.faults import fault_of
from tests.parts.database.support import BOUND

TABLES = """
CREATE TABLE parents (id INTEGER PRIMARY KEY, name VARCHAR(5) UNIQUE, amount INTEGER NOT NULL CHECK (amount >= 0));
CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents);
INSERT INTO parents VALUES (1, 'one', 1), (2, 'two', 2);
INSERT INTO children VALUES (1, 1)
"""


@pytest.fixture
async def shop(folder: Path, postgres_url: str) -> AsyncIterator[Databases]:
    """A database with two tables; sessions wait briefly for locks."""
    async with Databases(folder, url=postgres_url, lock_wait=0.2) as databases:
        async with databases.session("shop", "make", strict=True) as session:
            for statement in TABLES.split(";"):
                await session.execute(text(statement))
            await session.commit()
        yield databases


async def fails(databases: Databases, *statements: str) -> DBAPIError:
    """SQLAlchemy's error of a session that runs statements and commits."""

    async def run() -> None:
        async with databases.session("shop", "fail") as session:
            for statement in statements:
                await session.execute(text(statement))
            await session.commit()

    with pytest.raises((DBAPIError, DatabaseError)) as info:
        await run()
    return of_driver(info.value)


def of_driver(error: BaseException) -> DBAPIError:
    """SQLAlchemy's error, which the error of a session may stand for."""
    found = error if isinstance(error, DBAPIError) else error.__cause__
    assert isinstance(found, DBAPIError)
    return found


INTEGRITY = {
    "unique": "INSERT INTO parents VALUES (3, 'one', 1)",
    "primary key": "INSERT INTO parents VALUES (1, 'new', 1)",
    "not null": "UPDATE parents SET amount = NULL",
    "check": "UPDATE parents SET amount = -1",
    "no parent": "INSERT INTO children VALUES (2, 9)",
    "has children": "DELETE FROM parents WHERE id = 1",
}


@pytest.mark.parametrize("what", INTEGRITY)
async def test_a_broken_constraint_is_integrity(what: str, shop: Databases) -> None:
    """Each kind of constraint; the engine enforces references itself."""
    assert fault_of(await fails(shop, INTEGRITY[what])) == "integrity"


async def test_a_row_that_another_changed_meanwhile_is_a_conflict(shop: Databases) -> None:
    """A transaction sees one state: what it read must not have been changed when it writes."""

    async def increase() -> None:
        async with shop.session("shop", "second") as second:
            amount = await second.scalar(text("SELECT amount FROM parents WHERE id = 1"))
            async with shop.session("shop", "first", strict=True) as first:
                await first.execute(text("UPDATE parents SET amount = 9 WHERE id = 1"))
                await first.commit()
            assert amount == await second.scalar(text("SELECT amount FROM parents WHERE id = 1"))
            await second.execute(text(f"UPDATE parents SET amount = {amount + 1} WHERE id = 1"))

    with pytest.raises(DatabaseError, match=r"'second'.*'shop'") as info:
        await increase()
    assert fault_of(of_driver(info.value)) == "conflict"


async def test_a_deadlock_is_a_conflict(folder: Path, postgres_url: str) -> None:
    """Each of two holds what the other wants: one fails, and the other goes on."""
    ready = [asyncio.Event(), asyncio.Event()]

    async def change(databases: Databases, own: int) -> None:
        other = 1 - own
        async with databases.session("shop", "lock") as session:
            await session.execute(text(f"SELECT pg_advisory_xact_lock({own})"))
            ready[own].set()
            await ready[other].wait()
            await session.execute(text(f"SELECT pg_advisory_xact_lock({other})"))
            await session.commit()

    async with Databases(folder, url=postgres_url, lock_wait=60) as databases:
        both = asyncio.gather(change(databases, 0), change(databases, 1), return_exceptions=True)
        outcomes = await asyncio.wait_for(both, BOUND)
    (error,) = [outcome for outcome in outcomes if outcome is not None]
    assert fault_of(of_driver(error)) == "conflict"


async def test_a_lock_that_another_holds_too_long_is_locked(
    shop: Databases, postgres_url: str
) -> None:
    """The wait is bounded by the setting for files, for rows and for whole tables."""
    with psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE shop.parents IN ACCESS EXCLUSIVE MODE")
        assert fault_of(await fails(shop, "SELECT 1 FROM parents")) == "locked"
        other.rollback()
        other.execute("UPDATE shop.parents SET amount = 3")
        assert fault_of(await fails(shop, "UPDATE parents SET amount = 4")) == "locked"


async def test_what_nobody_can_help_is_other(shop: Databases) -> None:
    """A wrong statement or value; the server enforces the lengths of texts."""
    assert fault_of(await fails(shop, "SELECT nothing FROM nowhere")) == "other"
    assert fault_of(await fails(shop, "UPDATE parents SET name = 'too long'")) == "other"


@pytest.mark.parametrize(
    ("code", "fault"),
    [("53100", "full"), ("57P01", "lost"), ("57P03", "lost"), ("08006", "lost"), ("40P01", "conflict"), ("23P01", "integrity"), ("", "lost")],
)  # fmt: skip
def test_codes_that_are_hard_to_provoke(code: str, fault: str) -> None:
    """A full disk, for example; an error of a connection without a code is a lost one."""
    error: Any = psycopg.OperationalError("said so")
    if code:
        error = type("Error", (psycopg.OperationalError,), {"sqlstate": code})("said so")
    assert fault_of(OperationalError("SELECT 1", None, error)) == fault
