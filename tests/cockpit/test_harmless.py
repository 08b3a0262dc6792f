"""A view does no harm: it keeps no generation alive, costs nothing unseen, and leaves nothing."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import psutil
import pytest

import modframe
from modframe import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.cockpit.conftest import TOKEN
from tests.cockpit.front import Front, rows_of
from tests.fakes import ORDERS, simple
from tests.waiting import wait_for

SETTINGS = """
import time
from typing import Any
from pydantic import BaseModel, field_serializer

class Blocks:
    def __repr__(self):
        time.sleep(3600)

class Raises:
    def __repr__(self):
        raise RuntimeError("no repr")

class Number:
    def __repr__(self):
        return 3

class Megabytes:
    def __repr__(self):
        return "x" * 3_000_000

class ShopSettings(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    blocks: Any = Blocks()
    raises: Any = Raises()
    number: Any = Number()
    megabytes: Any = Megabytes()
    text: str = "x" * 300_000
    wrong: int = 1
    right: int = 2

    @field_serializer("wrong")
    def no(self, value: int) -> int:
        raise ValueError("not this one")
"""
REPRS = simple(
    """
    def value(self, kind: str):
        return getattr(self.settings, kind)
    """,
    head="from .settings import ShopSettings",
    arguments="settings=ShopSettings",
)


def has_no_thread(name: str) -> bool:
    """Return whether no thread has this name."""
    return all(thread.name != name for thread in threading.enumerate())


def test_it_holds_no_generation(app: AppContext, front: Front) -> None:
    """What a view was shown of a generation does not keep it alive: values, errors, plans, diffs."""
    app.load({"api.py": ORDERS}, id="orders")
    front.look("standard.orders")
    front.wait_for(lambda: front.facts.get("generation") == 1)
    old = weakref.ref(inside.generation(app, "orders"))
    kept = weakref.ref(inside.service(app, "orders"))
    service = {"service": "standard.orders.service"}
    assert front.ask("call", **service, method="total", args={"plus": 2})["text"] == "42"
    assert front.ask("call", **service, method="numbers", args={"end": 2})["count"] == 2
    assert "no such order" in front.fault("call", **service, method="boom", args={})["message"]
    front.ask("method", module="orders", service="standard.orders.service", method="total")
    with pytest.raises(LoadError):
        app.load({"api.py": "1 / 0"}, id="orders")
    front.wait_for(lambda: front.facts.get("failure"))
    front.ask("plan", module="orders", action="reload")
    front.ask("routes", module="orders")
    app.load({"api.py": f"{ORDERS}\n# another text\n"}, id="orders")
    opens = rows_of(front.ask("history", module="orders"), "History")[-1]["opens"]
    front.ask(opens["op"], **opens["args"])
    front.ask("plan", module="orders", action="rollback", to=opens["args"]["key"])
    front.wait_for(lambda: (front.facts.get("generation") or 0) > 1)
    inside.settle(app)
    gc.collect()
    assert old() is None
    assert kept() is None


def test_hidden_it_costs_nothing(app: AppContext) -> None:
    """No news and no thread while nobody sees it; then it is told what it missed."""
    app.load({"api.py": ORDERS}, id="orders")
    app.serve(port=0, token=TOKEN)
    with Front(app.url, token=TOKEN, module="standard.orders") as front:
        front.look("standard.orders", hidden=True)
        wait_for(lambda: has_no_thread("modframe-views"))
        told = len(front.news)
        assert inside.open_views(app) == 0
        app.load({"api.py": f"{ORDERS}\n# another text\n"}, id="orders")
        assert rows_of(front.ask("history", module="orders"), "History")
        assert len(front.news) == told
        assert has_no_thread("modframe-views")
        front.look("standard.orders")
        front.wait_for(lambda: front.rows["standard.orders"]["generation"] == 2)
        assert not front.news[told].get("full")
        assert front.facts["generation"] == 2


@pytest.mark.parametrize("swaps", [20, pytest.param(500, marks=pytest.mark.soak)])
def test_many_swaps_under_two_views(app: AppContext, swaps: int) -> None:
    """Both views end at the last generation; memory stays flat, and nothing is left when they go."""
    app.load({"api.py": ORDERS}, id="orders")
    app.serve(port=0, token=TOKEN)
    process, resident = psutil.Process(), []
    with (
        Front(app.url, token=TOKEN, module="standard.orders") as watching,
        Front(app.url, token=TOKEN) as other,
    ):
        for number in range(swaps):
            app.load({"api.py": f"{ORDERS}\n# {number}\n"}, id="orders")
            if number % (swaps // 5) == 0:
                inside.settle(app)
                gc.collect()
                watching.news.clear(), other.news.clear(), watching.log.clear(), other.log.clear()
                resident.append(process.memory_info().rss)
        last = swaps + 1
        for front in (watching, other):
            front.wait_for(lambda told=front: told.rows["standard.orders"]["generation"] == last)
        watching.wait_for(lambda: watching.facts["generation"] == last)
        assert other.facts == {}
    # What the first hundred swaps allocate is allocated once.
    assert resident[-1] - resident[1] < 20_000_000
    wait_for(lambda: has_no_thread("modframe-views"))
    wait_for(lambda: has_no_thread("modframe-cockpit"))
    assert inside.open_views(app) == 0


def test_reprs_that_fail_or_never_end(app: AppContext, front: Front) -> None:
    """Of a setting only the type is told; of a result what its repr did, within seconds."""
    app.load({"settings.py": SETTINGS, "api.py": REPRS}, id="shop")
    front.look("standard.shop")
    shown = front.wait_for(lambda: front.facts.get("parts.settings"))
    assert {name: one["value"] for name, one in shown.items() if name != "text"} == {
        "blocks": "<Blocks>",
        "raises": "<Raises>",
        "number": "<Number>",
        "megabytes": "<Megabytes>",
        "wrong": "<int, which can't be shown: PydanticSerializationError>",
        "right": 2,
    }
    assert shown["text"]["value"].endswith("… and 260,000 more characters")
    assert app.modules["shop"].state == "LIVE"
    assert "<Blocks>" in str(app.snapshot().to_dict())

    def value(kind: str) -> Any:
        return front.ask("call", service="shop", method="value", args={"kind": kind})

    assert value("raises")["text"] == "<Raises, whose repr raised RuntimeError>"
    assert value("number")["text"] == "<Number, whose repr raised TypeError>"
    assert value("megabytes")["more"] > 2_000_000
    assert value("blocks")["text"] == "<Blocks, whose repr takes longer than 2 s>"


def test_a_view_ends_with_its_app_and_another_app_has_its_own(workspace: Path) -> None:
    """The old view says why nothing comes any more; that of the next app knows the next app."""
    for name in ("orders", "shop"):
        with modframe.start(workspace=workspace, data=":memory:", modules=[]) as app:
            app.load({"api.py": ORDERS}, id=name)
            app.serve(port=0, token=TOKEN)
            front = Front(app.url, token=TOKEN)
            assert front.order[0] == f"standard.{name}"
            assert len([one for one in front.order if one.startswith("standard.")]) == 1
        front.close()
        assert front.over.startswith("modframe was stopped")
        wait_for(lambda: has_no_thread("modframe-views"))
