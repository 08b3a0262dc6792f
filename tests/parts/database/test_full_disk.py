"""A disk without room: what was being written is not there, and the error says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.processes import run_script

SCRIPT = """
import asyncio, logging, resource
from pathlib import Path
from sqlalchemy import Column, Integer, String, func, select
from modframe.errors import DatabaseError
from modframe.parts.database.databases import Databases
from tests.parts.database.support import fresh_base

logging.getLogger("modframe").addHandler(logging.StreamHandler())
folder, limited = Path("data"), {limited}
base = fresh_base("shop")


class Item(base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    body = Column(String)


def full():
    if limited:  # no file may grow from now on
        size = max(path.stat().st_size for path in folder.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    else:
        with (folder / "filler").open("wb", buffering=0) as filler:
            try:
                while filler.write(bytes(1024)):
                    pass
            except OSError:
                return


def room():
    if limited:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    else:
        (folder / "filler").unlink()


async def add(databases, size):
    async with databases.transaction("shop", "add", retry=3) as session:
        session.add(Item(body="x" * size))


async def said(work):
    try:
        await work
    except DatabaseError as error:
        print(f"{{type(error).__name__}} {{error.retryable}}: {{error}}")
    else:
        print("went on")


async def main():
    async with Databases(folder) as databases:
        await databases.apply("shop", base.metadata)
        async def one(session):
            session.add(Item(body="x" * 100))
        async def many(session):
            session.add_all([Item(body=str(n) * 1000) for n in range(1000)])
        await databases.transaction("shop", "one", retry=3)(one)
        full()
        await said(databases.transaction("shop", "many", retry=3)(many))
        more = fresh_base("shop")
        for number in range(60):
            columns = {{f"a_column_{{n}}": Column(String) for n in range(20)}}
            columns |= {{"__tablename__": f"more_{{number}}", "id": Column(Integer, primary_key=True)}}
            type(f"More{{number}}", (more,), columns)
        await said(databases.apply("shop", more.metadata))
        await said(Databases(folder).apply("other", fresh_base("other").metadata))
    room()
    async with Databases(folder) as databases:
        await databases.transaction("shop", "one", retry=3)(one)
        async with databases.session("shop", "look") as session:
            print(await session.scalar(select(func.count()).select_from(Item)))


asyncio.run(main())
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)], check=False,
        capture_output=True,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no sizes of files")
@pytest.mark.parametrize("limited", [True, False])
def test_a_full_disk_is_an_error_of_its_own(
    tmp_path: Path, limited: bool, request: pytest.FixtureRequest
) -> None:
    """Of a session and of a change of tables; what was committed before is there afterwards."""
    folder = tmp_path if limited else request.getfixturevalue("small_disk")
    (folder / "data").mkdir()
    result = run_script(SCRIPT.format(limited=limited), folder)
    lines = result.stdout.splitlines()
    assert lines, result.stderr
    assert lines[0].startswith("DatabaseFullError False: session 'many' on database 'shop'")
    assert lines[1].startswith("DatabaseFullError False: a change of the tables of database 'shop'")
    for line in lines[:2]:
        assert "Free some room" in line
        assert "again" in line
        assert "yourself" not in line
    if not limited:
        assert lines[2].startswith("DatabaseOpenFullError False: database 'other'")
        assert "Free some room" in lines[2]
    assert lines[-1] == "2"
    assert "its log beside it, which keeps what was committed" in result.stderr
