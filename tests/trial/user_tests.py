"""A user's folder of tests for a module: the same files for pytest, the gate and a notebook."""

API = """
from dataclasses import dataclass

from core.app_context import app_context
from core.database import get_database_base
from fastapi import APIRouter
from modframe.decorators import module
from modframe.events import subscribe
from pydantic_settings import BaseSettings
from sqlalchemy import Column, Integer, func, select

DATABASE_NAME = "orders"
Base = get_database_base(DATABASE_NAME)
router = APIRouter()


class Row(Base):
    __tablename__ = "rows"
    id = Column(Integer, primary_key=True)


class OrderError(Exception):
    pass


class OrdersSettings(BaseSettings):
    limit: int = 2


@dataclass
class Ordered:
    number: int


def rate() -> int:
    return 5


@router.get("/total")
async def total() -> dict[str, int]:
    return {"total": await app_context.get_service("orders").total()}


@module(settings=OrdersSettings)
class Orders:
    seen: list[int]

    async def initialize(self) -> None:
        self.seen = []

    async def add(self) -> int:
        if await self.total() >= self.settings.limit:
            raise OrderError("too many")
        async with app_context.database.integrity_session("orders", "add") as session:
            session.add(Row())
            await session.commit()
        await app_context.events.publish(Ordered(await self.total()))
        return await self.total()

    async def total(self) -> int:
        async with app_context.database.integrity_session("orders", "total") as session:
            return (await session.execute(select(func.count()).select_from(Row))).scalar_one()

    @subscribe(Ordered)
    async def on_ordered(self, event: Ordered) -> None:
        self.seen.append(event.number)

    async def numbers(self) -> list[int]:
        return self.seen

    def cost(self, number: int) -> int:
        return number * rate()
"""
"""The module; its ``api.py``."""

TESTS = """
import pytest

from modules.standard.orders.api import OrderError, Orders
from modules.standard.orders import api


def test_a_sync_test(service, client, module_client):
    assert service.add().result() == 1
    assert client.get("/api/v1/orders/total").json() == {"total": 1}
    assert module_client("orders").get("/total").json() == {"total": 1}


async def test_an_async_test(app_context, client, module_client):
    orders = app_context.get_service(Orders)
    before = await orders.total()
    async with app_context.database.integrity_session("orders", "test") as session:
        session.add(api.Row())
        await session.commit()
    assert await orders.total() == before + 1
    assert (await client.get("/api/v1/orders/total")).json() == {"total": before + 1}
    assert (await module_client("standard.orders").get("total")).json() == {"total": before + 1}
    assert app_context.module_id == "standard.orders"
    assert app_context.settings.limit == 2


async def test_classes_are_those_of_the_module_that_runs(service):
    with pytest.raises(OrderError, match="too many"):
        for _ in range(3):
            await service.add()


def test_patched_by_name(monkeypatch, service):
    monkeypatch.setattr("modules.standard.orders.api.rate", lambda: 7)
    assert service.cost(2).result() == 14
    monkeypatch.setattr(api, "rate", lambda: 8)
    assert service.cost(2).result() == 16


@pytest.fixture
async def cost(service):
    yield await service.cost(3)


def test_an_async_fixture(cost):
    assert cost == 15


@pytest.mark.parametrize("name", ["order", "standard.oders"])
def test_a_module_that_is_not_there(name, module_client):
    with pytest.raises(Exception, match="standard.orders"):
        module_client(name)
"""
"""Its ``tests/test_orders.py``: the same outcome wherever it runs."""
PASS = 7

WHOLE = """
import pytest

pytestmark = pytest.mark.modframe("orders")


async def test_events(modframe_app):
    orders = modframe_app.get_service("orders")
    await orders.add()
    modframe_app.events.settled()
    assert await orders.numbers() == [1]


@pytest.mark.modframe(settings={"orders": {"limit": 0}})
def test_settings(service):
    with pytest.raises(Exception, match="too many"):
        service.add().result()


def test_an_override(modframe_app, client):
    class Fake:
        async def total(self):
            return 99

    with modframe_app.override("orders", Fake()):
        assert client.get("/api/v1/orders/total").json() == {"total": 99}
    assert client.get("/api/v1/orders/total").json() == {"total": 0}
"""
"""Its ``tests/test_whole.py``: tests with an app of their own, which the gate skips."""
WHOLE_PASS = 3
