"""Transactions: one commit for a function, and another try after a conflict."""

from __future__ import annotations

import asyncio
import contextvars
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, String, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from modframe.errors import (
    ArgumentError,
    DatabaseConflictError,
    NestedTransactionError,
    WrongDatabaseError,
)
from modframe.parts.database.databases import Databases
from tests.parts.database.conftest import MakeDatabases
from tests.parts.database.support import fresh_base

AT_ONCE = 20


def counters(database: str = "shop") -> tuple[Any, Any]:
    """A base and its one model."""
    base = fresh_base(database)

    class Counter(base):  # type: ignore[misc, valid-type]  # made at run time
        __tablename__ = "counters"
        id = Column(Integer, primary_key=True)
        name = Column(String(100), unique=True)
        number = Column(Integer, nullable=False, default=0)

    return base, Counter


async def begin(databases: Databases, database: str = "shop") -> Any:
    """Make a table with one row of number 0; return its model."""
    base, counter = counters(database)
    await databases.apply(database, base.metadata)
    async with databases.transaction(database, "begin") as session:
        session.add(counter(name="one"))
    return counter


async def number(databases: Databases, counter: Any, database: str = "shop") -> int:
    """The committed number of the first row."""
    async with databases.session(database, "look") as session:
        value: int = (await session.scalars(select(counter.number).where(counter.id == 1))).one()
        return value


async def test_what_a_function_did_is_committed_and_its_result_returned(
    make_databases: MakeDatabases,
) -> None:
    """The result may be an object; it keeps its values."""
    async with make_databases() as databases:
        counter = await begin(databases)

        async def add(session: AsyncSession) -> Any:
            made = counter(name="two", number=5)
            session.add(made)
            return made

        made = await databases.transaction("shop", "add", retry=8)(add)
        assert (made.id, made.number) == (2, 5)
        async with databases.session("shop", "look") as session:
            assert len((await session.scalars(select(counter))).all()) == 2


async def test_many_read_modify_writes_of_one_row_lose_nothing(
    make_databases: MakeDatabases,
) -> None:
    """Twice, since after a conflict all of them wait for a turn at once."""
    async with make_databases() as databases:
        counter = await begin(databases)
        sessions = []

        async def add_one(session: AsyncSession) -> int:
            sessions.append(session)
            row = (await session.scalars(select(counter).where(counter.id == 1))).one()
            await asyncio.sleep(0)
            row.number += 1
            return row.number

        for round_number in (1, 2):
            made = [databases.transaction("shop", "count", retry=8) for _ in range(AT_ONCE)]
            numbers = await asyncio.gather(*(transaction(add_one) for transaction in made))
            assert sorted(numbers) == list(
                range((round_number - 1) * AT_ONCE + 1, round_number * AT_ONCE + 1)
            )
        assert await number(databases, counter) == 2 * AT_ONCE
        assert len(sessions) > 2 * AT_ONCE  # some met a conflict, and each try had its own
        assert len(set(map(id, sessions))) == len(sessions)


async def conflicting(databases: Databases, counter: Any, *, always: bool) -> Any:
    """A function whose row another session changes first: at its first run, or at each."""
    runs = []

    async def change(session: AsyncSession) -> int:
        await session.execute(select(counter))
        if always or not runs:
            async with databases.session("shop", "other") as other:
                await other.execute(update(counter).values(number=counter.number + 10))
                await other.commit()
        runs.append(1)
        row = (await session.scalars(select(counter).where(counter.id == 1))).one()
        row.number += 1
        await session.flush()
        return len(runs)

    return change


async def test_a_second_try_reads_anew(make_databases: MakeDatabases) -> None:
    """It builds on what the other session committed."""
    async with make_databases() as databases:
        counter = await begin(databases)
        change = await conflicting(databases, counter, always=False)
        assert await databases.transaction("shop", "change", retry=1)(change) == 2
        assert await number(databases, counter) == 11


@pytest.mark.parametrize("retry", [0, 2])
async def test_when_tries_are_used_up_the_error_says_how_many_there_were(
    make_databases: MakeDatabases, retry: int
) -> None:
    """It is retryable by name, and only the other session's changes are there."""
    async with make_databases() as databases:
        counter = await begin(databases)
        change = await conflicting(databases, counter, always=True)
        with pytest.raises(DatabaseConflictError) as info:
            await databases.transaction("shop", "change", retry=retry)(change)
        error = info.value
        assert (error.tries, error.retryable, error.purpose) == (retry + 1, True, "change")
        assert ("each of its 3 tries" in str(error)) == bool(retry)
        assert await number(databases, counter) == 10 * (retry + 1)


