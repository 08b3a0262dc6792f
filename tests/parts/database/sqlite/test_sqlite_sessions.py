"""Sessions on SQLite: real transactions, settings of connections, and waits that end when they should."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import DatabaseConflictError

LONG = text(
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 2000000000) "
    "SELECT count(*) FROM c"
)
"""A query that nobody waits for to end by itself."""
HANG = 60.0
"""Seconds after which a test fails that hangs."""


@pytest.fixture
async def shop(folder: Path) -> AsyncIterator[Databases]:
    """Databases on SQLite; ``shop`` has a table ``items``."""
    async with Databases(folder, url="sqlite", lock_wait=HANG) as databases:
        async with databases.session("shop", "prepare") as session:
            await session.execute(text("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)"))
            await session.commit()
        yield databases


async def names(databases: Databases) -> list[str]:
    """Return the names that a new session sees."""
    async with databases.session("shop", "look") as session:
        return list(await session.scalars(text("SELECT name FROM items ORDER BY id")))


async def add(databases: Databases, name: str) -> None:
    """Add an item in a session of its own."""
    async with databases.session("shop", f"add {name}") as session:
        await session.execute(text("INSERT INTO items (name) VALUES (:name)"), {"name": name})
        await session.commit()


async def test_each_connection_has_the_settings_that_the_docs_name(shop: Databases) -> None:
    """WAL, NORMAL, and foreign keys checked, on each of several connections."""
    async with shop.session("shop", "one") as one, shop.session("shop", "two") as two:
        for session in (one, two):
            for name, value in (("journal_mode", "wal"), ("synchronous", 1), ("foreign_keys", 1)):
                assert await session.scalar(text(f"PRAGMA {name}")) == value


async def test_a_commit_waits_for_the_disk_if_it_is_asked_to(folder: Path) -> None:
    """`synchronous="FULL"` reaches each connection."""
    async with (
        Databases(folder, url="sqlite", synchronous="FULL") as databases,
        databases.session("shop", "look") as session,
    ):
        assert await session.scalar(text("PRAGMA synchronous")) == 2


async def test_tables_made_in_a_transaction_are_rolled_back_with_it(shop: Databases) -> None:
    """`CREATE TABLE` is part of the transaction, which the sqlite3 module alone would not do."""
    async with shop.session("shop", "make") as session:
        await session.execute(text("CREATE TABLE more (id INTEGER)"))
        await session.execute(text("INSERT INTO more VALUES (1)"))
        await session.rollback()
        with pytest.raises(OperationalError, match="no such table: more"):
            await session.execute(text("SELECT * FROM more"))


async def test_reads_are_in_the_transaction_too(shop: Databases) -> None:
    """A session sees the same rows until its transaction ends, whatever others commit."""
    async with shop.session("shop", "read") as session:
        count = text("SELECT count(*) FROM items")
        assert await session.scalar(count) == 0
        await add(shop, "between")
        assert await session.scalar(count) == 0
        await session.commit()
        assert await session.scalar(count) == 1


async def test_savepoints_take_back_a_part(shop: Databases) -> None:
    """`begin_nested` rolls back what it holds, and the rest is committed."""
    async with shop.session("shop", "nested") as session:
        await session.execute(text("INSERT INTO items (name) VALUES ('kept')"))
        nested = await session.begin_nested()
        await session.execute(text("INSERT INTO items (name) VALUES ('dropped')"))
        await nested.rollback()
        await session.commit()
    assert await names(shop) == ["kept"]


async def test_a_savepoint_that_begins_a_transaction_commits_nothing(shop: Databases) -> None:
    """The first statement may be a SAVEPOINT; its release is not a commit."""
    async with shop.session("shop", "nested") as session:
        async with session.begin_nested():
            await session.execute(text("INSERT INTO items (name) VALUES ('dropped')"))
        await session.rollback()
    assert await names(shop) == []


async def test_a_cancelled_query_ends_at_once(shop: Databases) -> None:
    """The task doesn't wait for the query, and the session can be used again."""
    async with shop.session("shop", "long") as session:
        for _ in range(2):
            task = asyncio.create_task(session.execute(LONG))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(asyncio.shield(task), HANG)
            await session.rollback()
        assert await session.scalar(text("SELECT 1")) == 1


