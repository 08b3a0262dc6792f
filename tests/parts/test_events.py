"""Events between modules: in order, at least once, over swaps, failures and full queues."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import (
    EventError,
    EventRefusedError,
    EventsNotSettledError,
    LoadError,
    NotAwaitedError,
)
from tests.fakes import simple
from tests.faults.processes import run_script
from tests.waiting import wait_for

HEAD = """
import asyncio
from pydantic import BaseModel
from modframe.events import subscribe

class Placed(BaseModel):
    number: int
"""
SHOP = simple(
    """
    async def place(self, number):
        return await self.app_context.events.publish(Placed(number=number))
    async def place_many(self, count):
        for number in range(count):
            await self.app_context.events.publish(Placed(number=number))
    """,
    head=HEAD,
    name="Shop",
)
STOCK = """
from __future__ import annotations
import asyncio
from pydantic import BaseModel
from modframe.decorators import module
from modframe.events import subscribe

class Order(BaseModel):
    number: int
    note: str = "none"

@module(keep_state=("seen", "total"))
class Stock:
    def __init__(self):
        self.seen = []
        self.total = 0

    @subscribe("standard.shop.Placed", OPTIONS)
    async def note(self, order: Order):
        self.seen.append(order.number)
        self.total += 1
        REST

    def facts(self):
        return self.seen, self.total
