"""Sessions: commit, rollback, changes left behind, cancellation, and a loop that never waits."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, String, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from modframe.parts.database.backend import backend_class
from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import (
    DatabaseConflictError,
    UncommittedChangesError,
)
from tests.parts.database.conftest import MakeDatabases
from tests.parts.database.support import fresh_base


def models() -> tuple[Any, Any]:
    """A base and its one model."""
    base = fresh_base("shop")

    class Item(base):  # type: ignore[misc, valid-type]  # made at run time
        __tablename__ = "items"
        id = Column(Integer, primary_key=True)
        name = Column(String(100), nullable=False, unique=True)
        amount: Mapped[int] = mapped_column(default=0)

    return base, Item


async def rows(databases: Databases, columns: str = "name") -> list[Any]:
    """Columns of all items, as a session of its own reads them; a single one without tuples."""
    async with databases.session("shop", "look", strict=True) as session:
        found = await session.execute(text(f"SELECT {columns} FROM items ORDER BY id"))
        return [row[0] if "," not in columns else tuple(row) for row in found]


async def test_committed_rows_are_there_and_readable_after_the_session(
    make_databases: MakeDatabases,
) -> None:
    """A committed object keeps its values: nothing is expired that would have to be awaited."""
    base, item = models()
    async with make_databases() as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "add", strict=True) as session:
            one = item(name="one")
            session.add(one)
            await session.commit()
        assert (one.id, one.name, one.amount) == (1, "one", 0)
    async with make_databases() as databases:
        assert await rows(databases) == ["one"]


async def test_a_batch_gets_keys_in_its_order(make_databases: MakeDatabases) -> None:
    """Keys given to many objects at once belong to the rows they say."""
    base, item = models()
    async with make_databases() as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "add") as session:
            items = [item(name=f"n{number}") for number in range(3000)]
            session.add_all(items)
            await session.commit()
            stored = (await session.execute(select(item.id, item.name))).all()
        assert {(one.id, one.name) for one in items} == {tuple(row) for row in stored}
        assert [one.id for one in items] == sorted(one.id for one in items)


async def test_an_error_rolls_back(make_databases: MakeDatabases) -> None:
    """What was flushed before an error is not there afterwards, and the error arrives."""
    base, item = models()
    async with make_databases() as databases:
        await databases.apply("shop", base.metadata)

        async def fail() -> None:
            async with databases.session("shop", "add", strict=True) as session:
                session.add(item(name="one"))
                await session.flush()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        assert await rows(databases) == []


async def test_a_constraint_is_an_integrity_error(make_databases: MakeDatabases) -> None:
    """Every engine's constraint errors are IntegrityErrors; after a rollback the session works."""
    base, item = models()
    async with make_databases() as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "add", strict=True) as session:
            session.add(item(name="one"))
            await session.commit()
            session.add(item(name="one"))
            with pytest.raises(IntegrityError):
                await session.commit()
            await session.rollback()
            session.add(item(name="two"))
            await session.commit()
        assert await rows(databases) == ["one", "two"]


async def leave_unflushed(session: Any, item: Any) -> None:
    session.add(item(name="left"))


async def leave_flushed(session: Any, item: Any) -> None:
    session.add(item(name="left"))
    await session.flush()


async def leave_changed(session: Any, item: Any) -> None:
    (await session.scalars(select(item))).one().amount = 5


async def leave_deleted(session: Any, item: Any) -> None:
    await session.delete((await session.scalars(select(item))).one())


async def leave_core_insert(session: Any, item: Any) -> None:
    await session.execute(insert(item).values(name="left"))


async def leave_core_update(session: Any, item: Any) -> None:
    await session.execute(update(item).values(amount=7))


async def leave_core_delete(session: Any, item: Any) -> None:
    await session.execute(delete(item))


async def leave_plain_sql(session: Any, _item: Any) -> None:
    await session.execute(text("/* by hand */ insert into items (name, amount) values ('left', 1)"))


