"""Processes that serve: two that start at once upgrade once, a killed one leaves no half of it."""

from __future__ import annotations

import signal
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from modframe.parts.database.revisions.run import state_of
from tests.cli.conftest import Shell, shell  # noqa: F401  # a fixture
from tests.parts.database.conftest import MakeDatabases
from tests.parts.database.revisions.support import ADD_TOTAL, CREATE, ModuleFolder, models
from tests.waiting import wait_for

API = """
import os
import signal

from modframe.decorators import module

from .db_models import Order


@module
class Orders:
    async def initialize(self):
        if os.environ.get("KILL") == "at start":
            os.kill(os.getpid(), signal.SIGKILL)
"""
START = """
import asyncio, sys, httpx, modframe

async def main():
    hosted = modframe.create_app(data=sys.argv[1], strict=True)
    transport = httpx.ASGITransport(hosted)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        print("started", (await client.get("/health/live")).status_code, flush=True)
    await hosted.aclose()

asyncio.run(main())
"""
WAIT_IN_IT = f"""
{ADD_TOTAL}
import os, time
with open("ran", "a") as file:
    file.write(f"{{os.getpid()}}\\n")
while not os.path.exists("go"):
    time.sleep(0.01)
"""
CHANGE = """
import os, signal
from sqlalchemy import event

kill = os.environ.get("KILL", "")
seen = []

def die():
    os.kill(os.getpid(), signal.SIGKILL)

@event.listens_for(op.get_bind(), "after_cursor_execute")
def count(connection, cursor, statement, *_):
    if statement.lstrip().startswith(("ALTER", "CREATE", "DROP", "INSERT", "UPDATE", "DELETE")):
        seen.append(" ".join(statement.split()))
        if kill == str(len(seen)):
            die()

@event.listens_for(op.get_bind(), "commit")
def ends(connection):
    if kill == "at commit":
        with open("statements", "w") as file:
            file.write("\\n".join(seen))
        die()

op.add_column("orders", sa.Column("total", sa.Integer()))
op.execute("UPDATE orders SET note = 'changed', total = 1")
op.alter_column("orders", "total", nullable=False, existing_type=sa.Integer())
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"


@pytest.fixture
def orders(module: ModuleFolder) -> ModuleFolder:
    """The module and its first revision; its models are those of the second one."""
    module.write("0001_make", CREATE, 'op.drop_table("orders")')
    columns = "note = Column(String)", "total = Column(Integer, nullable=False)"
    (module.home / "db_models.py").write_text(models(*columns))
    (module.home / "api.py").write_text(API)
    return module


@pytest.mark.soak
def test_two_that_start_at_once_upgrade_once(
    shell: Shell,  # noqa: F811
    orders: ModuleFolder,
    postgres_url: str,
    tmp_path: Path,
) -> None:
    """As on two machines, on a server without a schema yet: one runs it, and both start."""
    up = f"{WAIT_IN_IT}\nop.alter_column('orders', 'total', nullable=False)"
    orders.write("0002_total", up, parent="0001_make")
    started = [
        shell.python("-c", START, place, MODFRAME_DATABASE_URL=postgres_url)
        for place in ("data-1", "data-2")
    ]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        wait_for((tmp_path / "ran").exists)
        wait_for(lambda: connection.execute(WAITING).fetchone() == (1,))
        (tmp_path / "go").touch()
        for one in started:
            assert one.wait_for("started") == "started 200"
            assert one.end() == 0, one.lines
        assert len((tmp_path / "ran").read_text().splitlines()) == 1
        recorded = connection.execute("SELECT version_num FROM shop.modframe_version_orders")
        assert recorded.fetchall() == [("0002_total",)]


async def look(
    make_databases: MakeDatabases, module: ModuleFolder
) -> tuple[tuple[str, ...], list[tuple[object, ...]], list[str]]:
    """Return the columns, the rows and the pending revisions, as a process finds them that starts."""
    async with make_databases(lock_wait=30) as databases:
        state = await state_of(databases.database("shop"), module.read())
        async with databases.session("shop", "look") as session:
            found = await session.execute(text("SELECT * FROM orders"))
            return (
                tuple(found.keys()),
                [tuple(row) for row in found],
                [one.id for one in state.pending],
            )


@pytest.mark.soak
async def test_killed_at_any_place_it_is_at_the_old_or_the_new_one(
    shell: Shell,  # noqa: F811
    orders: ModuleFolder,
    make_databases: MakeDatabases,
    database_url: str,
    tmp_path: Path,
) -> None:
    """Between statements, before the commit, and after it; each start goes on from there."""
    shell.env["MODFRAME_DATABASE_URL"] = database_url
    assert shell.run("db", "upgrade", "orders").returncode == 0
    async with make_databases() as databases, databases.session("shop", "write") as session:
        await session.execute(text("INSERT INTO orders (id, note) VALUES (1, 'x')"))
        await session.commit()
    orders.write("0002_total", CHANGE, parent="0001_make")
    old = ("id", "note"), [(1, "x")], ["0002_total"]
    new = ("id", "note", "total"), [(1, "changed", 1)], []

    async def left_by(place: str) -> object:
        assert shell.run("serve", "--port", "0", KILL=place).returncode == -signal.SIGKILL
        return await look(make_databases, orders)

    assert await left_by("at commit") == old
    statements = (tmp_path / "statements").read_text().splitlines()
    for number in (1, (1 + len(statements)) // 2, len(statements)):
        assert await left_by(str(number)) == old, statements[number - 1]
    assert await left_by("at start") == new
    serving = shell.begin("serve", "--port", "0")
    serving.url()
    assert serving.end(signal.SIGTERM) == 0
    assert await look(make_databases, orders) == new
