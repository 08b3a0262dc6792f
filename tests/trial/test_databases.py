"""Databases of tests at the gate: each test has its own, in which wider fixtures leave their rows."""

from __future__ import annotations

from textwrap import dedent

from modframe.app import AppContext

STORE = """
import asyncio

from core.app_context import app_context
from core.database import get_database_base
from fastapi import APIRouter
from modframe.decorators import module
from sqlalchemy import Column, Integer, String, func, select

DATABASE_NAME = "store"
Base = get_database_base(DATABASE_NAME)
router = APIRouter()


class Row(Base):
    __tablename__ = "rows"
    id = Column(Integer, primary_key=True)
    note = Column(String)


@router.post("/rows")
async def add() -> int:
    return await app_context.get_service("store").add()


@module
class Store:
    async def add(self, note: str = "") -> int:
        async with app_context.database.integrity_session("store", "add") as session:
            row = Row(note=note)
            session.add(row)
            await session.commit()
            return row.id

    async def notes(self) -> list[str]:
        async with app_context.database.integrity_session("store", "notes") as session:
            return list((await session.scalars(select(Row.note).order_by(Row.id))).all())
"""


def passes(app: AppContext, tests: str, *, api: str = STORE, **more: str) -> None:
    """Load the store with tests that must pass."""
    texts = {f"{file.replace('__', '/')}.py": dedent(text) for file, text in more.items()}
    app.load({"api.py": api, "test_it.py": dedent(tests), **texts}, id="store", test=True)


def test_each_test_begins_with_empty_tables(app: AppContext) -> None:
    """No test sees the rows of another one, and keys are counted from one again."""
    passes(
        app,
        """
        import pytest


        @pytest.mark.parametrize("turn", [1, 2, 3])
        async def test_async(service, turn):
            assert await service.add("mine") == 1
            assert await service.notes() == ["mine"]


        @pytest.mark.parametrize("turn", [1, 2])
        def test_sync(service, client, turn):
            assert client.post("/api/v1/store/rows").json() == 1
            assert service.add("second").result() == 2


        async def test_session(app_context):
            from sqlalchemy import text

            async with app_context.database.integrity_session("store", "look") as session:
                assert (await session.execute(text("SELECT count(*) FROM rows"))).scalar() == 0
        """,
    )
    assert app.database.sql("SELECT count(*) FROM store.rows").rows == [(0,)]


def test_fixtures_of_functions_share_the_databases_of_their_test(app: AppContext) -> None:
    """What they write is there for their test, until they have ended, and for no other."""
    passes(
        app,
        """
        import pytest


        @pytest.fixture
        async def row(service):
            await service.add("before")
            yield
            assert await service.notes() == ["before", "in the test"]


        @pytest.mark.parametrize("turn", [1, 2])
        async def test_it(row, service, turn):
            assert await service.add("in the test") == 2
        """,
    )


def test_rows_of_wider_fixtures_live_as_long_as_their_scope(app: AppContext) -> None:
    """Each test begins with what the fixtures of its class, file and run have written."""
    passes(
        app,
        """
        import pytest


        @pytest.fixture(scope="class")
        async def two(service):
            yield [await service.add("a"), await service.add("b")]
            assert await service.notes() == ["file", "a", "b"]


        @pytest.fixture(scope="module", autouse=True)
        def one(service):
            service.add("file").result()
            yield
            assert service.notes().result() == ["file"]


        @pytest.mark.usefixtures("two")
        class TestTwo:
            @pytest.mark.parametrize("turn", [1, 2])
            async def test_keys_go_on(self, service, two, turn):
                assert two == [2, 3]
                assert await service.add("mine") == 4
                assert await service.notes() == ["file", "a", "b", "mine"]


        class TestOther:
            @pytest.mark.parametrize("turn", [1, 2])
            async def test_without(self, service, turn):
                assert await service.add("mine") == 2
                assert await service.notes() == ["file", "mine"]
        """,
        tests__test_more="""
        async def test_elsewhere(service):
            assert await service.notes() == []
        """,
    )


def test_what_a_test_leaves_running_has_no_databases_any_more(app: AppContext) -> None:
    """A task that a test began and left can't write into the databases of the next test."""
    passes(
        app,
        """
        import asyncio

        import pytest

        left = []


        async def test_leaves(service):
            await service.add("first")
            gate = asyncio.Event()

            async def late():
                await gate.wait()
                await service.add("late")

            left.append((gate, asyncio.create_task(late())))
            await asyncio.sleep(0)


        async def test_next(service):
            gate, task = left.pop()
            gate.set()
            with pytest.raises(Exception, match="test has ended"):
                await task
            assert await service.notes() == []
        """,
    )


WITH_TASK = (
    STORE
    + """
    async def initialize(self):
        self.asked, self.answered = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self.keep())

    async def keep(self):
        await self.asked.wait()
        await self.add("of the task")
        self.answered.set()

    async def ask(self):
        self.asked.set()
        await self.answered.wait()
"""
)


def test_tasks_of_the_module_keep_the_real_databases(app: AppContext) -> None:
    """What a task of the module writes while its tests run is kept, and no test sees it."""
    passes(
        app,
        """
        async def test_it(service):
            await service.ask()
            assert await service.notes() == []
        """,
        api=WITH_TASK,
    )
    assert app.database.sql("SELECT note FROM store.rows").rows == [("of the task",)]
