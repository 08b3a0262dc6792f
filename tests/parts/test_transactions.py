"""Transactions in modules and in cells: several services in one, and what they leave behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from modframe.app import AppContext
from modframe.errors import ArgumentError, NestedTransactionError, WrongDatabaseError

HEAD = """
from core.app_context import app_context
from core.database import get_database_base
from core.decorators import enforce_data_integrity
from modframe.decorators import module
from sqlalchemy import Column, Integer, String, func, select, text

DATABASE_NAME = "{database}"
Base = get_database_base(DATABASE_NAME)
"""

STOCK = (
    HEAD
    + """

class Item(Base):
    __tablename__ = "{name}_items"
    id = Column(Integer, primary_key=True)
    left = Column(Integer, nullable=False)


@module
class {name}:
    async def initialize(self):
        async with app_context.database.transaction("{database}", "fill") as session:
            session.add(Item(left=5))

    async def take(self, number: int, *, session=None) -> int:
        if session is None:
            transaction = app_context.database.transaction("{database}", "take", retry=3)
            return await transaction(lambda own: self.take(number, session=own))
        item = (await session.scalars(select(Item))).one()
        item.left -= number
        return item.left

    async def left(self) -> int:
        async with app_context.database.integrity_session("{database}", "look") as session:
            return (await session.scalars(select(Item.left))).one()
"""
)

SHOP = (
    HEAD
    + """

class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    number = Column(Integer, nullable=False)


@module(requires=["stock", "far"])
@enforce_data_integrity(strict_mode={strict})
class Shop:
    def transaction(self, purpose, **options):
        return app_context.database.transaction("shop", purpose, **options)

    async def buy(self, number: int, *, fail: bool = False, via: str = "stock", pass_on: bool = True):
        service = app_context.get_service(via)

        async def work(session):
            session.add(Order(number=number))
            left = await (service.take(number, session=session) if pass_on else service.take(number))
            if fail:
                raise ValueError("changed my mind")
            return left

        return await self.transaction("buy", retry=8)(work)

    async def count(self) -> int:
        async with app_context.database.integrity_session("shop", "count") as session:
            return await session.scalar(select(func.count()).select_from(Order))

    async def wrong_retry(self):
        self.transaction("wrong", retry=-1)

    async def forget(self):
        self.kept = self.transaction("nightly import")
        session = await self.kept.__aenter__()
        session.add(Order(number=1))
        await session.flush()

    async def text_only(self):
        async with self.transaction("by text") as session:
            await session.execute(text("INSERT INTO orders (id, number) VALUES (77, 1)"))
"""
)


@pytest.fixture(params=[False, True], ids=["lax", "strict"])
def shop(app: AppContext, request: pytest.FixtureRequest) -> AppContext:
    """A shop whose stock is in the same database, and a second stock in another one."""

    def stock(name: str, database: str) -> tuple[str, dict[str, str]]:
        body = STOCK.replace("{name}", name.title()).replace("{database}", database)
        return name, {"api.py": body}

    body = SHOP.replace("{database}", "shop").replace("{strict}", str(request.param))
    app.load([stock("stock", "shop"), stock("far", "far"), ("shop", {"api.py": body})])
    return app


def test_a_session_passed_on_makes_one_transaction_of_two_services(shop: AppContext) -> None:
    """Both commit, or neither does."""
    buy, stock = shop.get_service("shop"), shop.get_service("stock")
    assert buy.buy(2).result() == 3
    with pytest.raises(ValueError, match="changed my mind"):
        buy.buy(1, fail=True).result()
    assert stock.left().result() == 3
    assert buy.count().result() == 1
    assert stock.take(1).result() == 2  # without a session it has a transaction of its own


def test_a_session_of_another_database_is_refused(shop: AppContext) -> None:
    """The error says what isn't promised; nothing was written."""
    with pytest.raises(WrongDatabaseError, match=r"'buy'.*'shop'.*Item.*'far'.*commit together"):
        shop.get_service("shop").buy(2, via="far").result()
    assert shop.get_service("shop").count().result() == 0
    assert shop.get_service("far").left().result() == 5


