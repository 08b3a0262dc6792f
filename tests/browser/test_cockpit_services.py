"""The tabs Services and Routes on the page: forms of every kind, runs, results, a slow route."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from modframe import AppContext
from tests.browser.cockpit import TOKEN, cockpit_page

pytestmark = pytest.mark.browser

FORMS = '''
import asyncio, enum, time
from datetime import date, datetime
from datetime import time as clock
from decimal import Decimal
from fastapi import APIRouter
from pydantic import BaseModel, Field, SecretStr
from modframe import Result
from modframe.decorators import module

router = APIRouter()

class Kind(enum.Enum):
    SMALL = "small"
    LARGE = "large"

class Address(BaseModel):
    street: str = Field(description="Street and number")
    city: str = "Bern"

class Card(BaseModel):
    number: str
    password: str = ""

class Order(BaseModel):
    item: str
    address: Address
    amount: int = Field(1, le=9)
    tags: list[str] = []
    payment: Card | int | None = None

class Slow:
    def __repr__(self):
        time.sleep(60)

@router.get("/slow/{number}")
def slow(number: int, page: int = 1):
    time.sleep(0.02)
    return {"number": number, "page": page}

@router.post("/orders", status_code=201)
def place(order: Order):
    return order

@module
class Forms:
    def everything(
        self, order: Order, kind: Kind, day: date, at: datetime, price: Decimal, content: bytes, *,
        api_key: SecretStr = SecretStr("none"), ratio: float = 0.5, on: bool = True,
        maybe: int | None = None, extra: dict[str, int] = {}, hour: clock | None = None,
    ):
        """Takes <b>one</b> of each kind."""
        return {
            "order": order.model_dump(), "kind": str(kind), "day": repr(day), "at": repr(at),
            "price": repr(price), "content": content.decode(), "ratio": ratio, "on": on,
            "key": len(api_key.get_secret_value()), "maybe": maybe, "extra": extra,
            "hour": repr(hour),
        }
    def rows(self, n: int = 1000):
        return [{"id": i, "name": f"<i>n{i}</i>"} for i in range(n)]
    def numbers(self):
        return [1, 5, 3]
    def slow_repr(self):
        return Slow()
    def refuse(self):
        return Result.error("NOT_FOUND", "No such order")
    def fail(self):
        raise ValueError("<i>no</i>")
    async def stream(self, n: int = 3):
        for i in range(n):
            yield f"item {i}"
        await asyncio.Event().wait()
'''
PLACE = "api.py, line "


@pytest.fixture
def page(app: AppContext, chromium: Any, picture: Path) -> Iterator[Any]:
    """The page of an app with a module that has a bit of everything."""
    app.load({"api.py": FORMS}, id="forms")
    app.serve(port=0, token=TOKEN)
    with httpx.Client(base_url=app.url) as client:
        for number in range(3):
            client.get(f"/api/v1/forms/slow/{number}")
    with cockpit_page(chromium, app, "#/forms/services", picture=picture) as page:
        yield page


class Tab:
    """A tab of the page: choose a row, fill in its form, run it, look at what came of it."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def choose(self, mark: str) -> None:
        self.page.locator(f"[{mark}]").click()
        self.box.wait_for()

    @property
    def box(self) -> Any:
        return self.page.locator(".chosen-one")

    def field(self, place: str) -> Any:
        return self.box.locator(f'[data-field="{place}"]')

    def run(self, outcome: str) -> Any:
        """Press Run and return what is shown once it is of this kind."""
        self.box.get_by_role("button", name="Run", exact=True).click()
        shown = self.box.locator(f'[data-outcome="{outcome}"]')
        shown.wait_for()
        return shown


@pytest.fixture
def tab(page: Any) -> Tab:
    """The page, as its tabs are used."""
    return Tab(page)


def test_a_form_has_every_kind_of_field(tab: Tab) -> None:
    """It is made of the signature, says what lacks beside the field, and forgets secrets."""
    tab.choose('data-method="everything"')
    tab.box.get_by_role("button", name="Run", exact=True).click()
    tab.box.get_by_text("is required").first.wait_for()
    assert tab.field("order.item").get_attribute("aria-invalid") == "true"
    assert tab.field("order.item").evaluate("one => one.matches(':focus')")
    for place, value in {
        "order.item": "tea", "order.address.street": "Gasse 1", "order.amount": "12",
        "day": "2024-02-29", "at": "2024-02-29T12:30", "price": "1.50", "api_key": "hush",
        "extra": '{"a": 1}', "hour": "08:30",
    }.items():  # fmt: skip
        tab.field(place).fill(value)
    tab.field("kind").select_option(label="large")
    file = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"abc"}
    tab.field("content").set_input_files(file)
    tab.box.get_by_text("3 B").wait_for()
    for name in ("new", "old"):
        tab.box.get_by_role("button", name="Add to order.tags").click()
        tab.field("order.tags").locator("input").last.fill(name)
    tab.box.get_by_role("button", name="Remove order.tags.0").click()
    tab.field("order.payment:kind").select_option(label="Card")
    tab.field("order.payment.Card.number").fill("42")
    tab.field("on").uncheck()
    tab.run("error")
    fault = tab.box.locator('[id="fault-order.amount"]')
    assert fault.inner_text() == "Input should be less than or equal to 9"
    assert tab.field("api_key").input_value() == ""
    tab.field("order.amount").fill("2")
    tab.field("api_key").fill("hush")
    assert tab.field("api_key").get_attribute("type") == "password"
    shown = json.loads(tab.run("json").locator("pre").inner_text())
    payment = {"number": "42", "password": ""}
    address = {"street": "Gasse 1", "city": "Bern"}
    assert shown == {
        "order": {
            "item": "tea", "address": address, "amount": 2, "tags": ["old"], "payment": payment
        },
        "kind": "Kind.LARGE", "day": "datetime.date(2024, 2, 29)",
        "at": "datetime.datetime(2024, 2, 29, 12, 30)", "price": "Decimal('1.50')",
        "content": "abc", "ratio": 0.5, "on": False, "key": 4, "maybe": None, "extra": {"a": 1},
        "hour": "datetime.time(8, 30)",
    }  # fmt: skip
    tab.box.get_by_text("As code").click()
    code = tab.box.get_by_role("group", name="cell").inner_text()
    assert 'app.get_service("forms").everything(order=Order(item="tea", ' in code
    assert 'kind=Kind("large")' in code
    assert "hush" not in tab.page.content()


