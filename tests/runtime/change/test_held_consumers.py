"""Tasks that ``activate`` started are held while state is handed over: no update of theirs is lost."""

from __future__ import annotations

from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests.fakes import simple
from tests.waiting import wait_for

HEAD = "import asyncio, builtins\nnoted = builtins.modframe_test"
CONSUMER = """
def __init__(self):
    self.count = 0

async def activate(self):
    noted.append(("begins", self.count))
    self.consumer = asyncio.create_task(self.consume())

async def consume(self):
    try:
        while True:
            self.count += 1
            await asyncio.sleep(0)
    finally:
        noted.append(("ends", self.count))

def seen(self):
    return self.count
"""
DUMPS = """
def dump_state(self): return {"count": self.count}
def load_state(self, state, version): self.count = state["count"]
"""
REFUSES = """
    def __setattr__(self, name, value):
        if name in vars(self):
            raise OSError("no state, please")
        super().__setattr__(name, value)
"""
TASK = """
@task
async def consume(self):
    noted.append(("begins", self.count))
    try:
        while True:
            self.count += 1
            await asyncio.sleep(0)
    finally:
        noted.append(("ends", self.count))
def __init__(self):
    self.count = 0
def seen(self):
    return self.count
"""


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    noted: list[Any] = []
    monkeypatch.setattr("builtins.modframe_test", noted, raising=False)
    return noted


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        (CONSUMER, 'keep_state=("count",)'),
        (CONSUMER + DUMPS, ""),
        (CONSUMER + DUMPS, 'swap="stop_first"'),
        (TASK, 'keep_state=("count",)'),
    ],
)
def test_no_update_of_a_consumer_is_lost(
    app: AppContext, noted: list[Any], body: str, arguments: str
) -> None:
    """Over 50 swaps, some failed at their end: the new one begins with what the old one had."""
    text = simple(body, head=f"{HEAD}\nfrom modframe.tasks import task", arguments=arguments)
    bad = text + REFUSES
    swapped = 0
    for number in range(50):
        if number % 5 == 4 and "stop_first" not in arguments:
            with pytest.raises(LoadError):
                app.load({"api.py": bad + f"# {number}\n"}, id="counter")
        elif number % 7 == 6:
            app.modules["counter"].rollback()
            swapped += 1
        else:
            app.load({"api.py": text + f"\n# {number}\n"}, id="counter")
            swapped += 1
        before = app.get_service("counter").seen().result(20)
        wait_for(lambda: app.get_service("counter").seen().result(20) > before)  # noqa: B023
    app.modules["counter"].unload()
    wait_for(lambda: len(noted) == 2 * swapped)
    assert [what for what, _ in noted] == ["begins", "ends"] * swapped
    counts = [count for _, count in noted]
    assert counts[0] == 0
    assert counts[2::2] == counts[1:-1:2]


@pytest.fixture
def short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "0.1")


def test_what_a_consumer_is_inside_of_is_found(
    short_drain: None, app: AppContext, noted: list[Any]
) -> None:
    """A call of a consumer that can be held is cut at the deadline of what it calls."""
    waits = simple("async def wait(self): await asyncio.Event().wait()", head="import asyncio")
    calls = """
def __init__(self): self.count = 0
async def activate(self):
    self.consumer = asyncio.create_task(self.consume())
async def consume(self):
    try:
        await self.app_context.get_service("slow").wait()
    except Exception as error:
        noted.append(type(error).__name__)
"""
    app.load({"api.py": waits}, id="slow")
    app.load({"api.py": simple(calls, head=HEAD, arguments='keep_state=("count",)')}, id="fast")
    app.load({"api.py": waits + "# new\n"}, id="slow")
    wait_for(lambda: noted)
    assert noted == ["CallEndedError"]


def test_a_consumer_that_is_cancelled_while_it_is_held(app: AppContext, noted: list[Any]) -> None:
    """By ``dump_state``, which waits for its end: it ends, with what it does then."""
    body = """
def __init__(self): self.count = 0
async def activate(self):
    self.consumer = asyncio.create_task(self.consume())
    await asyncio.sleep(0)
async def consume(self):
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.create_task(self.flush())
        self.count += 1
async def flush(self):
    await asyncio.sleep(0)
async def dump_state(self):
    self.consumer.cancel()
    await asyncio.wait({self.consumer})
    return {"count": self.count}
def load_state(self, state, version): noted.append(state["count"])
"""
    text = simple(body, head=HEAD)
    app.load({"api.py": text}, id="counter")
    app.load({"api.py": text + "# new\n"}, id="counter")
    assert noted == [1]