@pytest.mark.parametrize("flush", [False, True])
async def test_a_conflict_that_the_function_catches_is_run_again_all_the_same(
    make_databases: MakeDatabases, flush: bool
) -> None:
    """As in services that turn every exception into a result: else its writes would be lost."""
    async with make_databases() as databases:
        counter = await begin(databases)
        runs = []

        async def change(session: AsyncSession) -> str:
            runs.append(1)
            row = (await session.scalars(select(counter))).one()
            if len(runs) == 1:
                async with databases.session("shop", "other") as other:
                    await other.execute(update(counter).values(number=10))
                    await other.commit()
            try:
                if flush:
                    row.number += 1
                    await session.flush()
                else:
                    await session.execute(update(counter).values(number=counter.number + 1))
            except Exception:  # as the function under test does
                return "failed"
            return "done"

        assert await databases.transaction("shop", "change", retry=2)(change) == "done"
        assert await number(databases, counter) == 11
        runs.clear()
        with pytest.raises(DatabaseConflictError):
            await databases.transaction("shop", "change")(change)


async def test_errors_of_the_function_are_raised_at_once_and_roll_back(
    make_databases: MakeDatabases,
) -> None:
    """A broken constraint is one of them."""
    async with make_databases() as databases:
        counter = await begin(databases)
        runs = []

        async def fail(session: AsyncSession) -> None:
            runs.append(1)
            await session.execute(update(counter).values(number=7))
            raise ZeroDivisionError

        async def twice(session: AsyncSession) -> None:
            runs.append(1)
            session.add(counter(name="one"))

        with pytest.raises(ZeroDivisionError):
            await databases.transaction("shop", "fail", retry=8)(fail)
        with pytest.raises(IntegrityError):
            await databases.transaction("shop", "twice", retry=8)(twice)
        assert len(runs) == 2
        assert await number(databases, counter) == 0


async def test_a_unique_value_that_another_committed_first_is_an_integrity_error(
    folder: Path,
) -> None:
    """DuckDB notices it at commit; the block itself can catch it."""
    async with Databases(folder) as databases:
        counter = await begin(databases)
        async with databases.session("shop", "second") as second:
            second.add(counter(name="two"))
            await second.flush()
            async with databases.session("shop", "first") as first:
                first.add(counter(name="two"))
                await first.commit()
            with pytest.raises(IntegrityError):
                await second.commit()


async def test_a_race_for_a_unique_value_is_run_again(make_databases: MakeDatabases) -> None:
    """One of them makes the row; the others see it in a later try, and can say so."""
    async with make_databases() as databases:
        counter = await begin(databases)

        async def register(session: AsyncSession) -> str:
            if (await session.scalars(select(counter).where(counter.name == "two"))).first():
                return "taken"
            session.add(counter(name="two"))
            return "made"

        made = [databases.transaction("shop", "register", retry=8) for _ in range(AT_ONCE)]
        answers = await asyncio.gather(*(transaction(register) for transaction in made))
        assert sorted(answers) == ["made", *["taken"] * (AT_ONCE - 1)]


async def test_a_broken_constraint_beside_other_commits_is_run_again_once(folder: Path) -> None:
    """On DuckDB it could have been a race; the second time it counts, whatever others commit."""
    async with Databases(folder) as databases:
        counter = await begin(databases)
        runs = []

        async def twice(session: AsyncSession) -> None:
            runs.append(1)
            await session.execute(select(counter))
            async with databases.session("shop", "other") as other:
                other.add(counter(name=f"other {len(runs)}"))
                await other.commit()
            session.add(counter(name="one"))
            await session.flush()

        with pytest.raises(IntegrityError):
            await databases.transaction("shop", "twice", retry=8)(twice)
        assert len(runs) == 2