async def leave_on_connection(session: Any, item: Any) -> None:
    connection = await session.connection()
    await connection.execute(insert(item).values(name="left"))


LEAVES = {
    "unflushed": (leave_unflushed, "new Item"),
    "flushed": (leave_flushed, "INSERT"),
    "changed": (leave_changed, "changed Item"),
    "deleted": (leave_deleted, "deleted Item"),
    "core insert": (leave_core_insert, "INSERT"),
    "core update": (leave_core_update, "UPDATE"),
    "core delete": (leave_core_delete, "DELETE"),
    "plain sql": (leave_plain_sql, "INSERT"),
    "connection": (leave_on_connection, "INSERT"),
}


@pytest.mark.parametrize("strict", [True, False])
async def test_uncommitted_changes_are_reported_and_rolled_back(
    strict: bool, caplog: pytest.LogCaptureFixture, make_databases: MakeDatabases
) -> None:
    """However a change was made, it is an error at the end if strict, else a warning."""
    caplog.set_level(logging.WARNING, "modframe.database")
    base, item = models()
    async with make_databases() as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "first", strict=True) as session:
            session.add(item(name="one"))
            await session.commit()
        for way, (leave, what) in LEAVES.items():
            caplog.clear()
            if strict:
                with pytest.raises(UncommittedChangesError, match=r"'leave it'.*'shop'.*commit"):
                    async with databases.session("shop", "leave it", strict=True) as session:
                        await leave(session, item)
            else:
                async with databases.session("shop", "leave it") as session:
                    await leave(session, item)
            assert await rows(databases, "name, amount") == [("one", 0)], way
            said = [one.getMessage() for one in caplog.records if one.name == "modframe.database"]
            assert len(said) == (0 if strict else 1), way
            assert all(what in one and "'leave it'" in one and "'shop'" in one for one in said), way


async def test_reading_committing_and_rolling_back_leave_nothing_to_report(
    make_databases: MakeDatabases,
) -> None:
    """A strict session that read, committed or rolled back ends quietly."""
    base, item = models()
    async with make_databases() as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "commit, then read", strict=True) as session:
            session.add(item(name="one"))
            await session.commit()
            one = (await session.scalars(select(item))).one()
            one.amount = one.amount
        async with databases.session("shop", "drop on purpose", strict=True) as session:
            await session.execute(insert(item).values(name="two"))
            session.add(item(name="three"))
            await session.rollback()
        async with (
            databases.session("shop", "begin block", strict=True) as session,
            session.begin(),
        ):
            session.add(item(name="four"))
        assert await rows(databases) == ["one", "four"]


async def test_counts_of_changed_rows(make_databases: MakeDatabases) -> None:
    """UPDATE and DELETE say how many rows they changed."""
    base, item = models()
    async with make_databases() as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "count", strict=True) as session:
            session.add_all([item(name="a"), item(name="b")])
            await session.flush()
            result = await session.execute(update(item).values(amount=3))
            assert result.rowcount == 2
            gone = await session.execute(delete(item).where(item.name == "a"))
            assert gone.rowcount == 1
            back = await session.execute(
                update(item).values(amount=item.amount + 1).returning(item.amount)
            )
            assert back.scalars().all() == [4]
            await session.commit()


async def test_two_sessions_that_change_one_row_conflict(make_databases: MakeDatabases) -> None:
    """The second one gets an error that says what happened and what to do; the first one wins."""
    base, item = models()
    async with make_databases() as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "add", strict=True) as session:
            session.add(item(name="one"))
            await session.commit()

        async def change_what_another_changes_first() -> None:
            async with databases.session("shop", "second", strict=True) as second:
                assert await second.scalar(select(item.amount)) == 0
                async with databases.session("shop", "first", strict=True) as first:
                    await first.execute(update(item).values(amount=1))
                    await first.commit()
                await second.execute(update(item).values(amount=2))

        with pytest.raises(DatabaseConflictError, match=r"'second'.*'shop'.*again") as info:
            await change_what_another_changes_first()
        assert info.value.purpose == "second"
        assert await rows(databases, "amount") == [1]