"""


def stock(options: str = "", rest: str = "pass") -> str:
    return STOCK.replace(", OPTIONS", f", {options}" if options else "").replace("REST", rest)


def facts(app: AppContext) -> Any:
    return app.get_service("stock").facts().result(10)


def place(app: AppContext, number: int) -> Any:
    return app.get_service("shop").place(number).result(10)


@pytest.fixture
def shop(app: AppContext) -> AppContext:
    app.load({"api.py": SHOP}, id="shop")
    return app


def test_each_subscriber_gets_each_event_in_order(shop: AppContext) -> None:
    """By the name of its class, as an object of the class that the subscriber knows."""
    shop.load({"api.py": stock()}, id="stock")
    assert place(shop, 7) == 1
    shop.get_service("shop").place_many(50).result(10)
    shop.events.settled()
    assert facts(shop) == ([7, *range(50)], 51)
    assert shop.events.subscriptions[0]["handled"] == 51
    snapshot = shop.snapshot().module("standard.stock")
    assert snapshot is not None
    assert any("standard.shop.Placed" in line for line in snapshot.lines())


async def test_settled_and_publish_can_be_awaited(shop: AppContext) -> None:
    """In a cell or an async test; what people publish reaches the modules."""
    shop.load({"api.py": stock()}, id="stock")
    shop.load({"api.py": simple("def make(self): return Placed(number=3)", head=HEAD)}, id="shop")
    event = await shop.get_service("shop").make()
    assert await shop.events.publish(event) == 1
    await shop.events.settled()
    assert (await shop.get_service("stock").facts())[0] == [3]


def test_a_class_of_another_module(shop: AppContext) -> None:
    """Subscribed by an import: each generation of either side is understood."""
    text = simple(
        """
        def __init__(self): self.seen = []
        @subscribe(Placed)
        def note(self, event):
            self.seen.append(type(event) is Placed and event.number)
        def facts(self): return self.seen
        """,
        head="from modframe.events import subscribe\nfrom modules.standard.shop.api import Placed",
        arguments='keep_state=("seen",)',
    )
    shop.load({"api.py": text}, id="stock")
    place(shop, 1)
    shop.events.settled()
    shop.load({"api.py": SHOP + "\n# changed\n"}, id="shop")
    place(shop, 2)
    shop.events.settled()
    assert facts(shop) == [1, 2]


def test_nothing_is_lost_over_swaps(shop: AppContext) -> None:
    """1,000 events over 60 swaps, failed ones among them: each handled once, state exact."""
    shop.load({"api.py": stock(rest="await asyncio.sleep(0)")}, id="stock")
    publishing = shop.get_service("shop").place_many(1000)
    for round_ in range(60):
        text = stock(rest="await asyncio.sleep(0)") + f"\n# {round_}\n"
        if round_ % 5 == 4:
            with pytest.raises(LoadError):
                shop.load({"api.py": text + "1 / 0\n"}, id="stock")
        else:
            shop.load({"api.py": text}, id="stock")
        if round_ % 7 == 6:
            shop.load({"api.py": SHOP + f"\n# {round_}\n"}, id="shop")
    publishing.result(30)
    shop.events.settled()
    assert facts(shop) == (list(range(1000)), 1000)


@pytest.fixture
def short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "0.2")


@pytest.mark.usefixtures("short_drain")
def test_a_method_that_was_cut_gets_the_event_again(app: AppContext) -> None:
    """At least once: the new generation handles what the old one could not end."""
    app.load({"api.py": SHOP}, id="shop")
    text = simple(
        """
        def __init__(self): self.seen = []
        @subscribe("standard.shop.Placed")
        async def note(self, event):
            self.seen.append(event["number"])
            if HANG: await asyncio.Event().wait()
        def facts(self): return self.seen
        """,
        head="import asyncio\nfrom modframe.events import subscribe",
    )
    app.load({"api.py": text.replace("HANG", "True")}, id="stock")
    place(app, 5)
    wait_for(lambda: facts(app) == [5])
    app.load({"api.py": text.replace("HANG", "False")}, id="stock")
    app.events.settled()
    assert facts(app) == [5]


def test_a_method_that_fails_gets_the_event_again_then_it_is_kept(shop: AppContext) -> None:
    """A mended module handles it at once; without, it ends as a dead letter, and others go on."""
    shop.load({"api.py": stock("retries=1", 'raise ValueError("no")')}, id="stock")
    place(shop, 1)
    shop.events.settled()
    (letter,) = shop.events.dead
    assert (letter.event, letter.method, letter.data) == (
        "standard.shop.Placed", "note", {"number": 1}
    )  # fmt: skip
    assert "ValueError: no" in letter.error
    assert shop.modules["stock"].history[-1].errors == 2
    assert facts(shop)[1] == 2
    shop.load({"api.py": stock("retries=50", 'raise ValueError("no")')}, id="stock")
    place(shop, 2)
    wait_for(lambda: facts(shop)[1] > 4)
    shop.load({"api.py": stock("retries=50")}, id="stock")
    shop.events.settled()
    assert facts(shop)[0][-1] == 2
    assert len(shop.events.dead) == 1


def test_an_event_that_does_not_fit(shop: AppContext) -> None:
    """The subscriber's class has another shape: a dead letter, which says what is missing."""
    text = stock("retries=0").replace('note: str = "none"', "price: int")
    shop.load({"api.py": text}, id="stock")
    place(shop, 1)
    shop.events.settled()
    assert "price" in shop.events.dead[0].error
    assert "does not fit" in " ".join(line.message for line in shop.snapshot().log)


