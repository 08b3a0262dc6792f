"""Events over very many changes: none lost, none twice, in order; and over any sequence of verbs."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from tests.fakes import simple

pytestmark = pytest.mark.soak
PATIENCE = 120
HEAD = """
import asyncio
from pydantic import BaseModel
class Placed(BaseModel):
    number: int
"""
SHOP = simple(
    """
    async def place(self, numbers):
        for number in numbers:
            await self.app_context.events.publish(Placed(number=number))
    """,
    head=HEAD,
    name="Shop",
)
STOCK = """
import asyncio
import tests_events
from modframe.decorators import module
from modframe.events import subscribe

@module(OPTIONS)
class Stock:
    def __init__(self):
        self.seen = []

    @subscribe("standard.shop.Placed", retries=1000)
    async def note(self, event):
        await tests_events.handle(event["number"])
        self.seen.append(event["number"])

    def facts(self):
        return self.seen
"""
KEEPING = STOCK.replace("OPTIONS", 'keep_state=("seen",)')


class Outside:
    """What handlers do, and what they have done, whichever generation they are of."""

    def __init__(self) -> None:
        self.handled: list[int] = []
        self.failures = 0
        self.hang_at: set[int] = set()

    async def handle(self, number: int) -> None:
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise ValueError("as asked for")
        if number in self.hang_at:
            self.hang_at.discard(number)
            await asyncio.Event().wait()
        self.handled.append(number)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    made = Outside()
    monkeypatch.setitem(sys.modules, "tests_events", SimpleNamespace(handle=made.handle))
    return made


def swap_often(app: AppContext, text: str, times: int) -> Iterator[int]:
    """Change the subscriber again and again: some texts fail, some changes are rolled back."""
    for number in range(times):
        yield number
        changed = f"{text}\n# {number}\n"
        if number % 5 == 4:
            with pytest.raises(LoadError):
                app.load({"api.py": f"{changed}1 / 0\n"}, id="stock")
        elif number % 7 == 6:
            app.modules["stock"].rollback()
        else:
            app.load({"api.py": changed}, id="stock")
        if number % 10 == 9:
            app.load({"api.py": f"{SHOP}\n# {number}\n"}, id="shop")


def test_ten_thousand_events_over_two_hundred_swaps(app: AppContext, outside: Outside) -> None:
    """Each is handled once and in order, and kept state has each once."""
    app.load([("shop", {"api.py": SHOP}), ("stock", {"api.py": KEEPING})])
    placing = app.get_service("shop").place(range(10_000))
    for _ in swap_often(app, KEEPING, 200):
        pass
    placing.result(PATIENCE)
    app.events.settled(PATIENCE)
    assert outside.handled == list(range(10_000))
    assert app.get_service("stock").facts().result(PATIENCE) == list(range(10_000))


@pytest.fixture
def short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "0.05")


@pytest.mark.usefixtures("short_drain")
def test_handlers_that_are_cut(outside: Outside, app: AppContext) -> None:
    """Each event is handled at least once, though some handlers never return by themselves."""
    text = STOCK.replace("OPTIONS", "")
    app.load([("shop", {"api.py": SHOP}), ("stock", {"api.py": text})])
    outside.hang_at = set(range(0, 2000, 40))
    placing = app.get_service("shop").place(range(2000))
    number = 0
    while len(set(outside.handled)) < 2000:  # only a change ends the ones that hang
        number += 1
        app.load({"api.py": f"{text}\n# {number}\n"}, id="stock")
    placing.result(PATIENCE)
    app.events.settled(PATIENCE)
    assert sorted(set(outside.handled)) == list(range(2000))


class Machine(RuleBasedStateMachine):
    """Publish, change, break, take out and bring back, held against a list."""

    def __init__(self) -> None:
        super().__init__()
        self.outside = Outside()
        sys.modules["tests_events"] = SimpleNamespace(handle=self.outside.handle)  # type: ignore[assignment]
        self.folder = tempfile.TemporaryDirectory()
        self.app: AppContext = modframe.start(
            workspace=self.folder.name, data=":memory:", modules=[]
        )
        self.expected: list[int] = []
        self.next = self.text = 0
        self.live = False

    @initialize()
    def begin(self) -> None:
        self.app.load({"api.py": SHOP}, id="shop")
        self.bring()

    @rule(count=st.integers(1, 30))
    def publish(self, count: int) -> None:
        numbers = list(range(self.next, self.next + count))
        self.next += count
        self.app.get_service("shop").place(numbers).result(PATIENCE)
        self.expected += numbers if self.live else []

    @precondition(lambda self: self.live)
    @rule()
    def swap(self) -> None:
        self.text += 1
        self.app.load({"api.py": f"{KEEPING}\n# {self.text}\n"}, id="stock")

    @precondition(lambda self: self.live)
    @rule()
    def swap_that_fails(self) -> None:
        self.text += 1
        with pytest.raises(LoadError):
            self.app.load({"api.py": f"{KEEPING}\n# {self.text}\n1 / 0\n"}, id="stock")

    @rule(times=st.integers(1, 3))
    def handler_fails(self, times: int) -> None:
        self.outside.failures = times

    @rule()
    def swap_the_publisher(self) -> None:
        self.text += 1
        self.app.load({"api.py": f"{SHOP}\n# {self.text}\n"}, id="shop")

    @precondition(lambda self: self.live)
    @rule()
    def take_out(self) -> None:
        self.settle()
        self.app.modules["stock"].unload()
        self.live = False

    @precondition(lambda self: not self.live)
    @rule()
    def bring(self) -> None:
        self.text += 1
        self.app.load({"api.py": f"{KEEPING}\n# {self.text}\n"}, id="stock")
        self.live = True

    @rule()
    def settle(self) -> None:
        self.app.events.settled(PATIENCE)
        assert self.outside.handled == self.expected

    @invariant()
    def what_was_handled_is_a_beginning(self) -> None:
        handled = list(self.outside.handled)
        assert handled == self.expected[: len(handled)] or not self.live

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.app.stop()
            self.folder.cleanup()
            sys.modules.pop("tests_events", None)


def test_any_sequence_of_verbs() -> None:
    """``MODFRAME_TEST_MACHINE`` gives how many sequences are tried."""
    tries = int(os.environ.get("MODFRAME_TEST_MACHINE", "10"))
    choices: Any = settings(
        max_examples=tries, stateful_step_count=30, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Machine, settings=choices)
