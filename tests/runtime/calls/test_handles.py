"""Handles, calls and streams: across swaps, and until they end."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import ModuleExitError, NotRunningError
from tests import inside
from tests.fakes import ORDERS, simple

PATIENCE = 60
STREAM = "async def numbers(self, end: int):\n        for number in range(end):\n            yield number"
PLAIN = "async def numbers(self, end: int):\n        return end"


async def first(items: AsyncIterator[Any]) -> Any:
    """Return the first item and leave the rest."""
    async for item in items:
        return item
    return None


async def all_of(items: AsyncIterator[Any]) -> list[Any]:
    """Return every item."""
    return [item async for item in items]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Return a list that modules append to as ``tests_seen.SEEN``: an event and its thread."""
    module = ModuleType("tests_seen")
    module.SEEN = []  # type: ignore[attr-defined]  # a module made for this
    monkeypatch.setitem(sys.modules, "tests_seen", module)
    return module.SEEN  # type: ignore[no-any-return]


def test_every_handle_follows_a_swap(app: AppContext) -> None:
    """A handle follows when a method becomes a stream or goes away, however it was looked up."""
    app.load({"api.py": ORDERS}, id="orders")
    asks = """
    async def initialize(self):
        self.orders = self.app_context.get_service("orders")
        await self.orders.total()

    async def ask(self):
        return [one async for one in self.orders.numbers(2)], hasattr(self.orders, "twice")
    """
    app.load({"api.py": simple(asks)}, id="asks")
    cls = inside.generation(app, "orders").spec.module_class
    handles = [app.get_service("orders"), app.get_service(cls)]
    methods = [handle.twice for handle in handles]
    for handle in handles:
        assert asyncio.run(all_of(handle.numbers(2))) == [0, 1]
    app.load({"api.py": ORDERS.replace(STREAM, PLAIN).replace("twice", "thrice")}, id="orders")
    for handle, method in zip(handles, methods, strict=True):
        assert handle.numbers(2).result(PATIENCE) == 2
        assert not hasattr(handle, "twice")
        with pytest.raises(AttributeError, match=r"has no method 'twice'; did you mean 'thrice'"):
            method(2).result(PATIENCE)
    app.load({"api.py": ORDERS.replace("twice", "thrice")}, id="orders")
    assert app.get_service("asks").ask().result(PATIENCE) == ([0, 1], False)


GENERATOR = """
async def items(self):
    try:
        for number in range(10):
            if number == 5:
                raise ValueError("five")
            yield number
    finally:
        await asyncio.sleep(0)
        SEEN.append(("closed", threading.get_ident()))
"""


def test_a_stream_that_is_left_ends_on_the_app_loop(
    app: AppContext, seen: list[tuple[str, int]]
) -> None:
    """The generator's ``finally`` runs on the app loop, if its reader breaks off or closes it."""
    head = "import asyncio, threading\nfrom tests_seen import SEEN"
    app.load({"api.py": simple(GENERATOR, head=head)}, id="thing")
    thing = app.get_service("thing")
    generation = inside.generation(app, "thing")
    # In no assert, whose temporaries pytest would keep.
    asyncio.run(first(thing.items()))
    gc.collect()
    app.run(asyncio.wait_for(_until(lambda: seen and not generation.in_flight), PATIENCE))

    async def closes() -> None:
        stream = thing.items()
        await anext(stream)
        await stream.aclose()

    asyncio.run(closes())
    assert seen == [("closed", inside.app_thread(app))] * 2
    assert generation.in_flight == 0
    with pytest.raises(ValueError, match="five"):
        asyncio.run(all_of(thing.items()))
    assert len(seen) == 3


async def _until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0)


FORKS = """
import os
import modframe
from tests.fakes import ORDERS

app = modframe.start(data=":memory:")
app.load({"api.py": ORDERS}, id="orders")
orders = app.get_service("orders")
read, write = os.pipe()
child = os.fork()
if not child:
    try:
        orders.twice(2).result()
    except BaseException as error:
        os.write(write, type(error).__name__.encode())
    finally:
        os._exit(0)
os.close(write)
with os.fdopen(read) as answer:
    print(answer.read(), orders.twice(2).result())
os.waitpid(child, 0)
app.stop()
"""


def test_a_forked_child_is_told_that_nothing_runs_there(workspace: Path) -> None:
    """A call in a forked child raises, since the child doesn't have the app's thread."""
    root = str(Path(__file__).parents[3])
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS], cwd=workspace, timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout == "NotRunningError 4\n"


def test_a_method_that_lets_a_cancellation_out_is_named(app: AppContext) -> None:
    """A `CancelledError` that a method raises is an error of the module, not a cancelled call."""
    text = simple("async def get(self):\n    raise asyncio.CancelledError", head="import asyncio")
    app.load({"api.py": text}, id="thing")
    with pytest.raises(ModuleExitError, match="though nobody cancelled the call"):
        app.get_service("thing").get().result(PATIENCE)


def test_a_number_that_was_used_does_not_come_again(app: AppContext) -> None:
    """An id keeps counting its generations after its module was unloaded and its draft dropped."""
    text = {"api.py": simple("def get(self): return 1")}
    app.load(text, id="thing")
    app.modules["thing"].unload()
    app.drop("thing")
    assert app.load(text, id="thing").generation == 2


def test_a_module_calls_from_a_thread_of_its_own(app: AppContext) -> None:
    """Module code in a worker thread calls with ``result()``, as a person does."""
    asks = """
    async def ask(self):
        orders = self.app_context.get_service("orders")
        return await asyncio.to_thread(lambda: orders.twice(4).result())
    """
    app.load({"api.py": ORDERS}, id="orders")
    app.load({"api.py": simple(asks, head="import asyncio")}, id="asks")
    assert app.get_service("asks").ask().result(PATIENCE) == 8
    assert threading.get_ident() != inside.app_thread(app)


def test_a_default_that_can_not_be_shown_spoils_no_view(app: AppContext) -> None:
    """A handle and its methods have a repr even if the ``__repr__`` of a default value fails."""
    head = "class Bad:\n    def __repr__(self):\n        raise RuntimeError('no')"
    app.load({"api.py": simple("def get(self, bad=Bad()):\n    return 1", head=head)}, id="thing")
    thing = app.get_service("thing")
    assert "get(...)" in thing._repr_html_()
    assert repr(thing.get) == "<method standard.thing.service.get(...)>"
    assert thing.get.__doc__ == "get(...)"


def test_a_thread_that_got_the_app_loops_number_is_another_thread(app: AppContext) -> None:
    """After the app loop ended, a call raises even in a thread that got the loop's old number."""
    app.load({"api.py": ORDERS}, id="orders")
    total = app.get_service("orders").total
    app.stop()
    assert inside.app_thread(app) == 0
    with pytest.raises(NotRunningError, match="modframe was stopped"):
        total()
