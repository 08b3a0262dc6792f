"""What began on a generation ends on it, until the deadline; then it is cancelled and named."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import CallEndedError
from tests import inside
from tests.fakes import simple

PATIENCE = 60
HEAD = "import asyncio\nfrom tests_stage import stage"


async def until(true: Callable[[], bool]) -> None:
    """Wait until a condition holds; the suite's own timeout catches a hang."""
    while not true():
        await asyncio.sleep(0.001)


JOBS = """
async def begin(self):
    self.job = asyncio.create_task(self.work(), name="the job")

async def work(self):
    from .helper import NAME
    stage.entered.set()
    await asyncio.to_thread(stage.release.wait)
    mine = await self.app_context.get_service("jobs").name()
    stage.said.append((NAME, mine))

async def name(self):
    from .helper import NAME
    return NAME

def cleanup_resources(self):
    from .helper import NAME
    stage.said.append(f"stop {NAME}")
"""


def jobs(name: str) -> dict[str, str]:
    """Return a module that starts background jobs."""
    return {"api.py": simple(JOBS, head=HEAD), "helper.py": f"NAME = {name!r}"}


def test_a_background_job_ends_where_it_began(app: AppContext, stage: SimpleNamespace) -> None:
    """A job outlives the call that started it and the swap, with its own imports and calls."""
    app.load(jobs("a"), id="jobs")
    app.get_service("jobs").begin().result(PATIENCE)
    assert stage.entered.wait(PATIENCE)
    app.load(jobs("b"), id="jobs")
    (retired,) = app.snapshot().module("standard.jobs").retired
    assert dict(retired) == {"generation": 1, "calls": 0, "streams": 0, "jobs": 1}
    assert app.get_service("jobs").name().result(PATIENCE) == "b"
    assert stage.said == []
    stage.release.set()
    inside.settle(app)
    assert stage.said == [("a", "a"), "stop a"]
    assert app.snapshot().module("standard.jobs").retired == ()


def test_late_imports_of_other_modules(app: AppContext, stage: SimpleNamespace) -> None:
    """An import inside a function leads to what the generation was built on, even after a swap."""
    head = f"{HEAD}\nfrom modules.standard.base.api import Thing"
    body = """
async def late(self):
    stage.entered.set()
    await asyncio.to_thread(stage.release.wait)
    from modules.standard.base.names import NAME
    from modules.standard.base import api
    return NAME, api.Thing is Thing
"""
    base = "def get(self): return 1"
    app.load({"api.py": simple(base), "names.py": "NAME = 'old'"}, id="base")
    app.load({"api.py": simple(body, head=head, name="User")}, id="user")
    late = app.get_service("user").late()
    assert stage.entered.wait(PATIENCE)
    app.load({"api.py": simple(base), "names.py": "NAME = 'new'"}, id="base")
    app.run(until(lambda: not app.snapshot().module("standard.base").retired))
    stage.release.set()
    assert late.result(PATIENCE) == ("old", True)
    assert app.get_service("user").late().result(PATIENCE) == ("new", True)


def test_many_generations_drain_at_once(app: AppContext, stage: SimpleNamespace) -> None:
    """After any number of swaps each call ends on the generation it began on."""
    body = """
async def wait(self):
    stage.said.append({n})
    await asyncio.to_thread(stage.release.wait)
    return {n}
"""
    calls = []
    for number in range(20):
        app.load({"api.py": simple(body.format(n=number), head=HEAD)}, id="waits")
        calls.append(app.get_service("waits").wait())
        app.run(until(lambda number=number: number in stage.said))  # type: ignore[misc]
    retired = app.snapshot().module("standard.waits").retired
    assert [generation["calls"] for generation in retired] == [1] * 19
    stage.release.set()
    assert [call.result(PATIENCE) for call in calls] == list(range(20))


def test_stragglers_are_cancelled_and_named(
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: SimpleNamespace,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At the deadline hanging calls, requests, streams and jobs are ended and named."""
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "0.3")
    head = (
        HEAD
        + """
from fastapi import APIRouter
router = APIRouter()

@router.get("/hang")
async def hang():
    stage.said.append("request")
    await asyncio.Event().wait()
"""
    )
    body = """
async def hang(self):
    stage.said.append("call")
    await asyncio.Event().wait()

async def items(self):
    yield 1
    await asyncio.Event().wait()

async def begin(self):
    asyncio.create_task(asyncio.Event().wait(), name="the job")
"""
    caller = """
async def ask(self):
    try:
        await self.app_context.get_service("hangs").hang()
    except Exception as error:
        return type(error).__name__, str(error)
"""
    with modframe.start(workspace=workspace, data=":memory:") as app:
        app.load({"api.py": simple(body, head=head)}, id="hangs")
        app.load({"api.py": simple(caller)}, id="caller")

        async def get() -> tuple[int, str]:
            async with app.test_client() as http:
                answer = await http.get("/api/v1/hangs/hang")
                return answer.status_code, answer.json()["detail"]

        service = app.get_service("hangs")
        call, inner = service.hang(), app.get_service("caller").ask()
        request = asyncio.run_coroutine_threadsafe(get(), inside.app_loop(app))
        stream = service.items()

        async def first() -> int:
            return await anext(stream)

        assert asyncio.run(first()) == 1
        service.begin().result(PATIENCE)
        app.run(until(lambda: sorted(stage.said) == ["call", "call", "request"]))
        with caplog.at_level(logging.WARNING):
            app.load({"api.py": simple("pass")}, id="hangs")
            with pytest.raises(
                CallEndedError, match=r"standard.hangs.hang\(\) was ended: it began"
            ):
                call.result(PATIENCE)
        kind, text = inner.result(PATIENCE)
        assert kind == "CallEndedError"
        assert "generation 1, which was replaced" in text
        status, detail = request.result(PATIENCE)
        assert status == 503
        assert "began on generation 1" in detail
        inside.settle(app)
        named = next(
            record.message for record in caplog.records if "so cancelled" in record.message
        )
        assert "GET /api/v1/hangs/hang, hang(), hang(), task the job" in named
        assert app.modules["hangs"].state == "LIVE"


def test_a_straggler_that_will_not_end(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, stage: SimpleNamespace
) -> None:
    """A call that ignores its cancellation is in the snapshot and doesn't hold up the swap."""
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "0.1")
    body = """
async def stubborn(self):
    while not stage.release.is_set():
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            pass
"""
    with modframe.start(workspace=workspace, data=":memory:") as app:
        app.load({"api.py": simple(body, head=HEAD)}, id="hangs")
        call = app.get_service("hangs").stubborn()
        app.load({"api.py": simple("pass")}, id="hangs")
        inside.settle(app)
        (unsettled,) = app.snapshot().module("standard.hangs").unsettled
        assert unsettled == "generation 1: stubborn() of it ignores being cancelled"
        stage.release.set()
        call.result(PATIENCE)
