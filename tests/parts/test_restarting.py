"""A task is restarted: its run is cancelled, and it begins anew."""

from __future__ import annotations

from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import TaskError
from tests.fakes import simple
from tests.waiting import wait_for

HEAD = "import asyncio\nfrom modframe.tasks import task"
NAME = "standard.stock.poll"


def stock(decorator: str, run: str, note: object = "") -> str:
    body = f"""
def __init__(self):
    self.seen, self.go = [], asyncio.Event()
async def let(self): self.go.set()
def said(self): return self.seen
{decorator}
async def poll(self):
{run}
"""
    return simple(body, head=HEAD) + f"\n# {note}\n"


WAITS = """
    self.seen.append("began")
    try:
        await self.go.wait()
        self.seen.append("ended")
    except asyncio.CancelledError:
        self.seen.append("cancelled")
        raise
"""
LINGERS = """
    self.seen.append("began")
    while not self.go.is_set():
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.seen.append("cancelled")
"""


def said(app: AppContext) -> Any:
    return app.get_service("stock").said().result(20)


def let(app: AppContext) -> None:
    app.get_service("stock").let().result(20)


def test_a_task_that_runs(app: AppContext) -> None:
    """Its run is cancelled, which is no failure, and the next one begins once that has ended."""
    app.load({"api.py": stock("@task", WAITS)}, id="stock")
    task = app.tasks[NAME]
    wait_for(lambda: said(app) == ["began"])
    task.restart()
    wait_for(lambda: said(app) == ["began", "cancelled", "began"])
    assert (task.state, task.runs, task.error) == ("running", 2, None)
    let(app)
    wait_for(lambda: task.state == "done")
    assert app.modules["stock"].error is None


@pytest.mark.parametrize("end", ["done", "failed", "cancelled"])
def test_a_task_that_has_ended(app: AppContext, end: str) -> None:
    """It begins again, whatever it ended with."""
    run = "    self.seen.append(1)\n    if len(self.seen) == 1 and not self.go.is_set(): 1 / 0"
    if end == "failed":
        app.load({"api.py": stock("@task", run)}, id="stock")
    else:
        app.load({"api.py": stock("@task", WAITS)}, id="stock")
    task = app.tasks[NAME]
    wait_for(lambda: said(app))
    if end == "done":
        let(app)
    elif end == "cancelled":
        task.cancel()
    wait_for(lambda: task.state == end)
    task.restart()
    wait_for(lambda: task.runs == 2)
    let(app)
    wait_for(lambda: task.state == "done")
    assert task.error is None


def test_a_run_that_takes_its_time_to_end(app: AppContext) -> None:
    """The state says so; there is never a second run beside it, however often one asks."""
    app.load({"api.py": stock("@task", LINGERS)}, id="stock")
    task = app.tasks[NAME]
    wait_for(lambda: said(app) == ["began"])
    for _ in range(3):
        task.restart()
    wait_for(lambda: said(app) == ["began", *["cancelled"] * 3])
    assert (task.state, task.runs) == ("restarting", 1)
    let(app)
    wait_for(lambda: task.state == "done")
    assert (said(app)[-1], task.runs) == ("began", 2)


def test_a_run_that_fails_while_it_ends(app: AppContext, caplog: pytest.LogCaptureFixture) -> None:
    """The failure is recorded, and the task begins again all the same."""
    run = WAITS.replace("        raise", "        1 / 0")
    app.load({"api.py": stock("@task", run)}, id="stock")
    task = app.tasks[NAME]
    wait_for(lambda: said(app) == ["began"])
    task.restart()
    wait_for(lambda: said(app) == ["began", "cancelled", "began"])
    assert "task poll has failed; it begins again" in caplog.text
    let(app)
    wait_for(lambda: task.state == "done")


def test_the_times_of_a_periodic_task_begin_anew(app: AppContext) -> None:
    """Its run is cancelled, who waits for it is told, and the next one is a whole interval away."""
    app.load({"api.py": stock("@task(every=3600)", WAITS)}, id="stock")
    task = app.tasks[NAME]
    before = task.next
    asked: Any = task.run_now()
    wait_for(lambda: said(app) == ["began"])
    task.restart()
    with pytest.raises(TaskError, match="was ended before this run was done"):
        asked.result(20)
    wait_for(lambda: task.state == "waiting")
    after = task.next
    assert before is not None
    assert after is not None
    assert after > before
    assert said(app) == ["began", "cancelled"]
    let(app)
    asked = task.run_now()
    asked.result(20)
    task.cancel()
    assert task.next is None
    task.restart()
    assert (task.state, task.next is None) == ("waiting", False)


def test_a_run_asked_for_while_another_is_cancelled(app: AppContext) -> None:
    """It comes after it; the end of the cancelled one does not count as its end."""
    app.load({"api.py": stock('@task(every=3600, overlap="queue")', LINGERS)}, id="stock")
    task = app.tasks[NAME]
    first: Any = task.run_now()
    wait_for(lambda: said(app) == ["began"])
    task.restart()
    wait_for(lambda: said(app) == ["began", "cancelled"])
    second: Any = task.run_now()
    wait_for(lambda: first.done())
    let(app)
    second.result(20)
    assert said(app) == ["began", "cancelled", "began"]


def test_it_pauses_before_its_next_try(app: AppContext) -> None:
    """The pause ends, and the failures in a row are forgotten."""
    run = "    self.seen.append(1)\n    if not self.go.is_set(): 1 / 0"
    decorator = '@task(restart="on_failure", max_restarts=1000)'
    app.load({"api.py": stock(decorator, run)}, id="stock")
    task = app.tasks[NAME]
    wait_for(lambda: task.runs >= 2 and task.state == "restarting")
    let(app)
    task.restart()
    wait_for(lambda: task.state == "done")
    assert task.error is None


def test_over_generations(app: AppContext) -> None:
    """The live generation's begins; one that the live generation has not is a clear error."""
    app.load({"api.py": stock("@task", WAITS)}, id="stock")
    task = app.tasks[NAME]
    wait_for(lambda: said(app) == ["began"])
    app.load({"api.py": stock("@task", WAITS, note="new")}, id="stock")
    wait_for(lambda: said(app) == ["began"])
    task.restart()
    wait_for(lambda: said(app) == ["began", "cancelled", "began"])
    app.load({"api.py": simple("pass")}, id="stock")
    with pytest.raises(TaskError, match=r"standard\.stock\.poll has not begun, or has ended"):
        task.restart()


def test_from_its_own_run(app: AppContext) -> None:
    """A task may restart itself: it is cancelled at its next await."""
    body = """
def __init__(self): self.seen = []
def said(self): return self.seen
async def start(self):
    self.task = self.app_context.tasks.start(self.work)
async def work(self):
    self.seen.append("began")
    if len(self.seen) == 1:
        self.task.restart()
        await asyncio.sleep(3600)
"""
    app.load({"api.py": simple(body, head=HEAD)}, id="stock")
    app.get_service("stock").start().result(20)
    wait_for(lambda: "standard.stock.work" in app.tasks)
    task = app.tasks["standard.stock.work"]
    wait_for(lambda: task.state == "done")
    assert said(app) == ["began", "began"]