async def test_a_cancelled_wait_for_another_writer_ends_at_once(shop: Databases) -> None:
    """SQLite can't be interrupted while it waits for a lock; modframe's wait can."""
    async with shop.session("shop", "write") as writer:
        await writer.execute(text("INSERT INTO items (name) VALUES ('first')"))
        task = asyncio.create_task(add(shop, "second"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, HANG / 2)
        await writer.commit()
    assert await names(shop) == ["first"]


async def test_writers_wait_for_each_other(shop: Databases) -> None:
    """Sessions that write at the same time all succeed, one after the other."""
    await asyncio.gather(*(add(shop, f"n{number}") for number in range(30)))
    assert len(await names(shop)) == 30


async def test_a_write_built_on_rows_that_changed_since_is_a_conflict(shop: Databases) -> None:
    """The session that has read before another one wrote can't write, and nothing is lost."""
    await add(shop, "first")
    change = text("UPDATE items SET name = :name")

    async def both() -> None:
        async with shop.session("shop", "mine") as session:
            await session.scalar(text("SELECT name FROM items"))
            async with shop.session("shop", "theirs") as other:
                await other.execute(change, {"name": "theirs"})
                await other.commit()
            await session.execute(change, {"name": "mine"})

    with pytest.raises(DatabaseConflictError, match="changed the same rows first"):
        await both()
    assert await names(shop) == ["theirs"]


async def test_a_transaction_that_sqlite_ended_isnt_gone_on_with(shop: Databases) -> None:
    """Some errors make SQLite roll back; the next statement isn't committed by itself."""
    async with shop.session("shop", "two of them") as session:
        await session.execute(text("INSERT INTO items (id, name) VALUES (1, 'gone')"))
        with pytest.raises(IntegrityError):
            await session.execute(text("INSERT OR ROLLBACK INTO items (id) VALUES (1)"))
        with pytest.raises(OperationalError, match="ended by an error before"):
            await session.execute(text("INSERT INTO items (name) VALUES ('lone')"))
        await session.rollback()
    assert await names(shop) == []


async def test_a_full_disk_is_told_apart(shop: Databases) -> None:
    """A file that can't grow is a fault of its own kind, and nothing is written."""
    async with shop.session("shop", "fill") as session:
        await session.execute(text("PRAGMA max_page_count = 10"))
        fill = text("INSERT INTO items (name) VALUES (hex(zeroblob(100000)))")
        with pytest.raises(OperationalError, match="full") as info:
            await session.execute(fill)
        assert shop.backend("sqlite").fault(info.value) == "full"
        await session.rollback()
    assert await names(shop) == []


async def test_what_errors_mean(shop: Databases) -> None:
    """Each error that SQLite has a code for is told apart."""
    fault = shop.backend("sqlite").fault
    await add(shop, "first")
    async with shop.session("shop", "try") as session:
        with pytest.raises(IntegrityError) as twice:
            await session.execute(text("INSERT INTO items (id) VALUES (1)"))
        assert fault(twice.value) == "integrity"
        await session.rollback()
        with pytest.raises(OperationalError) as wrong:
            await session.execute(text("SELECT nothing"))
        assert fault(wrong.value) == "other"
    for code, kind in (
        (sqlite3.SQLITE_BUSY, "locked"),
        (sqlite3.SQLITE_BUSY_RECOVERY, "locked"),
        (sqlite3.SQLITE_LOCKED_SHAREDCACHE, "locked"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "conflict"),
        (sqlite3.SQLITE_FULL, "full"),
        (sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, "integrity"),
    ):
        error = sqlite3.OperationalError("made by a test")
        error.sqlite_errorcode = code
        assert fault(OperationalError("", {}, error)) == kind


async def test_a_stream_hands_out_rows_one_by_one(shop: Databases) -> None:
    """`session.stream` fetches rows when they are wanted, within the transaction."""
    await asyncio.gather(*(add(shop, f"n{number}") for number in range(3)))
    async with shop.session("shop", "stream") as session:
        rows = await session.stream(text("SELECT id FROM items ORDER BY id"))
        assert [row.id async for row in rows] == [1, 2, 3]


async def test_texts_compare_as_on_the_other_engines(shop: Databases) -> None:
    """`LIKE` tells case; `lower` and `upper` know letters beyond ASCII."""
    async with shop.session("shop", "texts") as session:
        row = (
            await session.execute(
                text("SELECT 'a' LIKE 'A', 'Ä' LIKE 'Ä', lower('ÄÖ'), upper('äö'), lower(NULL)")
            )
        ).one()
        assert tuple(row) == (0, 1, "äö", "ÄÖ", None)
