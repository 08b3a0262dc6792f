"""A change that is cancelled at any moment leaves the old or the new generation, never a mix."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from modframe.app import AppContext
from modframe.source import Source
from tests import inside
from tests.fakes import simple

PATIENCE = 60
HEAD = """
import asyncio
from fastapi import APIRouter
from tests_stage import stage
router = APIRouter()
stage.step()

@router.get("/number")
async def number() -> int:
    return {n}
"""
BODY = """
async def initialize(self):
    stage.step()
    await asyncio.sleep(0)
    stage.step()
    stage.running += 1
    self.count = 0
    self.task = asyncio.create_task(asyncio.Event().wait())

async def activate(self):
    stage.step()
    await asyncio.sleep(0)
    stage.step()
    stage.active += 1
    yield
    stage.active -= 1

async def cleanup_resources(self):
    stage.step()
    await asyncio.sleep(0)
    stage.step()
    if hasattr(self, "task"):  # it may be called before all of initialize ran
        stage.running -= 1

async def dump_state(self):
    stage.step()
    await asyncio.sleep(0)
    stage.step()
    return {{"count": self.count}}

async def load_state(self, state, from_version):
    stage.step()
    await asyncio.sleep(0)
    stage.step()
    self.count = state["count"]

async def number(self):
    return {n}

async def add(self):
    self.count += 1
    return self.count
"""


def text(n: int, mode: str) -> Source:
    """Return a module with code at every step of a change."""
    code = simple(BODY.format(n=n), head=HEAD.format(n=n), arguments=f"swap={mode!r}")
    return Source.from_texts("standard.thing", {"api.py": code})


STEPS = 8
"""How many steps a whole change takes in the module's own code."""


@pytest.mark.parametrize("mode", ["overlap", "stop_first"])
@pytest.mark.parametrize("turns", [0, 1, 3])
def test_interrupted_at_every_step(
    app: AppContext, stage: SimpleNamespace, mode: str, turns: int
) -> None:
    """After a cancellation at any step one version answers, and one runs."""
    stage.running = stage.active = 0
    stage.step = lambda: None
    loop = inside.app_loop(app)

    async def interrupted(n: int, at: int) -> int:
        """Cancel a change at a step, and return how many steps it took."""
        taken = 0

        def step() -> None:
            nonlocal taken
            taken += 1
            if taken == at:
                loop.call_soon_threadsafe(later, turns)

        def later(turns_left: int) -> None:
            if turns_left:
                loop.call_soon(later, turns_left - 1)
            else:
                change.cancel()

        stage.step = step
        change = asyncio.ensure_future(inside.change(app, text(n, mode)))
        await asyncio.wait({change})
        await inside.settled(app)
        if not change.cancelled():
            change.exception()
        return taken

    async def answers() -> tuple[int, int]:
        async with app.test_client() as http:
            over_http = int((await http.get("/api/v1/thing/number")).json())
        return over_http, await app.get_service("thing").number()

    app.run(interrupted(0, 0))
    before = 0
    went_live = set()
    for count, at in enumerate(range(1, STEPS + 4), 1):
        app.run(interrupted(at, at))
        over_http, over_handle = app.run(answers())
        assert over_http == over_handle
        assert over_handle in (at, before)
        went_live.add(over_handle == at)
        before = over_handle
        assert app.get_service("thing").add().result(PATIENCE) == count
        assert (stage.running, stage.active) == (1, 1), f"at step {at}"
        assert app.modules["thing"].state == "LIVE"
        assert app.snapshot().module("standard.thing").unsettled == ()
        owners = [one for one in inside.owners(app) if not one.startswith("modules.core.")]
        assert len(owners) == 1
    assert went_live == {True, False}
