"""Several processes: one runs revisions, others wait; one that is killed leaves nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modframe.parts.database.revisions.errors import RevisionRunningError
from modframe.parts.database.revisions.run import state_of, upgrade
from tests.parts.database.conftest import MakeDatabases
from tests.parts.database.revisions.support import CREATE, ModuleFolder
from tests.parts.database.support import ONE_ENGINE

ROOT = Path(__file__).parents[4]
UPGRADE = """
import asyncio, sys
from pathlib import Path
from modframe.parts.database.databases import Databases
from modframe.parts.database.revisions.files import read_revisions
from modframe.parts.database.revisions.run import upgrade

async def main():
    home = Path(sys.argv[2])
    revisions = read_revisions(
        "standard.orders", "shop", home=home, folder=home / "migrations" / "versions"
    )
    async with Databases(Path(sys.argv[1]), url=sys.argv[3]) as databases:
        steps = await upgrade(databases.database("shop"), revisions, wait=60)
        print("ran", *steps, flush=True)

asyncio.run(main())
"""
WAIT_IN_IT = """
op.add_column("orders", sa.Column("total", sa.Integer()))
op.execute("UPDATE orders SET note = 'changed', total = 1")
print("inside", flush=True)
import sys
sys.stdin.readline()
"""


@contextmanager
def upgrading(folder: Path, module: ModuleFolder, url: str) -> Iterator[subprocess.Popen[str]]:
    """Upgrade in another process; it is ended afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(UPGRADE), str(folder), str(module.home), url],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


def line_of(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def prepare(make_databases: MakeDatabases, module: ModuleFolder) -> None:
    """Run the first revision and write a row; the second revision stops in the middle."""
    module.write("0001_make", CREATE)
    async with make_databases() as databases:
        await upgrade(databases.database("shop"), module.read())
        async with databases.session("shop", "write") as session:
            connection = await session.connection()
            await connection.exec_driver_sql("INSERT INTO orders (note) VALUES ('x')")
            await session.commit()
    module.write("0002_total", WAIT_IN_IT, parent="0001_make")


async def look(
    make_databases: MakeDatabases, module: ModuleFolder
) -> tuple[list[tuple[object, ...]], int]:
    """Return the rows, and how many revisions are pending."""
    async with make_databases(lock_wait=30) as databases:
        state = await state_of(databases.database("shop"), module.read())
        async with databases.session("shop", "look") as session:
            connection = await session.connection()
            result = await connection.exec_driver_sql("SELECT * FROM orders")
            return [tuple(row) for row in result], len(state.pending)


@ONE_ENGINE
async def test_killed_in_the_middle_it_has_changed_nothing(
    folder: Path, module: ModuleFolder, make_databases: MakeDatabases, database_url: str
) -> None:
    """After kill -9 the database is as it was before the upgrade, which can be run again."""
    await prepare(make_databases, module)
    with upgrading(folder, module, database_url) as process:
        assert line_of(process) == "inside"
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    assert await look(make_databases, module) == ([(1, "x")], 1)
    with upgrading(folder, module, database_url) as process:
        assert line_of(process) == "inside"
        process.stdin.write("\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        assert line_of(process) == "ran 0002_total"
        process.wait(60)
    assert await look(make_databases, module) == ([(1, "changed", 1)], 0)


@ONE_ENGINE
async def test_one_upgrades_and_the_other_waits(
    folder: Path, module: ModuleFolder, make_databases: MakeDatabases, database_url: str
) -> None:
    """Two processes that upgrade at once run each revision once between them."""
    await prepare(make_databases, module)
    with upgrading(folder, module, database_url) as first:
        assert line_of(first) == "inside"
        with upgrading(folder, module, database_url) as second:
            async with make_databases(lock_wait=0.1) as databases:
                with pytest.raises(
                    RevisionRunningError,
                    match=r"process .*runs revisions on database 'shop'; waited",
                ) as caught:
                    await upgrade(databases.database("shop"), module.read(), wait=0.1)
            assert caught.value.holder in (first.pid, None)
            first.stdin.write("\n")  # type: ignore[union-attr]
            first.stdin.flush()  # type: ignore[union-attr]
            assert line_of(first) == "ran 0002_total"
            first.wait(60)
            assert line_of(second) == "ran"
            second.wait(60)
    assert await look(make_databases, module) == ([(1, "changed", 1)], 0)
