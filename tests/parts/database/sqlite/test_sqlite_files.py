"""Files of SQLite databases: shared by processes, given back, lost, in memory, cut off."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import warnings
from pathlib import Path
from tempfile import gettempdir

import pytest
from sqlalchemy import text

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import (
    DatabaseFileLostError,
    DatabaseLockedError,
    DatabaseOpenError,
)
from tests.faults.processes import run_script
from tests.parts.database.sqlite.test_sqlite_sessions import HANG, LONG
from tests.parts.database.support import attached, until
from tests.waiting import wait_for


def threads() -> list[str]:
    """Return the names of the threads of databases."""
    return [
        thread.name for thread in threading.enumerate() if thread.name.startswith("modframe-db")
    ]


async def write(databases: Databases, number: int = 1, *, name: str = "shop") -> None:
    """Add a row to ``t``, making the table if need be."""
    async with databases.session(name, "write") as session:
        await session.execute(text("CREATE TABLE IF NOT EXISTS t (i INTEGER)"))
        await session.execute(text("INSERT INTO t VALUES (:i)"), {"i": number})
        await session.commit()


async def rows(databases: Databases, *, name: str = "shop") -> list[int]:
    """Return the rows of ``t``."""
    async with databases.session(name, "read") as session:
        return list(await session.scalars(text("SELECT i FROM t ORDER BY i")))


async def test_closing_leaves_one_file_and_no_thread(folder: Path) -> None:
    """The log and its index beside the file go with the last connection."""
    async with Databases(folder, url="sqlite", idle=HANG) as databases:
        async with databases.session("shop", "one"), databases.session("shop", "two"):
            await write(databases)
        assert threads()
    assert [path.name for path in folder.iterdir()] == ["shop.sqlite"]
    wait_for(lambda: not threads())


async def test_an_idle_file_is_given_back(folder: Path) -> None:
    """After a while without session no connection is left, and the next session opens it again."""
    async with Databases(folder, url="sqlite", idle=0.01) as databases:
        await write(databases)
        await until(lambda: [path.name for path in folder.iterdir()] == ["shop.sqlite"])
        assert await rows(databases) == [1]


async def test_two_processes_share_a_file(folder: Path) -> None:
    """Another process writes while this one has a session open."""
    async with Databases(folder, url="sqlite", idle=HANG) as databases:
        await write(databases)
        async with databases.session("shop", "open") as session:
            assert await session.scalar(text("SELECT count(*) FROM t")) == 1
            script = """
                import asyncio, sys
                from pathlib import Path
                from sqlalchemy import text
                from modframe.parts.database.databases import Databases

                async def main():
                    async with Databases(Path.cwd(), url="sqlite") as databases:
                        async with databases.session("shop", "other process") as session:
                            await session.execute(text("INSERT INTO t VALUES (2)"))
                            await session.commit()

                asyncio.run(main())
            """
            done = await asyncio.to_thread(run_script, script, folder)
            assert done.returncode == 0, done.stderr
            await session.rollback()
            assert await session.scalar(text("SELECT count(*) FROM t")) == 2


async def test_a_file_that_another_process_locks_is_named(folder: Path) -> None:
    """Opening waits as long as the settings say, and then names the file."""
    folder.mkdir(parents=True)
    with sqlite3.connect(folder / "shop.sqlite", isolation_level=None) as other:
        other.execute("CREATE TABLE t (i INTEGER)")
        other.execute("BEGIN EXCLUSIVE")
        async with Databases(folder, url="sqlite", lock_wait=0.05) as databases:
            with pytest.raises(DatabaseLockedError, match=r"shop\.sqlite"):
                await write(databases)
            other.execute("COMMIT")
            await write(databases)
            assert await rows(databases) == [1]
    other.close()


async def test_a_file_that_is_no_database_is_named(folder: Path) -> None:
    """The error says which file, and the next attempt after mending works."""
    folder.mkdir(parents=True)
    path = folder / "shop.sqlite"
    path.write_text("this is no database, as SQLite can see from its first bytes" * 10)
    async with Databases(folder, url="sqlite") as databases:
        with pytest.raises(DatabaseOpenError, match=r"'shop'.*can't be opened.*Move that file"):
            await write(databases)
        path.unlink()
        await write(databases)


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_that_is_lost_gets_nothing_written(folder: Path, *, replaced: bool) -> None:
    """A deleted or replaced file is an error at the commit, not a silent loss."""
    async with Databases(folder, url="sqlite") as databases:
        await write(databases)
        path = folder / "shop.sqlite"

        async def lose() -> None:
            async with databases.session("shop", "write") as session:
                await session.execute(text("INSERT INTO t VALUES (2)"))
                path.rename(folder / "moved")
                if replaced:
                    with sqlite3.connect(path) as other:
                        other.execute("CREATE TABLE t (i INTEGER)")
                        other.execute("INSERT INTO t VALUES (7)")
                    other.close()
                await session.commit()

        with pytest.raises(DatabaseFileLostError, match="replaced" if replaced else "deleted"):
            await lose()
        if replaced:
            await until(lambda: not attached(databases, "shop"))
            assert await rows(databases) == [7]


async def test_databases_in_memory_are_seen_by_all_sessions(folder: Path) -> None:
    """One is shared by its name, a reader doesn't block a writer, and nothing is left of it."""
    before = set(Path(gettempdir()).glob("modframe-*"))
    async with Databases(None, url="sqlite", idle=0.0, lock_wait=HANG) as databases:
        await write(databases)
        await write(databases, 5, name="store")
        async with databases.session("shop", "reader") as reader:
            assert await reader.scalar(text("SELECT count(*) FROM t")) == 1
            await asyncio.wait_for(write(databases, 2), HANG / 2)
        assert (await rows(databases), await rows(databases, name="store")) == ([1, 2], [5])
        assert [facts.path for facts in databases.describe()] == ["", ""]
    assert set(Path(gettempdir()).glob("modframe-*")) <= before
    assert not folder.exists()


