"""One process for each database file, whatever is done to the file beside modframe."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import text

import modframe
from modframe.app import AppContext
from tests.faults.processes import run_script
from tests.waiting import wait_for

SHOP = """
from core.app_context import app_context
from modframe.database import get_database_base
from modframe.decorators import module
from sqlalchemy import Column, Integer, func, select

DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)


@module
class Shop:
    async def add(self):
        async with app_context.database.integrity_session("shop", "add") as session:
            session.add(Item())
            await session.commit()

    async def count(self):
        async with app_context.database.integrity_session("shop", "count") as session:
            return await session.scalar(select(func.count()).select_from(Item))
"""
SECOND = """
import modframe

with modframe.start() as app:
    shop = app.modules["shop"]
    print(shop.state, shop.error)
"""
NO_WAIT = {**os.environ, "MODFRAME_DATABASE_LOCK_WAIT": "0.1"}


@pytest.fixture
def shop(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppContext]:
    """Run an app whose module keeps its database attached."""
    folder = workspace / "modules" / "standard" / "shop"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(SHOP)
    monkeypatch.setenv("MODFRAME_DATABASE_IDLE", "600")
    with modframe.start() as app:
        app.get_service("shop").add().result(20)
        yield app


@pytest.fixture
def file(workspace: Path) -> Path:
    """Return the file of the shop's database."""
    return workspace / "data" / "databases" / "shop.duckdb"


def assert_refused(done: subprocess.CompletedProcess[str]) -> None:
    """Check that a second process was told that this one has the database."""
    assert done.stdout.startswith("FAILED standard.shop: database 'shop' ("), done.stderr
    assert f"is held by process {os.getpid()}; waited" in done.stdout
    assert "MODFRAME_DATABASE_LOCK_WAIT" in done.stdout


def call(app: AppContext, method: str) -> Any:
    """Call a method of the shop and wait for its result."""
    return getattr(app.get_service("shop"), method)().result(20)


def test_a_copy_of_a_live_database_leaves_it_locked(
    shop: AppContext, workspace: Path, file: Path
) -> None:
    """A second process is refused with the holder's pid, also after a copy dropped DuckDB's lock."""
    shutil.copy(file, workspace / "copy.duckdb")
    done = run_script(SECOND, workspace, env=NO_WAIT)
    assert_refused(done)
    call(shop, "add")
    assert call(shop, "count") == 2


def test_the_next_process_gets_the_file_once_it_is_released(
    shop: AppContext, workspace: Path
) -> None:
    """The lock goes with the app, and the rows are there."""
    shop.stop()
    done = run_script(SECOND, workspace, env=NO_WAIT)
    assert done.stdout.startswith("LIVE None"), done.stdout + done.stderr


@contextmanager
def process(script: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a script that reads and writes lines; it is killed at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        try:
            yield running
        finally:
            running.kill()


FORKING = """
import os, sys, warnings
import modframe

app = modframe.start()
app.get_service("shop").add().result(20)
warnings.simplefilter("ignore")  # of threads beside a fork
child = os.fork()
if not child:
    sys.stdin.read()  # until the test ends
    os._exit(0)
print(child, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_forked_child_does_not_keep_the_file(workspace: Path) -> None:
    """After kill -9 of its parent the next process gets the file, though a child lives on."""
    folder = workspace / "modules" / "standard" / "shop"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(SHOP)
    with process(FORKING, workspace) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.wait(20)
        done = run_script(SECOND, workspace, env=NO_WAIT)
        os.kill(child, 0)  # it lives
    assert done.stdout.startswith("LIVE None"), done.stdout + done.stderr


def test_a_child_that_ends_leaves_the_parent_the_lock(
    shop: AppContext, workspace: Path, file: Path
) -> None:
    """Closing its copy of the lock in a child does not release it in the parent."""
    with warnings.catch_warnings(action="ignore"):  # of threads beside a fork
        child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    shutil.copy(file, workspace / "copy.duckdb")  # so that DuckDB's own lock can't be what refuses
    done = run_script(SECOND, workspace, env=NO_WAIT)
    assert_refused(done)


def test_a_lock_file_that_is_removed_is_made_again(
    shop: AppContext, workspace: Path, file: Path
) -> None:
    """Somebody who cleans up lock files does not let a second process in."""
    Path(f"{file}.lock").unlink()
    call(shop, "add")
    shutil.copy(file, workspace / "copy.duckdb")
    done = run_script(SECOND, workspace, env=NO_WAIT)
    assert_refused(done)


def test_a_deleted_file_is_named_until_the_module_is_loaded_again(
    shop: AppContext, file: Path
) -> None:
    """No session writes to a file that is gone, or makes an empty one; a load begins anew."""
    file.unlink()
    for method in ("add", "count", "count"):
        with pytest.raises(modframe.ModframeError) as raised:
            call(shop, method)
        assert f"'shop': its file {file} was deleted" in str(raised.value)
        assert not file.exists()
    shop.load("shop", force=True)
    call(shop, "add")
    assert call(shop, "count") == 1
    assert file.exists()


def test_a_replaced_file_is_named_once_and_then_used(
    shop: AppContext, workspace: Path, file: Path
) -> None:
    """A backup that is put in place is opened by the next session, with the log beside it."""
    call(shop, "add")
    with duckdb.connect(str(workspace / "other.duckdb")) as other:
        other.execute("CREATE TABLE items AS SELECT 7 AS id")
        other.execute("CHECKPOINT")
        other.execute("INSERT INTO items VALUES (8), (9)")  # in the log, as after a kill -9
        for end in ("", ".wal"):
            shutil.copy(workspace / f"other.duckdb{end}", workspace / f"backup{end}")
    for end in (".wal", ""):
        (workspace / f"backup{end}").replace(f"{file}{end}")
    with pytest.raises(modframe.ModframeError, match="was replaced by another file"):
        call(shop, "add")
    assert call(shop, "count") == 3


def test_a_log_of_another_file_is_named(shop: AppContext, workspace: Path, file: Path) -> None:
    """If only the file is replaced, the log that was left beside it is not used, and named."""
    with duckdb.connect(str(workspace / "backup")) as other:
        other.execute("CREATE TABLE items AS SELECT 7 AS id")
    (workspace / "backup").replace(file)
    with pytest.raises(modframe.ModframeError, match="was replaced by another file"):
        call(shop, "add")

    def refused() -> str:
        with pytest.raises(modframe.ModframeError) as caught:
            call(shop, "add")
        return str(caught.value)

    # A connection of the old file may still be on its way back to the pool.
    wait_for(lambda: re.search(r"belongs to another file: move .*\.wal", refused()))
    Path(f"{file}.wal").rename(workspace / "aside")
    assert call(shop, "count") == 1


async def test_a_transaction_does_not_commit_to_a_deleted_file(
    shop: AppContext, file: Path
) -> None:
    """A session that was open when the file went is told before its commit and its next one."""
    async with shop.database.integrity_session("shop", "long") as session:
        await session.execute(text("INSERT INTO items (id) VALUES (70)"))
        file.unlink()
        with pytest.raises(modframe.ModframeError, match="was deleted"):
            await session.commit()
        await session.rollback()
        with pytest.raises(modframe.ModframeError, match="was deleted"):
            await session.execute(text("SELECT 1"))
        await session.rollback()
