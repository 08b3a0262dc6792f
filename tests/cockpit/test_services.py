"""The tab Services, through its messages: what methods there are, calls, values, failing paths."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import pytest

from modframe import AppContext
from tests.cockpit.front import Front

SHOP = '''
import asyncio
import enum
import time
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd
from pydantic import BaseModel, SecretStr
from modframe import Result
from modframe.decorators import module

class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"

class Order(BaseModel):
    item: str
    amount: int = 1
    api_key: str = ""

@dataclass
class Line:
    item: str
    price: Decimal

class Odd:
    def __repr__(self):
        raise RuntimeError("no repr")

class Slow:
    def __repr__(self):
        time.sleep(60)

class Picture:
    def _repr_png_(self):
        return b"\\x89PNG\\r\\n\\x1a\\nrest"

VALUES = {
    "number": 3, "nothing": None, "text": "<b>t</b>", "long": "x" * 50_000, "odd": Odd(),
    "slow": Slow(), "picture": Picture(), "png": b"\\x89PNG\\r\\n\\x1a\\nrest", "bytes": b"ab",
    "records": [{"id": n, "name": f"n{n}"} for n in range(1200)],
    "lines": [Line("tea", Decimal("1.5"))], "orders": [Order(item="tea", amount=2**60)],
    "frame": pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=["k", "l"]),
    "series": pd.Series([1.5, 2.5], index=["mon", "tue"]),
    "numbers": [1, 2.5, 3], "pair": {"a": [1, Odd()]}, "model": Order(item="tea"),
    "mixed": [{"a": Odd()}], "tuple": (1, "a"), "success": Result.success({"a": 1}),
    "secret": SecretStr("hush"), "nan": float("nan"),
}

@module
class Shop:
    def value(self, name: str):
        return VALUES[name]
    async def total(self, plus: int = 0) -> int:
        """The sum."""
        print("printed by the module")
        return 40 + plus
    def place(self, order: Order, colour: Colour, day: date, *, count: int = 1):
        return f"{order.item} {order.amount} {colour} {day!r} {count}"
    def size(self, content: bytes, deep: dict[str, bytes] | None = None):
        return len(content) + len((deep or {}).get("x", b""))
    def refuse(self):
        return Result.error("NOT_FOUND", "No such order", details={"id": 1})
    def fail(self):
        raise ValueError("<i>no</i>")
    def generator(self, n: int = 3):
        yield from range(n)
        if n == 4:
            raise SystemExit("at the end")
    async def stream(self, n: int = 3):
        for i in range(n):
            yield {"step": i}
        if n == 4:
            raise ValueError("at the end")
    async def endless(self):
        yield "first"
        await asyncio.Event().wait()
    async def hang(self):
        await asyncio.Event().wait()
'''
SERVICE = "standard.shop.service"


@pytest.fixture
def shop(app: AppContext, front: Front) -> Front:
    """A front end of an app in which the shop is live."""
    app.load({"api.py": SHOP}, id="shop")
    return front


def call(front: Front, method: str, **args: Any) -> Any:
    """What is shown of a call's value."""
    return front.ask("call", service=SERVICE, method=method, args=args)


def test_methods_and_calls(shop: Front) -> None:
    """Words and numbers of each method; arguments become what the method wants."""
    assert call(shop, "total", plus=2) == {"type": "int", "kind": "text", "text": "42"}
    rows = {row["method"]: row for row in shop.ask("methods", module="shop")}
    assert rows["total"] | {"mean": 0, "p95": 0, "longest": 0} == {
        "module": "standard.shop", "generation": 1, "service": SERVICE, "method": "total", "tags": [],
        "signature": "(plus: int = 0) -> int", "description": "The sum.",
        "count": 1, "errors": 0, "mean": 0, "p95": 0, "longest": 0,
    }  # fmt: skip
    modules = {row["module"] for row in shop.ask("methods")}
    assert {"standard.shop", "core.framework"} <= modules
    facts = shop.ask("method", module="shop", service=SERVICE, method="place")
    [order, colour, day, count] = facts["params"]
    assert order["type"] == "Order"
    assert {one["name"]: one["kind"] for one in order["fields"]}["api_key"] == "secret"
    assert (colour["choices"], day["kind"]) == (["red", "blue"], "date")
    assert (count["required"], count["fallback"]) == (False, 1)
    line = next(n for n, text in enumerate(SHOP.split("\n"), 1) if "def place" in text)
    assert facts["source"] == {"file": "api.py", "line": line}
    placed = call(shop, "place", order={"item": "tea"}, colour="blue", day="2024-02-29")
    assert placed["text"] == "tea 1 Colour.BLUE datetime.date(2024, 2, 29) 1"
    content = {"$bytes": base64.b64encode(b"abc").decode()}
    assert call(shop, "size", content=content, deep={"x": content})["text"] == "6"