async def test_the_loop_is_not_blocked_by_a_heavy_query(
    make_databases: MakeDatabases, endless: str
) -> None:
    """While the engine computes, the loop's other tasks run."""
    async with (
        make_databases(memory=True) as databases,
        databases.session("shop", "heavy") as session,
    ):
        query = asyncio.create_task(session.execute(text(endless)))
        ticks = 0
        while ticks < 50:  # would never come if the query held the loop
            await asyncio.sleep(0.001)
            ticks += 1
        assert not query.done()
        query.cancel()
        with pytest.raises(asyncio.CancelledError):
            await query


async def test_a_cancelled_query_is_interrupted_and_the_session_is_usable(
    make_databases: MakeDatabases, endless: str
) -> None:
    """Cancelling interrupts the engine; after a rollback the same session works again."""
    async with (
        make_databases(memory=True) as databases,
        databases.session("shop", "heavy") as session,
    ):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.execute(text(endless)), 0.1)
        await session.rollback()
        assert (await session.execute(text("SELECT 42"))).scalar_one() == 42


async def test_a_cancelled_task_leaves_no_session_and_no_rows(
    make_databases: MakeDatabases, endless: str
) -> None:
    """A task cancelled within a session rolls back, and the database counts no session."""
    base, item = models()
    async with make_databases() as databases:
        await databases.apply("shop", base.metadata)
        begun = asyncio.Event()

        async def work() -> None:
            async with databases.session("shop", "work", strict=True) as session:
                session.add(item(name="lost"))
                await session.flush()
                begun.set()
                await session.execute(text(endless))
                await session.commit()

        task = asyncio.create_task(work())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [one.sessions for one in databases.describe()] == [0]
        assert await rows(databases) == []


async def test_many_sessions_at_once(make_databases: MakeDatabases) -> None:
    """More sessions than the pool has connections all commit their rows."""
    base, item = models()
    async with make_databases() as databases:
        await databases.apply("shop", base.metadata)

        async def add(number: int) -> None:
            async with databases.session("shop", f"add {number}", strict=True) as session:
                session.add(item(name=f"n{number}"))
                await session.commit()

        await asyncio.gather(*(add(number) for number in range(60)))
        assert len(await rows(databases)) == 60


async def test_an_error_in_a_savepoint_loses_its_own_rows_alone(
    engine: str, make_databases: MakeDatabases
) -> None:
    """The session goes on with what it did before."""
    if not backend_class(engine).savepoints:
        pytest.skip("the engine has no savepoints, and says so when one is begun")
    base, item = models()
    async with make_databases() as databases:
        await databases.apply("shop", base.metadata)

        async def fail(session: Any) -> None:
            async with session.begin_nested():
                session.add(item(name="lost"))
                await session.flush()
                raise ZeroDivisionError

        async with databases.session("shop", "nested", strict=True) as session:
            session.add(item(name="kept"))
            with pytest.raises(ZeroDivisionError):
                await fail(session)
            await session.commit()
        assert await rows(databases) == ["kept"]


async def test_in_memory_databases_stay_and_leave_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_databases: MakeDatabases
) -> None:
    """Without a folder the rows live as long as the databases do, idle or not."""
    monkeypatch.chdir(tmp_path)
    base, item = models()
    async with make_databases(memory=True, idle=0.0) as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "add") as session:
            session.add(item(name="one"))
            await session.commit()
        await asyncio.sleep(0)
        async with databases.session("shop", "count") as session:
            count = await session.scalar(select(func.count()).select_from(item))
        assert count == 1
    assert list(tmp_path.iterdir()) == []