@pytest.mark.parametrize("via", ["stock", "far"])
def test_a_service_that_begins_its_own_transaction_inside_of_one_is_refused(
    shop: AppContext, via: str
) -> None:
    """It would be committed by itself; nothing was written."""
    with pytest.raises(NestedTransactionError, match="'take'"):
        shop.get_service("shop").buy(2, via=via, pass_on=False).result()
    assert shop.get_service("shop").count().result() == 0
    assert shop.get_service(via).left().result() == 5


def test_a_transaction_commits_what_a_strict_module_would_have_to(shop: AppContext) -> None:
    """Plain SQL as well; it leaves nothing uncommitted."""
    shop.get_service("shop").text_only().result()
    assert shop.get_service("shop").count().result() == 1


def test_a_wrong_number_of_tries_is_named(shop: AppContext) -> None:
    """As that of any other argument."""
    with pytest.raises(ArgumentError, match=r"transaction\(\).*retry.*0 or more"):
        shop.get_service("shop").wrong_retry().result()


def test_a_transaction_left_open_is_rolled_back_with_its_generation(shop: AppContext) -> None:
    """It is named, as a session is."""
    shop.get_service("shop").forget().result()
    shop.modules["shop"].unload()
    assert shop.modules["shop"].state == "FAILED_UNLOAD"
    assert shop.database.sql("SELECT count(*) FROM shop.orders").rows == [(0,)]
    (fault,) = shop.stop().unsettled
    assert "session 'nightly import' on database 'shop' was open" in fault


def test_cells_and_scripts_run_a_function_on_the_app_loop(shop: AppContext) -> None:
    """Awaited or by `result()`; its error arrives, and it can call services with its session."""
    service = shop.get_service("stock")

    async def take(session: Any) -> int:
        left: int = await service.take(1, session=session)
        return left

    async def fail(session: Any) -> None:
        await service.take(1, session=session)
        raise ZeroDivisionError

    assert shop.database.transaction("shop", "script", retry=8)(take).result() == 4

    async def cell() -> int:
        left: int = await shop.database.transaction("shop", "cell")(take)
        with pytest.raises(ZeroDivisionError):
            await shop.database.transaction("shop", "cell")(fail)
        return left

    assert asyncio.run(cell()) == 3
    assert shop.run(cell()) == 2
    assert service.left().result() == 2


def test_a_block_in_a_cell_commits_at_its_end(shop: AppContext) -> None:
    """An error in it rolls back, and with retry it is refused."""

    async def cell(number: int, *, retry: int = 0) -> None:
        async with shop.database.transaction("shop", "cell", retry=retry) as session:
            await session.execute(
                text("INSERT INTO orders (id, number) VALUES (:id, 1)"), {"id": number}
            )
            assert 1 / number

    asyncio.run(cell(3))
    with pytest.raises(ZeroDivisionError):
        asyncio.run(cell(0))
    with pytest.raises(ArgumentError, match="can't be run again"):
        asyncio.run(cell(4, retry=3))
    assert shop.database.sql("SELECT id FROM shop.orders").rows == [(3,)]


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 13])
def test_a_cancelled_cell_ends_its_transaction(app: AppContext, steps: int) -> None:
    """Nothing is committed, and no session is left open."""
    body = STOCK.replace("{name}", "Stock").replace("{database}", "shop")
    app.load({"api.py": body}, id="stock")

    async def endless(session: Any) -> None:
        await app.get_service("stock").take(1, session=session)
        await asyncio.Event().wait()

    async def cell() -> None:
        call = asyncio.ensure_future(app.database.transaction("shop", "cell", retry=3)(endless))
        for _ in range(steps):
            await asyncio.sleep(0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(cell())
    assert app.get_service("stock").take(2).result() == 3