def test_what_does_not_fit_is_told_by_its_place(shop: Front) -> None:
    """Each fault has the place of its field; nothing was called."""
    args = {"order": {"amount": "many"}, "colour": "green", "day": "2024-02-29"}
    fault = shop.fault("call", service=SERVICE, method="place", args=args)
    assert (fault["type"], fault["field"]) == ("FormError", "order")
    assert fault["faults"]["order.item"] == "Field required"
    assert fault["faults"]["order.amount"].startswith("Input should be a valid integer")
    assert fault["faults"]["colour"] == "Input should be 'red' or 'blue'"
    fault = shop.fault("call", service=SERVICE, method="place", args={"colour": "red", "x": 1})
    assert "there is no argument 'x'" in fault["message"]
    assert fault["faults"] == {"order": "is required", "day": "is required"}
    fault = shop.fault("call", service=SERVICE, method="size", args={"content": {"$bytes": "?"}})
    assert (fault["field"], "is no base64" in fault["message"]) == ("content", True)
    fault = shop.fault("method", module="shop", service=SERVICE, method="gone")
    assert "has no method 'gone' any more" in fault["message"]
    assert "no module standard.gone" in shop.fault("methods", module="gone")["message"]
    assert (
        "no method 'gone'" in shop.fault("call", service=SERVICE, method="gone", args={})["message"]
    )


def test_a_form_is_filled_in(shop: Front) -> None:
    """Its fields come with the method; what is typed into them becomes its arguments."""
    fields = shop.ask("method", module="shop", service=SERVICE, method="place")["params"]
    typed = {one["name"]: one["first"] for one in fields}
    place = {"service": SERVICE, "method": "place", "form": {"fields": fields, "typed": typed}}
    assert shop.fault("call", **place)["faults"] == {
        "order.item": "is required", "colour": "is required", "day": "is required",
    }  # fmt: skip
    typed |= {"order": {**typed["order"], "item": "tea"}, "colour": "1", "day": "2024-02-29"}
    assert shop.ask("call", **place)["text"] == "tea 1 Colour.BLUE datetime.date(2024, 2, 29) 1"
    assert 'colour=Colour("blue")' in shop.ask("call_code", **place)[0]["text"]


SHOWN: dict[str, dict[str, Any]] = {
    "number": {"kind": "text", "text": "3", "type": "int"},
    "nothing": {"kind": "text", "text": "None"},
    "text": {"kind": "text", "text": "<b>t</b>"},
    "nan": {"kind": "text", "text": "nan"},
    "secret": {"kind": "text", "text": "SecretStr('**********')"},
    "odd": {"kind": "text", "text": "<Odd, whose repr raised RuntimeError>"},
    "bytes": {"kind": "text", "text": "b'ab'"},
    "long": {"kind": "text", "text": "x" * 40_000, "more": 10_000},
    "picture": {"kind": "image", "media": "image/png", "type": "Picture"},
    "png": {"kind": "image", "media": "image/png", "type": "bytes"},
    "lines": {"kind": "table", "columns": ["item", "price"], "rows": [["tea", "1.5"]]},
    "orders": {"kind": "table", "rows": [["tea", str(2**60), ""]], "total": 1},
    "frame": {"columns": ["index", "a", "b"], "rows": [["k", 1, "x"], ["l", 2, "y"]]},
    "series": {"kind": "chart", "values": [1.5, 2.5], "labels": ["mon", "tue"]},
    "numbers": {"kind": "chart", "values": [1, 2.5, 3], "labels": []},
    "tuple": {"kind": "json", "text": '[\n  1,\n  "a"\n]'},
    "success": {"kind": "json", "result": "success", "type": "Result"},
    "mixed": {"rows": [['"<Odd, whose repr raised RuntimeError>"']]},
}


