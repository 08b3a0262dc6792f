"""Files: attached late, given back when idle, waited for when another process has them."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import warnings
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import Column, Integer, text

from modframe.parts.database.databases import DatabaseFacts, Databases
from modframe.parts.database.errors import (
    DatabaseForkedError,
    DatabaseLockedError,
    DatabaseOpenError,
)
from tests.parts.database.support import attached, fresh_base, held_by_another, until

WRITE = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE IF NOT EXISTS theirs (i INTEGER)")
connection.execute("INSERT INTO theirs VALUES (1)")
connection.close()
"""


def write_elsewhere(path: Path) -> subprocess.CompletedProcess[str]:
    """Another process that opens the file, writes, and ends."""
    command = [sys.executable, "-c", WRITE, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_nothing_is_made_before_a_database_is_used(folder: Path) -> None:
    """Neither making `Databases`, nor describing, nor asking for SQL makes a folder."""
    async with Databases(folder) as databases:
        assert databases.describe() == []
        assert (await databases.sql("SELECT 42 AS n")).rows == [(42,)]
    assert not folder.exists()


async def test_the_file_is_named_after_the_database(folder: Path) -> None:
    """The first session makes ``<name>.duckdb``, and `describe` says what it is doing."""
    async with Databases(folder) as databases:
        async with databases.session("shop", "look around"):
            path = folder / "shop.duckdb"
            assert databases.describe() == [
                DatabaseFacts("shop", "DuckDB", str(path), True, 1, ("look around",), (), "")
            ]
        assert {one.name for one in folder.iterdir()} == {"shop.duckdb", "shop.duckdb.lock"}


async def test_an_idle_file_is_detached_and_attached_again(folder: Path) -> None:
    """Another process can write as soon as nobody here has a session; then this process can again."""
    async with Databases(folder, idle=0.05) as databases:
        async with databases.session("shop", "write", strict=True) as session:
            await session.execute(text("CREATE TABLE ours (i INTEGER)"))
            await session.execute(text("INSERT INTO ours VALUES (7)"))
            await session.commit()
            refused = await asyncio.to_thread(write_elsewhere, folder / "shop.duckdb")
            assert "Conflicting lock" in refused.stderr
        await until(lambda: not attached(databases, "shop"))
        done = await asyncio.to_thread(write_elsewhere, folder / "shop.duckdb")
        assert done.returncode == 0, done.stderr
        async with databases.session("shop", "read both") as session:
            rows = await session.execute(text("SELECT ours.i, theirs.i FROM ours, theirs"))
            assert rows.all() == [(7, 1)]


async def test_an_open_session_keeps_the_file(folder: Path) -> None:
    """A file with an open session is not detached, however short the idle time."""
    async with Databases(folder, idle=0.0) as databases:
        async with databases.session("shop", "long") as session:
            for number in range(20):
                async with databases.session("shop", f"short {number}"):
                    pass
                await asyncio.sleep(0)
            assert attached(databases, "shop")
            assert (await session.execute(text("SELECT 1"))).scalar_one() == 1
        await until(lambda: not attached(databases, "shop"))


async def test_a_session_waits_until_the_holder_releases_the_file(folder: Path) -> None:
    """A lock of another process is waited for, without blocking the loop."""
    with held_by_another(folder / "shop.duckdb") as holder:
        async with Databases(folder, lock_wait=60.0) as databases:

            async def count() -> int:
                async with databases.session("shop", "count") as session:
                    return int(await session.scalar(text("SELECT count(*) FROM theirs")) or 0)

            waiting = [asyncio.create_task(count()) for _ in range(3)]
            await asyncio.sleep(0.1)
            assert not any(task.done() for task in waiting)
            await asyncio.to_thread(holder.release)
            assert await asyncio.gather(*waiting) == [1, 1, 1]


async def test_the_error_names_the_holder_and_the_cures(folder: Path) -> None:
    """After the wait the error says who has the file, and what can be done."""
    path = folder / "shop.duckdb"
    with held_by_another(path) as holder:
        async with Databases(folder, lock_wait=0.05) as databases:
            with pytest.raises(DatabaseLockedError) as info:
                async with databases.session("shop", "try"):
                    pass
            error = info.value
            assert (error.database, error.path) == ("shop", str(path))
            assert error.holder == holder.pid
            for part in ("'shop'", str(holder.pid), "MODFRAME_DATABASE_LOCK_WAIT", "idle"):
                assert part in str(error)
            assert not attached(databases, "shop")
            async with databases.session("other", "is not held up"):
                pass
            await asyncio.to_thread(holder.release)
            async with databases.session("shop", "now it works"):
                pass


async def test_a_waiter_can_be_cancelled(folder: Path) -> None:
    """Cancelling one waiting session neither hangs nor harms the others."""
    with held_by_another(folder / "shop.duckdb") as holder:
        async with Databases(folder, lock_wait=60.0) as databases:

            async def enter() -> str:
                async with databases.session("shop", "enter"):
                    return "in"

            first, second = asyncio.create_task(enter()), asyncio.create_task(enter())
            await asyncio.sleep(0.05)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            await asyncio.to_thread(holder.release)
            assert await second == "in"


async def test_closing_ends_the_wait_for_a_lock(folder: Path) -> None:
    """`aclose` ends the wait at once; the waiting session gets an error."""
    with held_by_another(folder / "shop.duckdb"):
        databases = Databases(folder, lock_wait=60.0)

        async def enter() -> None:
            async with databases.session("shop", "enter"):
                pass

        task = asyncio.create_task(enter())
        await asyncio.sleep(0.05)
        await databases.aclose()
        with pytest.raises(Exception, match="closed"):
            await task


async def test_a_second_instance_in_the_process_never_touches_the_file(folder: Path) -> None:
    """The first opening would lose its lock, so the second is refused before DuckDB is called."""
    async with (
        Databases(folder) as first,
        Databases(folder, lock_wait=0.05) as second,
        first.session("shop", "hold"),
    ):
        with pytest.raises(DatabaseLockedError, match="this process") as info:
            async with second.session("shop", "intrude"):
                pass
        assert info.value.holder == os.getpid()
        refused = await asyncio.to_thread(write_elsewhere, folder / "shop.duckdb")
        assert "Conflicting lock" in refused.stderr


async def test_a_file_system_without_locks_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a database can't be locked it isn't opened, and the error says what to do."""

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    async with Databases(folder) as databases:
        with pytest.raises(DatabaseOpenError, match=r"No locks available.*MODFRAME_DATA"):
            async with databases.session("shop", "try"):
                pass
        monkeypatch.undo()
        async with databases.session("shop", "again"):
            pass


async def test_a_file_that_is_no_database_is_named(folder: Path) -> None:
    """The error says which file, and the next attempt after mending works."""
    folder.mkdir(parents=True)
    path = folder / "shop.duckdb"
    path.write_text("this is no database, as DuckDB can see from its first bytes")
    async with Databases(folder) as databases:
        with pytest.raises(DatabaseOpenError, match=r"'shop' can't be opened.*Move") as info:
            async with databases.session("shop", "try"):
                pass
        assert not isinstance(info.value, DatabaseLockedError)
        path.unlink()
        async with databases.session("shop", "again"):
            pass


async def test_closing_detaches_all_files(folder: Path) -> None:
    """After `aclose` the process itself can open the files, and the rows are in them."""
    async with Databases(folder, idle=60.0) as databases:
        for name in ("shop", "store"):
            async with databases.session(name, "write", strict=True) as session:
                await session.execute(text("CREATE TABLE t AS SELECT 5 AS i"))
                await session.commit()
    for name in ("shop", "store"):
        with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
            assert connection.execute("SELECT i FROM t").fetchall() == [(5,)]


async def test_memory_and_threads_are_set(folder: Path) -> None:
    """The limits that the app gives reach DuckDB."""
    async with Databases(folder, memory_limit="512MB", threads=1) as databases:
        settings = "current_setting('memory_limit'), current_setting('threads')"
        rows = await databases.sql(f"SELECT {settings}")
        assert rows.rows == [("488.2 MiB", 1)]


async def test_a_forked_child_gets_an_error_and_the_parent_goes_on(folder: Path) -> None:
    """In a child, using the parent's databases raises instead of hanging or writing."""
    base = fresh_base("shop")

    class Item(base):  # type: ignore[misc, valid-type]  # made at run time
        __tablename__ = "items"
        id = Column(Integer, primary_key=True)

    async with Databases(folder) as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "open", strict=True) as session:
            await session.execute(text("SELECT 1"))
            receiver, sender = os.pipe()
            with warnings.catch_warnings(action="ignore"):  # 3.12 warns of threads
                child = os.fork()
            if child == 0:
                os.write(sender, _in_child(databases, session))
                os._exit(0)
            os.close(sender)
            said = os.read(receiver, 10_000).decode()
            os.close(receiver)
            os.waitpid(child, 0)
            assert said.count("DatabaseForkedError") == 3, said
            session.add(Item())
            await session.commit()
        rows = await databases.sql("SELECT count(*) FROM shop.items")
        assert rows.rows == [(1,)]


def _in_child(databases: Databases, session: object) -> bytes:
    """What the child gets; its loop is the parent's, so each step is run by hand."""
    said = []
    steps = (
        databases.session("shop", "child").__aenter__(),
        databases.sql("SELECT 1"),
        session.execute(text("SELECT 1")),  # type: ignore[attr-defined]  # the session
    )
    for step in steps:
        try:
            step.send(None)
        except DatabaseForkedError as exc:
            said.append(f"{type(exc).__name__}: {exc}")
        except BaseException as exc:
            said.append(repr(exc))
        else:
            said.append("went on")
    return "\n".join(said).encode()
