"""Timers that module code asked of the loop: cancelled with their generation, and named."""

from __future__ import annotations

import asyncio

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.runtime.ownership import callable_name
from tests import inside
from tests.fakes import simple

BODY = """
async def initialize(self):
    self.fired = []
    loop = asyncio.get_running_loop()
    loop.call_later(3600, self.tick)
    loop.call_later(3600, functools.partial(later, 1))
    loop.call_at(loop.time() + 3600, lambda: None)

def tick(self):
    pass
"""
HEAD = "import asyncio\nimport functools\n\n\ndef later(number):\n    pass\n"


def scheduled(app: AppContext) -> list[str]:
    """The methods that module code has the loop call later."""
    handles = list(getattr(inside.app_loop(app), "_scheduled", ()))
    names = [callable_name(one._callback) for one in handles if not one.cancelled()]
    return sorted(one for one in names if one.startswith("Thing."))


def said(app: AppContext) -> list[str]:
    return [line.message for line in app.snapshot().log if "timer" in line.message]


def test_timers_are_cancelled_and_named(app: AppContext) -> None:
    """Bound methods, partials and lambdas are told; it is no fault, and the log names them."""
    app.load({"api.py": simple(BODY, head=HEAD)}, id="thing")
    assert scheduled(app) == ["Thing.tick"]
    app.modules["thing"].unload()
    assert scheduled(app) == []
    assert said(app) == [
        "3 timers of generation 1 cancelled at its end: <lambda>, Thing.tick, later"
    ]
    assert app.modules["thing"].state == "STOPPED"


def test_a_failed_load_leaves_no_timer(app: AppContext) -> None:
    """Those of the live generation stay."""
    app.load({"api.py": simple(BODY, head=HEAD)}, id="thing")
    failing = BODY.replace("def tick", "    raise ValueError('no')\n\ndef tick")
    with pytest.raises(LoadError, match="ValueError: no"):
        app.load({"api.py": simple(failing, head=HEAD)}, id="thing")
    assert scheduled(app) == ["Thing.tick"]


def test_timers_of_others_are_left_alone(app: AppContext) -> None:
    """What the framework or a cell asked of the loop goes on."""

    async def wait() -> bool:
        handle = asyncio.get_running_loop().call_later(3600, lambda: None)
        await asyncio.to_thread(app.modules["thing"].unload)
        cancelled = handle.cancelled()
        handle.cancel()
        return cancelled

    app.load({"api.py": simple(BODY, head=HEAD)}, id="thing")
    assert app.run(wait()) is False


POLLER = """
async def initialize(self):
    asyncio.get_running_loop().call_later(3600, self.kept)
    self.go = asyncio.Event()

async def activate(self):
    self.poll()

def poll(self):
    asyncio.get_running_loop().call_later(3600, self.poll)

def kept(self):
    pass

async def wait(self):
    await self.go.wait()

async def release(self):
    self.go.set()
"""


def test_what_activate_began_ends_when_it_is_replaced(app: AppContext) -> None:
    """Old and new never both poll, though the old one still has a call inside."""
    app.load({"api.py": simple(POLLER, head=HEAD)}, id="thing")
    old = inside.generation(app, "thing")
    call = app.get_service("thing").wait()
    app.load({"api.py": simple(POLLER, head=HEAD) + "\n# 2\n"}, id="thing")
    assert scheduled(app) == ["Thing.kept", "Thing.kept", "Thing.poll"]
    inside.app_loop(app).call_soon_threadsafe(old.module.go.set)
    call.result()
    inside.settle(app)
    assert scheduled(app) == ["Thing.kept", "Thing.poll"]
