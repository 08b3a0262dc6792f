"""Sessions on SQLite: real transactions, settings of connections, and waits that end when they should."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import DatabaseConflictError, DatabaseLostError
from tests.parts.database.support import until

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


COUNT = text("SELECT count(*) FROM items")


async def test_a_session_that_only_read_ends_without_a_wait(shop: Databases) -> None:
    """So nothing can be cancelled there; the next one on the connection has a new transaction."""

    async def look() -> None:
        async with shop.session("shop", "look") as session:
            await session.scalar(COUNT)
            own.cancel()
        ended.set()

    for number in range(30):  # more than there are connections
        ended = asyncio.Event()
        own = asyncio.create_task(look())
        await asyncio.wait([own])
        assert ended.is_set()
        await add(shop, f"n{number}")
        assert len(await names(shop)) == number + 1
    assert [one.sessions for one in shop.describe()] == [0]


async def test_a_session_that_wrote_holds_no_lock_once_it_has_ended(
    shop: Databases, folder: Path
) -> None:
    """Another program can write at once, without a wait for the lock."""
    for number in range(10):
        async with shop.session("shop", "write") as session:
            await session.execute(text("INSERT INTO items (name) VALUES ('lost')"))
        with closing(sqlite3.connect(folder / "shop.sqlite", timeout=0)) as other, other:
            other.execute("INSERT INTO items (name) VALUES (?)", (f"n{number}",))
    assert await names(shop) == [f"n{number}" for number in range(10)]


async def test_connections_beyond_those_that_are_kept_are_closed(
    shop: Databases, folder: Path
) -> None:
    """Also by sessions that end without a wait; the file is free when the databases are closed."""

    def threads() -> int:
        return sum(one.name == "modframe-db-shop" for one in threading.enumerate())

    async with AsyncExitStack() as stack:
        for number in range(12):
            session = await stack.enter_async_context(shop.session("shop", f"look {number}"))
            await session.scalar(COUNT)
        assert threads() == 12
    await until(lambda: threads() == 5)
    await shop.aclose()
    assert [file.name for file in folder.glob("shop.sqlite*")] == ["shop.sqlite"]


async def test_a_connection_that_cant_roll_back_is_closed(
    shop: Databases, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its session is over then: the log says it, the next one finds it lost, and the third works."""
    failing: list[str] = []

    class Broken(sqlite3.Connection):
        def rollback(self) -> None:
            if failing:
                raise sqlite3.OperationalError(failing.pop())
            super().rollback()

    connect = sqlite3.connect

    def broken(*arguments: Any, **options: Any) -> sqlite3.Connection:
        return connect(*arguments, factory=Broken, **options)

    monkeypatch.setattr(sqlite3, "connect", broken)
    async with shop.session("more", "look") as session:
        await session.scalar(text("SELECT 1"))
        failing.append("disk I/O error")
    with (
        caplog.at_level(logging.ERROR, "modframe.database"),
        pytest.raises(DatabaseLostError, match="'next' on database 'more'"),
    ):
        async with shop.session("more", "next") as session:
            await session.scalar(text("SELECT 1"))
    assert "couldn't roll back, and was closed: disk I/O error" in caplog.text
    async with shop.session("more", "third") as session:
        assert await session.scalar(text("SELECT 1")) == 1
