"""What the snapshot says of the whole app in the last minutes: a short series of each kind."""

from __future__ import annotations

from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.observe import POINTS, STEP
from tests.fakes import simple
from tests.waiting import wait_for

HEAD = """
from fastapi import APIRouter
from pydantic import BaseModel
from modframe.decorators import module_health_check
from modframe.events import subscribe
from modframe.result import Result
from modframe.tasks import task
router = APIRouter()

class Placed(BaseModel):
    number: int

@router.get("/share/{number}")
async def share(number: int):
    return 1 / number
"""
BODY = """
async def good(self):
    return 1

async def bad(self):
    raise ValueError("no")

async def refuses(self):
    return Result.error("NO", "no")

async def some(self):
    yield 1

async def store(self, fails):
    async with self.app_context.database.integrity_session("shop", "store"):
        return 1 / (not fails)

async def place(self, number):
    return await self.app_context.events.publish(Placed(number=number))

@subscribe(Placed, retries=1)
async def note(self, event):
    return 1 / event.number

@task(every=3600)
async def poll(self):
    self.polls = getattr(self, "polls", 0) + 1
    return 1 / (self.polls - 2)

async def check_health(self):
    return self.polls < 2 if hasattr(self, "polls") else True
"""
DATABASE = """
from modframe.database import get_database_base
DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)
"""
TIMED = {"requests", "swaps", "tasks", "events", "sessions", "checks"}


def shop(note: object = "") -> dict[str, str]:
    text = simple(BODY, head=HEAD, name="Shop")
    text = text.replace("@module", "@module_health_check(interval=0.02)\n@module", 1)
    return {"api.py": f"{text}\n# {note}\n", "db_models.py": DATABASE}


@pytest.fixture
def used(app: AppContext) -> AppContext:
    """Return an app with a module that has something of each kind."""
    app.load(shop(), id="shop")
    return app


def counted(app: AppContext, kind: str) -> tuple[int, int]:
    """Return how many there were, and how many of them failed."""
    series = app.snapshot().numbers[kind]
    return sum(series["counts"]), sum(series["errors"])


def came(app: AppContext, kind: str, before: tuple[int, int]) -> tuple[int, int]:
    count, errors = counted(app, kind)
    return count - before[0], errors - before[1]


def check_shape(app: AppContext) -> None:
    """Sixty points of each; those of what has a duration say how long it took."""
    numbers = app.snapshot().numbers
    untimed = {"calls", "dead_events"}
    assert set(numbers) == TIMED | untimed
    for kind, series in numbers.items():
        keys = {"counts", "errors"} if kind in untimed else {"counts", "errors", "mean", "p95"}
        assert set(series) == {"step", *keys}
        assert series["step"] == STEP
        assert {len(series[key]) for key in keys} == {POINTS}
    assert set(app.snapshot().lag) == {"step", "counts", "errors", "mean", "p95"}
    assert app.snapshot().to_dict()["numbers"].keys() == numbers.keys()


async def test_requests_calls_and_swaps(used: AppContext) -> None:
    """All have one shape; what is asked of the system pages, and an unchanged text, count not."""
    check_shape(used)
    before = counted(used, "swaps")
    used.load(shop("again"), id="shop")
    used.load(shop("again"), id="shop")
    with pytest.raises(LoadError):
        used.load({"api.py": simple(head="1 / 0")}, id="broken")
    assert came(used, "swaps", before) == (2, 1)
    service, before = used.get_service("shop"), counted(used, "calls")
    for _ in range(100):
        await service.good()
    assert [item async for item in service.some()] == [1]
    with pytest.raises(ValueError, match="no"):
        await service.bad()
    await service.refuses()
    assert came(used, "calls", before) == (103, 2)
    view = used.snapshot().module("standard.shop")
    assert view is not None
    calls = view.parts["traffic"]["calls"]
    assert (sum(calls["counts"]), sum(calls["errors"])) == (103, 2)
    assert "mean" not in calls
    async with used.test_client() as http:
        for number in (1, 0, 2):
            await http.get(f"/api/v1/shop/share/{number}")
        await http.get("/health")
        await http.get("/nowhere")
    assert counted(used, "requests") == (3, 1)
    assert max(used.snapshot().numbers["requests"]["p95"]) > 0


def test_sessions_events_tasks_and_checks(used: AppContext) -> None:
    """A session counts when it ends, an event at each attempt, a task and a check when they ran."""
    service: Any = used.get_service("shop")
    assert service.store(False).result() == 1
    with pytest.raises(ZeroDivisionError):
        service.store(True).result()
    assert counted(used, "sessions") == (2, 1)
    for number in (1, 0):
        assert service.place(number).result() == 1
    used.events.settled()
    assert counted(used, "events") == (3, 2)
    assert counted(used, "dead_events") == (1, 1)
    assert wait_for(lambda: counted(used, "checks")[0] > 1)
    assert counted(used, "checks")[1] == 0
    task: Any = used.tasks["standard.shop.poll"]
    task.run_now().result(20)
    with pytest.raises(ZeroDivisionError):
        task.run_now().result(20)
    assert counted(used, "tasks") == (2, 1)
    assert wait_for(lambda: counted(used, "checks")[1] > 1)
