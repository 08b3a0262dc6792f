"""What the snapshot shows of the use of a module: its routes, the methods of its service."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.observe import POINTS
from tests.fakes import simple

HEAD = """
from fastapi import APIRouter
from modframe.result import Result
router = APIRouter()

@router.get("/share/{number}")
async def share(number: int):
    return 1 / number
"""
BODY = """
async def good(self):
    return 1

async def bad(self):
    raise ValueError("no")

async def refuses(self):
    return Result.error("NO", "no")

async def some(self):
    yield 1
"""


@pytest.fixture
def shop(app: AppContext) -> AppContext:
    """Return an app with a module that nobody has used yet."""
    app.load({"api.py": simple(BODY, head=HEAD, name="Shop")}, id="shop")
    return app


def facts(app: AppContext) -> Any:
    view = app.snapshot().module("standard.shop")
    assert view is not None
    return view.parts["traffic"]


def counted(rows: Any) -> dict[str, tuple[int, int]]:
    return {row["method"]: (row["count"], row["errors"]) for row in rows}


def test_calls_are_counted_by_method(shop: AppContext) -> None:
    """From the app loop or another thread; an exception and an error Result are errors."""
    assert facts(shop) == {}
    service = shop.get_service("shop")

    async def use() -> None:
        for _ in range(100):
            await service.good()
        assert [item async for item in service.some()] == [1]

    shop.run(use())
    service.good().result()
    with pytest.raises(ValueError, match="no"):
        service.bad().result()
    assert service.refuses().result().code == "NO"
    methods = facts(shop)["methods"]
    assert counted(methods) == {"good": (101, 0), "bad": (1, 1), "refuses": (1, 1), "some": (1, 0)}
    good = methods[0]
    assert 0 < good["mean"] <= good["longest"]
    assert 0 < good["p95"] <= good["longest"]


def test_counts_outlive_a_swap(shop: AppContext) -> None:
    """A module's numbers go on with its next generation; another module has its own."""
    shop.get_service("shop").good().result()
    shop.modules["shop"].reload()
    shop.get_service("shop").good().result()
    assert counted(facts(shop)["methods"]) == {"good": (2, 0)}
    shop.load({"api.py": simple(name="Other")}, id="other")
    view = shop.snapshot().module("standard.other")
    assert view is not None
    assert view.parts["traffic"] == {}


async def test_requests_are_shown_with_a_series(shop: AppContext) -> None:
    """Each route has one row over all its statuses; the last minutes are a few dozen points."""
    async with shop.test_client() as http:
        for number in (1, 0, "x", 2):
            await http.get(f"/api/v1/shop/share/{number}")
        await asyncio.gather(*(http.get("/api/v1/shop/none") for _ in range(3)))
    seen = facts(shop)
    route = {row["route"]: row for row in seen["routes"]}
    assert counted([route["/api/v1/shop/share/{number}"]]) == {"GET": (4, 1)}
    assert route[""]["count"] == 3
    assert {len(seen["series"][key]) for key in ("counts", "errors", "mean")} == {POINTS}
    assert sum(seen["series"]["counts"]) == 7
    assert len(shop.snapshot().lag["mean"]) == POINTS
    assert sum(seen["series"]["errors"]) == 1
    view = shop.snapshot().module("standard.shop")
    assert view is not None
    panels = {panel.title: panel.rows for panel in view.panels}
    assert ("GET /api/v1/shop/share/{number}", "4", "1") in [
        row[:3] for row in panels["answered routes"]
    ]
    assert "answered" not in view.contents