def test_results_are_shown_as_what_they_are(tab: Tab) -> None:
    """Tables, charts, streams, errors, and values that can't be looked at; a run is cancelled."""
    tab.choose('data-method="rows"')
    shown = tab.run("table")
    assert shown.get_by_text("1,000 rows").is_visible()
    assert shown.locator("table").get_attribute("aria-rowcount") == "1001"
    assert shown.get_by_text("<i>n0</i>").is_visible()
    assert shown.locator("tbody tr").count() < 200
    shown.get_by_role("button", name="Copy as CSV").click()
    shown.get_by_role("button", name="Copied").wait_for()
    shown.get_by_role("button", name="Chart").click()
    assert "1,000 values from 0 to 999" in shown.get_by_role("img").get_attribute("aria-label")
    tab.choose('data-method="numbers"')
    assert "3 values from 1 to 5" in tab.run("chart").get_by_role("img").get_attribute("aria-label")
    tab.choose('data-method="slow_repr"')
    assert tab.run("text").get_by_text("whose repr takes longer than 2 s").is_visible()
    tab.choose('data-method="refuse"')
    shown = tab.run("failure")
    assert shown.get_by_text("No such order").is_visible()
    assert shown.get_by_text(PLACE).is_visible()
    tab.choose('data-method="fail"')
    shown = tab.run("error")
    assert shown.get_by_text("<i>no</i>").first.is_visible()
    assert shown.get_by_text(PLACE).first.is_visible()
    tab.choose('data-method="stream"')
    shown = tab.run("running")
    shown.get_by_text("item 2").wait_for()
    assert re.match(r"running \d", tab.box.get_by_role("status").first.inner_text())
    tab.box.get_by_role("button", name="Cancel").click()
    tab.box.get_by_text("It was cancelled.").wait_for()
    assert tab.box.get_by_text("item 2").is_visible()
    tab.page.get_by_role("button", name="Open method").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_text("async def stream(self, n: int = 3):").wait_for()
    dialog.get_by_role("button", name="Close").click()
    tab.page.locator('[data-field="filter-rows"]').fill("one kind")
    tab.page.get_by_text("1 method", exact=True).wait_for()


def test_a_slow_route_is_found_and_tried(tab: Tab) -> None:
    """Of all routes it is the first; it is tried, and a body that does not fit says why."""
    tab.page.get_by_role("option", name="Everything").click()
    tab.page.get_by_role("tab", name="Routes").click()
    slowest = tab.page.locator("[data-route]").first
    assert slowest.get_attribute("data-route") == "GET /api/v1/forms/slow/{number}"
    slowest.click()
    tab.box.wait_for()
    tab.box.get_by_role("button", name="Run", exact=True).click()
    assert tab.box.locator('[id="fault-path.number"]').inner_text() == "is required"
    tab.field("path.number").fill("7")
    tab.field("query.page").fill("2")
    shown = tab.run("200")
    assert json.loads(shown.locator("pre").inner_text()) == {"number": 7, "page": 2}
    assert shown.get_by_text(re.compile(r"^\d+ ms, \d+ B$")).is_visible()
    shown.get_by_text("headers").click()
    assert shown.get_by_text("application/json").is_visible()
    tab.box.get_by_text("As code").click()
    curl = tab.box.get_by_role("group", name="curl").inner_text()
    assert "/api/v1/forms/slow/7?page=2" in curl
    tab.page.get_by_role("button", name="Open endpoint").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_text("def slow(number: int, page: int = 1):").wait_for()
    dialog.get_by_role("button", name="Close").click()
    tab.choose('data-route="POST /api/v1/forms/orders"')
    template = json.loads(tab.field("body").input_value())
    assert template["address"] == {"street": "text", "city": "Bern"}
    tab.run("201")
    tab.field("body").fill('{"item": ')
    assert tab.run("422").get_by_text("422 Unprocessable").is_visible()
