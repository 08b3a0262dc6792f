"""Changes of one module queue: the newest text wins, and the superseded ones say so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError, SupersededError
from tests import inside
from tests.fakes import simple

PATIENCE = 60
Behind = Callable[..., Future[Any]]
HEAD = "import asyncio\nfrom tests_stage import stage"
GATED = """
async def initialize(self):
    stage.said.append({n})
    stage.entered.set()
    await asyncio.to_thread(stage.release.wait)

async def get(self):
    return {n}
"""


def gated(n: int) -> dict[str, str]:
    """Return a module whose phase 2 waits for the test."""
    return {"api.py": simple(GATED.format(n=n), head=HEAD)}


def waiting(app: AppContext, count: int) -> None:
    """Wait until so many changes wait for their turn."""
    while inside.waiting_changes(app) < count:
        pass


def test_the_newest_text_wins(app: AppContext, stage: SimpleNamespace, behind: Behind) -> None:
    """Of the changes that queue only the last is built; the others raise and say why."""
    first = behind(app.load, gated(0), id="thing")
    assert stage.entered.wait(PATIENCE)
    queued = []
    for n in range(1, 6):
        queued.append(behind(app.load, gated(n), id="thing"))
        waiting(app, n)
    stage.release.set()
    first.result(PATIENCE)
    queued[-1].result(PATIENCE)
    for load in queued[:-1]:
        with pytest.raises(SupersededError, match=r"standard\.thing superseded by a newer"):
            load.result(PATIENCE)
    assert stage.said == [0, 5]
    assert app.modules["thing"].generation == 2
    assert app.get_service("thing").get().result(PATIENCE) == 5


def test_the_same_text_is_not_overtaken_by_itself(
    app: AppContext, stage: SimpleNamespace, behind: Behind
) -> None:
    """Callers that load the same text at the same time all succeed."""
    loads = [behind(app.load, gated(0), id="thing") for _ in range(6)]
    assert stage.entered.wait(PATIENCE)
    stage.release.set()
    assert {load.result(PATIENCE).generation for load in loads} == {1}
    assert stage.said == [0]


def test_a_group_is_overtaken_as_a_whole_or_not_at_all(
    app: AppContext, stage: SimpleNamespace, behind: Behind
) -> None:
    """A group with one text that is still the newest goes live, then the newer text does."""
    first = behind(app.load, gated(0), id="a")
    assert stage.entered.wait(PATIENCE)
    group = behind(app.load, [("a", gated(1)), ("b", gated(1))])
    waiting(app, 1)
    alone = behind(app.load, gated(2), id="a")
    waiting(app, 2)
    stage.release.set()
    for load in (first, group, alone):
        load.result(PATIENCE)
    assert stage.said == [0, 1, 1, 2]
    assert app.get_service("b").get().result(PATIENCE) == 1


def test_a_newer_text_that_fails(app: AppContext, stage: SimpleNamespace, behind: Behind) -> None:
    """If the newest text fails, no superseded text is tried instead."""
    first = behind(app.load, gated(0), id="thing")
    assert stage.entered.wait(PATIENCE)
    second = behind(app.load, gated(1), id="thing")
    waiting(app, 1)
    third = behind(app.load, {"api.py": "class"}, id="thing")
    waiting(app, 2)
    stage.release.set()
    first.result(PATIENCE)
    with pytest.raises(SupersededError):
        second.result(PATIENCE)
    with pytest.raises(LoadError):
        third.result(PATIENCE)
    assert app.modules["thing"].generation == 1
    assert isinstance(app.modules["thing"].error, LoadError)


def test_unrelated_modules_overlap(app: AppContext, stage: SimpleNamespace, behind: Behind) -> None:
    """A module that loads slowly holds up no other."""
    slow = behind(app.load, gated(0), id="slow")
    assert stage.entered.wait(PATIENCE)
    app.load({"api.py": simple("def get(self): return 1")}, id="quick")
    assert app.get_service("quick").get().result(PATIENCE) == 1
    assert not slow.done()
    stage.release.set()
    slow.result(PATIENCE)