def held(options: str) -> str:
    return stock(options, "await asyncio.to_thread(__import__('tests_events').wait)")


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let handlers wait for an event of the test."""
    event = threading.Event()
    monkeypatch.setitem(sys.modules, "tests_events", SimpleNamespace(wait=event.wait))
    yield event
    event.set()


def test_wait_is_the_default_for_a_full_queue(shop: AppContext, door: threading.Event) -> None:
    """The publisher goes on once there is room."""
    shop.load({"api.py": held("capacity=2")}, id="stock")
    publishing = shop.get_service("shop").place_many(6)
    wait_for(lambda: shop.events.subscriptions[0]["waiting"] == 2)
    assert not publishing.done()
    with pytest.raises(EventsNotSettledError, match=r"2 of standard\.stock\.note\(\)"):
        shop.events.settled(timeout=0.1)
    door.set()
    publishing.result(10)
    shop.events.settled()
    assert facts(shop)[0] == list(range(6))


def test_drop_oldest_and_refuse(shop: AppContext, door: threading.Event) -> None:
    """The other two policies; the first event is with its method already."""
    shop.load({"api.py": held('policy="drop_oldest", capacity=2')}, id="stock")
    shop.get_service("shop").place_many(6).result(10)
    door.set()
    shop.events.settled()
    assert facts(shop)[0][-2:] == [4, 5]
    door.clear()
    shop.load({"api.py": held('policy="refuse", capacity=1')}, id="stock")
    place(shop, 7)
    with pytest.raises(EventRefusedError, match=r"full of standard\.stock\.note"):
        place(shop, 8)


def test_a_module_that_is_unloaded_says_what_it_leaves(
    shop: AppContext, door: threading.Event
) -> None:
    """Events of a module that is taken out are dropped, and counted in the log."""
    shop.load({"api.py": held("")}, id="stock")
    shop.get_service("shop").place_many(3).result(10)
    door.set()
    shop.events.settled()
    door.clear()
    shop.get_service("shop").place_many(3).result(10)
    threading.Timer(0.05, door.set).start()
    shop.modules["stock"].unload()
    assert place(shop, 1) == 0


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('@subscribe("standard.shop.Placed", policy="wiat")', "policy is one of 'wait', "),
        ('@subscribe("standard.shop.Placed", retries=-1)', "whole number from 0 on"),
        ('@subscribe("standard.shop.Placed", capacity=0)', "whole number from 1 on"),
        ("@subscribe(int)", "takes an event class"),
        ("@subscribe(5)", "takes an event class"),
    ],
)
def test_wrong_subscriptions(shop: AppContext, line: str, text: str) -> None:
    """Refused at load, with the line."""
    source = stock().replace('@subscribe("standard.shop.Placed")', line)
    with pytest.raises(LoadError, match="(?i)" + text):
        shop.load({"api.py": source}, id="stock")


def test_a_method_that_takes_no_event(shop: AppContext) -> None:
    """Refused at load, with the line."""
    source = stock().replace("note(self, order: Order)", "note(self, *, order=None)")
    with pytest.raises(LoadError, match="has to take one event") as caught:
        shop.load({"api.py": source}, id="stock")
    assert source.splitlines()[caught.value.line - 1].strip().startswith("@subscribe")
    assert caught.value.file == "api.py"


def test_an_event_whose_fields_have_aliases(app: AppContext) -> None:
    """Its data has the names of the fields, and fits the class all the same."""
    body = """
    async def place(self):
        await self.app_context.events.publish(Placed(no=7))
    @subscribe(Placed)
    async def note(self, event: Placed):
        self.seen = event.number
    async def last(self):
        return self.seen
    """
    head = HEAD.replace("number: int", 'number: int = Field(alias="no")')
    app.load(
        {"api.py": simple(body, head=head.replace("BaseModel\n", "BaseModel, Field\n", 1))},
        id="shop",
    )
    shop = app.get_service("shop")
    shop.place().result()
    app.events.settled()
    assert shop.last().result() == 7


def test_a_call_of_the_events_that_is_not_awaited(app: AppContext) -> None:
    """It is called what it is."""
    with pytest.raises(NotAwaitedError, match=r"^events.settled\(\) gave a call"):
        bool(app.events.settled())


def test_what_is_no_event(shop: AppContext) -> None:
    """Publishing anything else says what to publish."""
    with pytest.raises(EventError, match="is no event"):
        asyncio.run(shop.events.publish({"a": 1}))  # type: ignore[arg-type]


def test_a_stop_delivers_what_waits(tmp_path: Path) -> None:
    """Queues are emptied before the modules stop."""
    done = run_script(
        f"""
        import modframe
        app = modframe.start(modules=[])
        app.load({{"api.py": {SHOP!r}}}, id="shop")
        app.load({{"api.py": {stock(rest="print('noted', order.number)")!r}}}, id="stock")
        app.get_service("shop").place_many(20).result(10)
        app.stop()
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "noted 19" in (tmp_path / "data/logs/app.log").read_text()
