"""`Databases` as a whole: the names that they take, the loop that they live on, and their end."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import (
    DatabaseClosedError,
    DatabaseLoopError,
    DatabaseNameError,
)
from tests.parts.database.conftest import MakeDatabases
from tests.parts.database.support import until


@pytest.mark.parametrize("name", ["", "my-shop", "1shop", "a.b", "main", "Temp", "a" * 64, "x;y"])
def test_a_bad_name_is_refused(name: str) -> None:
    """A name that can't be used for a catalog or a file is refused before anything is opened."""
    with pytest.raises(DatabaseNameError, match=r".+\. .+"):
        Databases(None).session(name, "anything")


def test_two_spellings_of_one_name_are_refused() -> None:
    """DuckDB ignores case, file systems don't."""
    databases = Databases(None)
    databases.session("shop", "one")
    with pytest.raises(DatabaseNameError, match=r"'Shop'.*'shop'"):
        databases.session("Shop", "two")


async def test_another_loop_is_refused() -> None:
    """Connections and locks belong to one loop; the error says how to cross over."""
    databases = Databases(None)

    async def enter() -> None:
        async with databases.session("shop", "enter"):
            pass

    await enter()
    with pytest.raises(DatabaseLoopError, match=r"app loop.*cross over"):
        await asyncio.to_thread(asyncio.run, enter())
    await databases.aclose()


async def test_closing_cuts_off_sessions_and_refuses_new_ones(
    make_databases: MakeDatabases, endless: str
) -> None:
    """`aclose` doesn't wait for a query, and later sessions get a clear error."""
    databases = make_databases()
    started = asyncio.Event()

    async def heavy() -> None:
        async with databases.session("shop", "heavy") as session:
            await session.execute(text("SELECT 1"))
            started.set()
            await session.execute(text(endless))

    task = asyncio.create_task(heavy())
    await started.wait()
    await asyncio.sleep(0)
    await databases.aclose()
    with pytest.raises(Exception, match=r"(?i)interrupt|closed|cancel"):
        await task
    with pytest.raises(DatabaseClosedError, match="closed with the app"):
        async with databases.session("shop", "late"):
            pass
    await until(lambda: not any(one.sessions for one in databases.describe()))
