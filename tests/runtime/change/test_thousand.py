"""A thousand swaps of one module leave one generation, and nothing of the others.

What memory they cost is for `benchmarks/memory.py` to print.
"""

from __future__ import annotations

import asyncio
import gc
import linecache
import logging
import sys
import threading
import weakref
from typing import Any

import pytest

from modframe.app import AppContext
from tests import inside

from .owning import text

SWAPS = 1000
WARM = 20
"""Swaps before the first look, by when every cache that is bounded has had its fill."""


class Alive:
    """Weak references to what each generation is made of."""

    def __init__(self) -> None:
        self._kinds: dict[str, weakref.WeakSet[Any]] = {}

    def add(self, generation: Any) -> None:
        """Watch the objects that stand for a generation, by kind."""
        names = vars(generation.package.modules()["api.py"])
        objects = {name: names[name] for name in ("Owner", "Row", "Item", "Counter", "items")}
        objects |= {"generation": generation, "instance": generation.module}
        for kind, watched in objects.items():
            self._kinds.setdefault(kind, weakref.WeakSet()).add(watched)

    def counts(self) -> dict[str, int]:
        """Kind → how many there are."""
        return {kind: len(objects) for kind, objects in self._kinds.items()}


def counts(app: AppContext) -> dict[str, Any]:
    """Return everything that must not grow with the number of swaps."""

    async def on_the_loop() -> dict[str, Any]:
        async with app.test_client() as client:
            paths = (await client.get("/openapi.json")).json()["paths"]
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        return {
            "openapi": sorted(paths),
            "tasks": sorted(task.get_coro().__qualname__ for task in tasks),  # type: ignore[union-attr]
        }

    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    return {
        **app.run(on_the_loop()),
        "owners": sorted(name.partition("~")[0] for name in inside.owners(app)),
        "routes": [route.path for route in app.modules["standard.owner"].routes],
        "sys.modules": sum("owner" in name for name in sys.modules),
        "meta path": len(sys.meta_path),
        "linecache": sum("owner" in name for name in linecache.cache),
        "loggers": len(loggers),
        "handlers": sum(len(getattr(logger, "handlers", ())) for logger in loggers),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "handles": inside.handles(app),
        "records": len(inside.record_ids(app)),
    }


def use(app: AppContext, number: int) -> None:
    """Fill what is filled by use: routes, handles, sessions, the snapshot."""

    async def requests() -> Any:
        async with app.test_client() as client:
            assert (await client.post("/api/v1/owner/items", json={"name": "x"})).status_code == 200
            return (await client.get("/api/v1/owner/items")).json()

    assert app.run(requests())["number"] == number
    assert app.get_service("owner").number().result() == number
    app.snapshot().to_json()


def settle(app: AppContext) -> None:
    inside.settle(app)
    gc.collect()
    gc.collect()  # what pydantic keeps by class in weak dictionaries goes in two steps


@pytest.mark.soak
def test_a_thousand_swaps_leave_one_generation(app: AppContext) -> None:
    """A table, a task, a counter, models and routes: nothing grows, and one of each is alive."""
    alive = Alive()
    before: dict[str, Any] = {}
    for number in range(SWAPS + WARM):
        app.load({"api.py": text(number)}, id="owner")
        alive.add(inside.generation(app, "owner"))
        if number % 50 == WARM - 1:
            use(app, number)
        if number == WARM - 1:
            settle(app)
            before = counts(app)
    use(app, SWAPS + WARM - 1)
    settle(app)
    assert counts(app) == before
    assert alive.counts() == dict.fromkeys(alive.counts(), 1)
    assert app.modules["owner"].generation == SWAPS + WARM
    assert app.stop().unsettled == ()
