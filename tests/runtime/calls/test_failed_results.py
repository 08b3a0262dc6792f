"""An error `Result` that leaves a module is recorded, once, and a success costs and leaves nothing."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from modframe import Result
from modframe.app import AppContext
from modframe.error_utils import error_message
from tests.fakes import simple

STOCK = simple(
    """
    def __init__(self):
        self.last = None

    async def take(self, item):
        if item == "coffee":
            return refuse(item)
        return Result.success(item)

    def plain(self):
        return Result.error("PLAIN", "not async")

    async def taken(self):
        yield Result.error("STREAMED", "in a stream")

    async def itself(self):
        service = self.app_context.get_service("stock")
        return Result.success((await service.take("coffee")).code)

    async def copied(self):
        return pickle.loads(pickle.dumps(refuse("milk")))

    async def log(self):
        get_framework_logger("stock").error(
            error_message("standard.stock", "LOW", "nearly empty", "log()", left=2)
        )
        return Result.success()
    """,
    head="""
import pickle
from core.error_utils import Result, error_message
from core.logging import get_framework_logger

def refuse(item):
    return Result.error("SOLD_OUT", f"no {item}", {"item": item})
""",
)
SHOP = simple(
    """
    async def order(self, item):
        return await self.app_context.get_service("stock").take(item)
    """,
    arguments="requires=['stock']",
)


@pytest.fixture
def stock(app: AppContext) -> Any:
    """A handle of a service that refuses some things."""
    app.load({"api.py": STOCK}, id="stock")
    return app.get_service("stock")


def recorded(app: AppContext) -> list[dict[str, Any]]:
    """Return the failures that were recorded, the newest first."""
    return app.get_service("core.error_handler.service").errors().result(30).data


def line_of(text: str, part: str) -> int:
    """Return the number of the first line that has a text in it."""
    return next(at for at, line in enumerate(text.splitlines(), 1) if part in line)


def test_an_error_result_is_recorded_with_the_line_that_made_it(
    app: AppContext, stock: Any
) -> None:
    """Of an async and of a plain method, with code, details and generation; a success is not."""
    assert stock.take("tea").result().data == "tea"
    assert recorded(app) == []
    refused = stock.take("coffee").result()
    assert (refused.success, refused.code) == (False, "SOLD_OUT")
    [one] = recorded(app)
    assert one["module_id"] == "standard.stock"
    assert one["message"] == "standard.stock.take() returned SOLD_OUT: no coffee"
    assert one["generation"] == 1
    assert one["place"] == f"api.py, line {line_of(STOCK, 'SOLD_OUT')}"
    assert one["fields"] == {"details": {"item": "coffee"}}
    assert stock.plain().result().code == "PLAIN"
    assert recorded(app)[0]["code"] == "PLAIN"
    assert [entry.errors for entry in app.modules["stock"].history] == [2]


def test_an_error_that_passes_several_modules_is_recorded_once(app: AppContext, stock: Any) -> None:
    """For the module that returned it first."""
    app.load({"api.py": SHOP}, id="shop")
    assert app.get_service("shop").order("coffee").result().code == "SOLD_OUT"
    assert [one["module_id"] for one in recorded(app)] == ["standard.stock"]


def test_what_a_module_tells_itself_is_its_own_affair(app: AppContext, stock: Any) -> None:
    """An error that its own handle returns to it crosses no boundary."""
    assert stock.itself().result().data == "SOLD_OUT"
    assert recorded(app) == []


def test_an_error_in_a_stream_and_one_without_a_place_are_recorded(
    app: AppContext, stock: Any
) -> None:
    """One that came from another process has the line of the method that returned it."""

    async def first() -> Any:
        return await anext(stock.taken())

    assert app.run(first()).code == "STREAMED"
    assert stock.copied().result().code == "SOLD_OUT"
    copied, streamed = recorded(app)
    assert streamed["code"] == "STREAMED"
    assert copied["place"] == f"api.py, line {line_of(STOCK, 'def copied')}"


def test_a_fault_has_one_fingerprint_over_generations_and_lines(
    app: AppContext, stock: Any
) -> None:
    """Neither a line more nor other words make it another one."""
    stock.take("coffee").result()
    app.load(
        {"api.py": f"# a line more\n{STOCK.replace('no {item}', 'there is no {item}')}"}, id="stock"
    )
    stock.take("coffee").result()
    two, one = recorded(app)
    assert (one["generation"], two["generation"]) == (1, 2)
    assert one["message"] != two["message"]
    assert one["fingerprint"] == two["fingerprint"]


def test_an_error_message_has_the_line_and_generation_that_logged_it(
    app: AppContext, stock: Any
) -> None:
    """With its code and its context."""
    stock.log().result()
    [one] = recorded(app)
    assert (one["code"], one["generation"], one["fields"]) == ("LOW", 1, {"left": 2})
    assert one["place"] == f"api.py, line {line_of(STOCK, 'get_framework_logger(')}"


def test_a_result_is_the_same_data_as_before() -> None:
    """What it remembers for the record is neither compared, shown, pickled nor copied."""
    error = Result.error("GONE", "it is gone")
    same = Result.error("GONE", "it is gone")
    assert error == same == pickle.loads(pickle.dumps(error)) == copy.copy(error)
    assert repr(error) == "Result.error('GONE', 'it is gone')"
    line = error_message("orders", "GONE", "it is gone", "find()", id=7)
    assert line == "orders - GONE in find(): it is gone id=7"
    assert type(str(line)) is str