async def test_closing_cuts_off_a_long_query(folder: Path) -> None:
    """`aclose` doesn't wait for a session's query, which gets an error."""
    databases = Databases(folder, url="sqlite")
    await write(databases)

    async def read() -> None:
        async with databases.session("shop", "long") as session:
            await session.execute(LONG)

    task = asyncio.create_task(read())
    await until(lambda: bool(threads()))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(databases.aclose(), HANG)
    with pytest.raises(Exception, match=r"interrupted|closed"):
        await asyncio.wait_for(task, HANG)
    wait_for(lambda: not threads())
    assert [path.name for path in folder.iterdir()] == ["shop.sqlite"]


async def test_a_forked_child_gets_an_error_and_the_parent_goes_on(folder: Path) -> None:
    """In a child the parent's open session raises; the parent's rows are safe."""
    async with Databases(folder, url="sqlite") as databases:
        await write(databases)
        async with databases.session("shop", "open") as session:
            assert await session.scalar(text("SELECT 1")) == 1
            receiver, sender = os.pipe()
            with warnings.catch_warnings(action="ignore"):  # 3.12 warns of threads
                child = os.fork()
            if child == 0:
                try:
                    session.execute(text("SELECT 1")).send(None)
                except BaseException as error:  # reported to the parent
                    os.write(sender, f"{type(error).__name__}: {error}".encode())
                finally:
                    os._exit(0)
            os.close(sender)
            said = await asyncio.to_thread(os.read, receiver, 10_000)
            os.close(receiver)
            await asyncio.to_thread(os.waitpid, child, 0)
            assert b"forked" in said, said
            await session.execute(text("INSERT INTO t VALUES (2)"))
            await session.commit()
        assert await rows(databases) == [1, 2]


async def test_tables_are_described(folder: Path) -> None:
    """The facts of a database name its tables, without SQLite's own."""
    make = text("CREATE TABLE own (id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT)")
    async with (
        Databases(folder, url="sqlite") as databases,
        databases.session("shop", "make") as session,
    ):
        await session.execute(make)
        await session.commit()
    async with (
        Databases(folder, url="sqlite") as databases,
        databases.session("shop", "look"),
    ):
        assert databases.describe()[0].tables == ("own",)
