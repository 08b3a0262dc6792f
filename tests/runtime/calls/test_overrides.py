"""Overrides: callers of a service get another object for a while."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest

from modframe.app import AppContext
from modframe.errors import ServiceNotFoundError
from tests.fakes import ORDERS, simple

PATIENCE = 60


class Fake:
    """A service in place of the orders."""

    async def total(self, plus: int = 0) -> int:
        return -plus

    async def numbers(self, end: int):  # type: ignore[no-untyped-def]  # as the module has it
        yield end


def test_callers_get_the_replacement(app: AppContext) -> None:
    """People, modules and routes get the replacement until the block ends."""
    app.load({"api.py": ORDERS}, id="orders")
    ask = "async def ask(self): return await self.app_context.get_service('orders').total(1)"
    app.load({"api.py": simple(ask)}, id="asks")
    orders, asks = app.get_service("orders"), app.get_service("asks")

    async def get() -> int:
        async with app.test_client() as http:
            return int((await http.get("/api/v1/orders/total")).json()["total"])

    with app.override("orders", Fake()) as fake:
        assert isinstance(fake, Fake)
        assert orders.total(5).result(PATIENCE) == -5
        assert asks.ask().result(PATIENCE) == -1
        assert app.run(get()) == -2
        assert app.snapshot().module("standard.orders").overridden == ("standard.orders.service",)
    assert orders.total(5).result(PATIENCE) == 45
    assert asks.ask().result(PATIENCE) == 41
    assert app.snapshot().module("standard.orders").overridden == ()


def test_any_object_will_do(app: AppContext) -> None:
    """A mock or a namespace can replace a service, and missing methods are named."""
    app.load({"api.py": ORDERS}, id="orders")
    orders = app.get_service("orders")
    mock = AsyncMock()
    mock.total.return_value = 7
    with app.override("standard.orders.service", mock):
        assert orders.total(5).result(PATIENCE) == 7
    mock.total.assert_awaited_once_with(5)
    with app.override("orders", SimpleNamespace(total=lambda: 8)):
        assert orders.total().result(PATIENCE) == 8
        with pytest.raises(AttributeError, match="no method 'twice'"):
            orders.twice(2).result(PATIENCE)


def test_overrides_outlast_swaps_and_nest(app: AppContext) -> None:
    """The newest override counts, swaps don't change that, and each can end in any order."""
    app.load({"api.py": ORDERS}, id="orders")
    orders = app.get_service("orders")
    outer = app.override("orders", SimpleNamespace(total=lambda: "outer"))
    inner = app.override("orders", SimpleNamespace(total=lambda: "inner"))
    outer.__enter__()
    inner.__enter__()
    app.load({"api.py": ORDERS.replace("40", "50")}, id="orders")
    assert orders.total().result(PATIENCE) == "inner"
    outer.__exit__(None, None, None)
    assert orders.total().result(PATIENCE) == "inner"
    inner.__exit__(None, None, None)
    assert orders.total().result(PATIENCE) == 50


def test_an_override_ends_with_an_error(app: AppContext) -> None:
    """The module's own service is back after a block that raised."""
    app.load({"api.py": ORDERS}, id="orders")
    with pytest.raises(ZeroDivisionError), app.override("orders", Fake()):
        raise ZeroDivisionError
    assert app.get_service("orders").total().result(PATIENCE) == 40


def test_what_can_not_be_overridden(app: AppContext) -> None:
    """A name that leads to no service is refused, and the nearest name is offered."""
    app.load({"api.py": ORDERS}, id="orders")
    with (
        pytest.raises(ServiceNotFoundError, match=r"Did you mean 'standard\.orders\.service'"),
        app.override("ordres", Fake()),
    ):
        pass