def test_values(shop: Front) -> None:
    """Each is shown as what it is."""
    for name, shown in SHOWN.items():
        found = call(shop, "value", name=name)
        assert found | shown == found, name


def test_a_frame_of_polars(shop: Front, app: AppContext) -> None:
    """It is a table as well, where polars is installed."""
    pytest.importorskip("polars")
    text = """
import polars as pl
from modframe.decorators import module

@module
class Frames:
    def frame(self):
        return pl.DataFrame({"a": [1, 2]})
"""
    app.load({"api.py": text}, id="frames")
    shown = shop.ask("call", service="standard.frames.service", method="frame", args={})
    assert {"kind": "table", "columns": ["a"], "rows": [[1], [2]]}.items() <= shown.items()


def test_values_are_bounded(shop: Front) -> None:
    """A long table says how many rows there are; a repr that does not end is said not to end."""
    records = call(shop, "value", name="records")
    assert (len(records["rows"]), records["total"]) == (1000, 1200)
    slow = call(shop, "value", name="slow")
    assert slow["text"] == "<Slow, whose repr takes longer than 2 s>"


def test_errors_say_where(shop: Front) -> None:
    """An exception and an error `Result` have their file and line."""
    fault = shop.fault("call", service=SERVICE, method="fail", args={})
    assert (fault["type"], fault["message"]) == ("ValueError", "<i>no</i>")
    line = next(n for n, text in enumerate(SHOP.split("\n"), 1) if "ValueError(" in text)
    assert fault["place"] == f"api.py, line {line}"
    assert "in fail" in fault["trace"]
    shown = call(shop, "refuse")
    assert shown["error"] == {
        "type": "Result.error", "code": "NOT_FOUND", "message": "No such order",
        "place": f"api.py, line {line - 2}",
    }  # fmt: skip
    assert shown["details"]["kind"] == "json"


def test_items_come_one_by_one(shop: Front) -> None:
    """Of generators and streams; bounded, and what came stays when they fail."""
    for method, item in (("generator", "0"), ("stream", '{\n  "step": 0\n}')):
        asked = shop.start("call", service=SERVICE, method=method, args={})
        assert shop.answer(asked) == {"kind": "items", "count": 3, "cut": False}
        assert [len(shop.parts[asked]), shop.parts[asked][0]["text"]] == [3, item]
        asked = shop.start("call", service=SERVICE, method=method, args={"n": 2000})
        assert shop.answer(asked) == {"kind": "items", "count": 500, "cut": True}
    for method, error in (("generator", "SystemExit"), ("stream", "ValueError")):
        asked = shop.start("call", service=SERVICE, method=method, args={"n": 4})
        with pytest.raises(Exception, match=f"{error}: at the end"):
            shop.answer(asked)
        assert len(shop.parts[asked]) == 4


def test_calls_are_cancelled(app: AppContext, shop: Front, capsys: Any) -> None:
    """One that hangs, and a stream that waits; the generation is left, and no cell is printed to."""
    for method in ("hang", "endless"):
        asked = shop.start("call", service=SERVICE, method=method, args={})
        if method == "endless":
            shop.wait_for(partial(shop.parts.get, asked))
        shop.cancel(asked)
        with pytest.raises(Exception, match="It was cancelled"):
            shop.answer(asked)
    call(shop, "total")
    app.modules["shop"].unload()
    assert "printed by the module" not in capsys.readouterr().out
    assert "printed by the module" in [line.message for line in app.snapshot().log]


def test_a_call_as_code(shop: Front) -> None:
    """With the classes of the module, the imports that it needs, and without secrets."""
    order = {"item": "tea", "api_key": "hush"}
    args = {"order": order, "colour": "blue", "day": "2024-02-29", "count": 2}
    [code] = shop.ask("call_code", service=SERVICE, method="place", args=args)
    assert code == {
        "title": "cell",
        "text": 'import datetime\napp.get_service("shop").place(order=Order(item="tea", '
        'api_key="***"), colour=Colour("blue"), day=datetime.date(2024, 2, 29), count=2)',
    }
    [code] = shop.ask("call_code", service=SERVICE, method="place", args={"order": order})
    assert code["text"] == (
        'app.get_service("shop").place(order={"item": "tea", "api_key": "***"})'
    )