async def test_a_block_commits_and_an_error_in_it_rolls_back(make_databases: MakeDatabases) -> None:
    """With retry it is refused, for a block can't be run again."""
    async with make_databases() as databases:
        counter = await begin(databases)

        async def block(*, retry: int = 0, fail: bool = False) -> None:
            async with databases.transaction("shop", "block", retry=retry) as session:
                await session.execute(update(counter).values(number=counter.number + 1))
                if fail:
                    raise ZeroDivisionError

        await block()
        with pytest.raises(ZeroDivisionError):
            await block(fail=True)
        with pytest.raises(ArgumentError, match=r"'block'.*retry=2.*async def"):
            await block(retry=2)
        assert await number(databases, counter) == 1
        assert [facts.sessions for facts in databases.describe()] == [0]


async def test_a_function_that_is_not_async_is_refused(make_databases: MakeDatabases) -> None:
    """What it did is rolled back."""
    async with make_databases() as databases:
        counter = await begin(databases)
        wrong: Any = lambda session: session.add(counter(name="two"))  # noqa: E731
        with pytest.raises(ArgumentError, match="async def"):
            await databases.transaction("shop", "wrong")(wrong)
        async with databases.session("shop", "look") as session:
            assert len((await session.scalars(select(counter))).all()) == 1


async def test_cancelling_ends_a_transaction_that_waits_for_its_turn(
    make_databases: MakeDatabases,
) -> None:
    """It ends at once, and the others go on."""
    async with make_databases() as databases:
        counter = await begin(databases)
        databases.database("shop").contention.note()
        entered, go_on = asyncio.Event(), asyncio.Event()

        async def hold(session: AsyncSession) -> None:
            entered.set()
            await go_on.wait()
            await session.execute(update(counter).values(number=1))

        async def never(_session: AsyncSession) -> None:
            raise AssertionError("it has no turn")

        first = asyncio.create_task(databases.transaction("shop", "first", retry=8)(hold))
        await entered.wait()
        second = asyncio.create_task(databases.transaction("shop", "second", retry=8)(never))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        go_on.set()
        await first
        assert await number(databases, counter) == 1


@pytest.mark.parametrize("inner", ["shop", "users"])
async def test_a_transaction_inside_of_another_is_refused(
    make_databases: MakeDatabases, inner: str
) -> None:
    """On one database, pass the session on; over two, the error says what isn't promised."""
    async with make_databases() as databases:
        await begin(databases)
        await begin(databases, "users")

        async def outer(_session: AsyncSession) -> None:
            async with databases.transaction(inner, "inner"):
                pass

        wanted = "session=" if inner == "shop" else "two databases can't commit together"
        with pytest.raises(NestedTransactionError, match=wanted) as info:
            await databases.transaction("shop", "outer", retry=8)(outer)
        assert info.value.outer == "outer"


@pytest.mark.parametrize("crossed", [False, True])
async def test_transactions_that_wait_for_each_other_get_their_turn(
    make_databases: MakeDatabases, crossed: bool
) -> None:
    """Each holds the turn of one database, and waits for one that wants that of the other."""
    async with make_databases() as databases:
        names = ("shop", "users") if crossed else ("shop", "shop")
        for name in set(names):
            await begin(databases, name)
        both = asyncio.Barrier(2) if crossed else None

        async def inner(_session: AsyncSession) -> str:
            return "done"

        async def outer(wanted: str, task: Any) -> str:
            if both is not None:
                await both.wait()
            result: str = await task(databases.transaction(wanted, "inner", retry=1)(inner))
            return result

        def apart(coroutine: Any) -> Any:
            return asyncio.get_running_loop().create_task(coroutine, context=contextvars.Context())

        def run(mine: str, wanted: str) -> Any:
            databases.database(mine).contention.note()
            return databases.transaction(mine, "outer", retry=1)(
                lambda _session: outer(wanted, apart)
            )

        runs = [run(*names), run(*reversed(names))] if crossed else [run(*names)]
        assert set(await asyncio.wait_for(asyncio.gather(*runs), 30)) == {"done"}


async def test_a_model_of_another_database_is_refused(make_databases: MakeDatabases) -> None:
    """Reading and writing, with what to do instead."""
    async with make_databases() as databases:
        await begin(databases)
        other = await begin(databases, "users")
        match = r"'add'.*'shop'.*Counter.*'users'.*can't commit together"
        with pytest.raises(WrongDatabaseError, match=match):
            async with databases.transaction("shop", "add") as session:
                session.add(other(name="two"))
        with pytest.raises(WrongDatabaseError, match=match):
            async with databases.session("shop", "add") as session:
                await session.execute(select(other))
