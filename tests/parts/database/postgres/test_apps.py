"""Whole apps on a server: started, served, several on one schema."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy.engine import make_url

import modframe
from modframe.errors import LoadError
from modframe.parts.database.errors import DatabaseNameError
from tests.cli.conftest import Shell

SHOP = """
from core.app_context import app_context
from fastapi import APIRouter
from modframe.database import get_database_base
from modframe.decorators import module
from sqlalchemy import Column, DateTime, Integer, func, select

DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)
router = APIRouter()


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    at = Column(DateTime(timezone=True), server_default=func.now())


@router.post("/items")
async def add():
    async with app_context.database.integrity_session("shop", "add") as session:
        session.add(item := Item())
        await session.commit()
        return {"id": item.id}


@module
class Shop:
    async def count(self):
        async with app_context.database.integrity_session("shop", "count") as session:
            return await session.scalar(select(func.count()).select_from(Item))

    async def add(self):
        return (await add())["id"]
"""
ADD = """
import modframe

with modframe.start() as app:
    shop = app.modules["shop"]
    assert shop.error is None, shop.error
    for _ in range(20):
        app.get_service("shop").add().result(20)
"""


@pytest.fixture
def server_workspace(workspace: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with one module, whose databases are on a server."""
    folder = workspace / "modules" / "standard" / "shop"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(SHOP)
    monkeypatch.setenv("MODFRAME_DATABASE_URL", postgres_url)
    return workspace


def count(url: str) -> int:
    """How many items there are, as somebody else sees it."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM shop.items").fetchone()
        return int(row[0]) if row else 0


def test_a_module_lives_on_a_server_over_swaps_and_starts(
    server_workspace: Path, postgres_url: str
) -> None:
    """Its rows are there for the next app; no file is made."""
    for rows in (0, 2):
        with modframe.start() as app:
            assert app.get_service("shop").count().result(20) == rows
            app.get_service("shop").add().result(20)
            app.load("shop", force=True)
            app.get_service("shop").add().result(20)
    assert count(postgres_url) == 4
    assert not (server_workspace / "data" / "databases").exists()


def test_a_name_that_the_server_keeps_for_itself(server_workspace: Path) -> None:
    """A load and a check say that the prefix is reserved."""
    file = server_workspace / "modules/standard/shop/api.py"
    file.write_text(SHOP.replace('"shop"', '"pg_shop"'))
    with modframe.start(modules=[]) as app:
        with pytest.raises(LoadError, match="begin with 'pg_' for itself") as caught:
            app.load("shop")
        assert "Choose another name" in str(caught.value)
        assert app.database.sql("SELECT 1").rows == [(1,)]
        messages = [finding.message for finding in app.check("shop")]
        assert any("begin with 'pg_' for itself" in message for message in messages)


def test_two_processes_share_one_schema(server_workspace: Path, postgres_url: str) -> None:
    """They meet an empty server at the same time, and none loses a row or is kept waiting."""
    command = [sys.executable, "-c", ADD]
    with subprocess.Popen(command, cwd=server_workspace) as other, modframe.start() as app:
        shop = app.get_service("shop")
        for _ in range(20):
            shop.add().result(20)
        assert other.wait(90) == 0
        assert shop.count().result(20) == 40
    assert count(postgres_url) == 40


def test_it_is_served(server_workspace: Path, postgres_url: str) -> None:
    """Routes write to the server, and the password is in no line of the log."""
    shell = Shell(server_workspace)
    url = make_url(postgres_url)
    url = url.set(password=url.password or "s-3-c-r")
    running = shell.begin(
        "serve", "--port", "0", MODFRAME_DATABASE_URL=url.render_as_string(hide_password=False)
    )
    try:
        answer = httpx.post(f"{running.url()}/api/v1/shop/items")
        assert answer.json() == {"id": 1}, answer.text
    finally:
        running.process.terminate()
        assert running.end() == 0
        running.close()
    assert not [line for line in running.lines if str(url.password) in line]
    assert count(postgres_url) == 1


def test_a_server_that_is_not_there_fails_the_module_not_the_app(
    server_workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The module's error says what to do; the app starts."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL", "postgresql://me:s-3-c-r@127.0.0.1:1/db")
    with modframe.start() as app:
        error = str(app.modules["shop"].error)
    assert "127.0.0.1/db" in error
    assert "MODFRAME_DATABASE_URL" in error
    said = capfd.readouterr()
    assert "s-3-c-r" not in error + caplog.text + said.out + said.err


def test_a_database_that_only_the_server_knows_can_be_used(
    server_workspace: Path, postgres_url: str
) -> None:
    """The server is asked when the session begins; a name that it doesn't know is an error."""
    with modframe.start() as app:
        app.get_service("shop").add().result(20)
    with modframe.start(workspace=server_workspace / "empty") as app:

        async def ask(database: str) -> object:
            from sqlalchemy import text

            async with app.database.integrity_session(database, "ask") as session:
                return await session.scalar(text("SELECT count(*) FROM items"))

        assert app.run(ask("shop")) == 1
        with pytest.raises(DatabaseNameError, match="there is no database 'shops'"):
            app.run(ask("shops"))
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT to_regnamespace('shops')").fetchone() == (None,)


def test_an_app_that_keeps_nothing_leaves_nothing(
    server_workspace: Path, postgres_url: str
) -> None:
    """``data=":memory:"`` is a schema of its own, dropped at the end."""
    with modframe.start(data=":memory:") as app:
        app.get_service("shop").add().result(20)
        assert app.get_service("shop").count().result(20) == 1
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shop%'")
        assert rows.fetchall() == []
