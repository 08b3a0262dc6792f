"""Tasks of modules: at times and from their start on, over swaps, failures and ends."""

from __future__ import annotations

import gc
import logging
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError, TaskDiedError, TaskError
from tests import inside
from tests.fakes import simple
from tests.waiting import wait_for

HEAD = "import asyncio\nfrom modframe.tasks import task"
NAME = "standard.stock.poll"


def stock(body: str, *, note: object = "", keep: str = '"count",', swap: str = "overlap") -> str:
    start = "def __init__(self):\n    self.count = 0\n"
    return (
        simple(start + body, head=HEAD, arguments=f'keep_state=({keep}), swap="{swap}"')
        + f"\n# {note}\n"
    )


TICK = """
@task(every=3600)
async def poll(self):
    self.count += 1
def seen(self):
    return self.count
"""


def run(app: AppContext) -> None:
    ran: Any = app.tasks[NAME].run_now()
    ran.result(20)


def seen(app: AppContext) -> Any:
    return app.get_service("stock").seen().result(20)


def test_a_periodic_task(app: AppContext) -> None:
    """It runs again and again, and is in the mapping, the snapshot and their displays."""
    app.load({"api.py": stock(TICK.replace("3600", "0.01"))}, id="stock")
    task = app.tasks[NAME]
    wait_for(lambda: task.runs > 3)
    assert seen(app) > 2
    assert task.state in ("waiting", "running")
    assert task.next is not None
    assert task.error is None
    assert list(app.tasks) == [NAME]
    assert NAME in repr(app.tasks)
    assert "every 0.01 s" in app.tasks._repr_html_()
    snapshot = app.snapshot().module("standard.stock")
    assert snapshot is not None
    assert any("every 0.01 s" in line for line in snapshot.lines())
    app.modules["stock"].unload()
    assert not app.tasks
    assert task.state == "waiting"
    assert repr(app.tasks) == "<no tasks>"
    with pytest.raises(TaskError, match="has not begun, or has ended"):
        task.cancel()


@pytest.mark.parametrize("swap", ["overlap", "stop_first"])
def test_each_run_counts_once_over_swaps(app: AppContext, swap: str) -> None:
    """1,000 runs over 200 swaps, some failed and some rolled back: the kept count is exact."""
    rounds, runs = (200, 1000) if swap == "overlap" else (20, 60)
    body = TICK.replace("every=3600", 'every=3600, overlap="queue"').replace(
        "self.count += 1",
        "before = self.count\n    await asyncio.sleep(0)\n    self.count = before + 1",
    )
    app.load({"api.py": stock(body, swap=swap)}, id="stock")
    task = app.tasks[NAME]
    asked: list[Any] = []
    for number in range(rounds):
        asked += [task.run_now() for _ in range(runs // rounds)]
        text = stock(body, note=number, swap=swap)
        if number % 5 == 4:
            with pytest.raises(LoadError):
                app.load({"api.py": f"{text}1 / 0\n"}, id="stock")
        elif number % 7 == 6:
            app.modules["stock"].rollback()
        else:
            app.load({"api.py": text}, id="stock")
    for one in asked:
        one.result(20)
    assert seen(app) == task.runs == runs
    assert task.skipped == 0


def test_times_that_come_during_swaps(app: AppContext) -> None:
    """Each run counts once in what is kept, whenever its time comes."""
    body = TICK.replace("3600", "0.001")
    for number in range(30):
        app.load({"api.py": stock(body, note=number)}, id="stock")
    task = app.tasks[NAME]
    wait_for(lambda: task.runs > 30)
    app.load({"api.py": stock(TICK)}, id="stock")
    wait_for(lambda: task.state == "waiting")
    assert seen(app) == task.runs


def test_nothing_of_an_old_generation_stays(app: AppContext) -> None:
    """After runs of every kind, failed ones among them."""
    body = """
def __init__(self): self.count = 0
def initialize(self):
    self.app_context.tasks.start(self.fail, every=3600, name="fail")
    self.app_context.tasks.start(self.wait)
@task(every=3600)
async def poll(self): self.count += 1
async def fail(self): raise ValueError("no")
async def wait(self): await asyncio.Event().wait()
@task
def blocking(self): pass
async def me(self): return weakref.ref(self)
"""
    text = simple(body, head=f"{HEAD}\nimport weakref", arguments='keep_state=("count",)')
    for number in range(3):
        app.load({"api.py": f"{text}\n# {number}\n"}, id="stock")
        run(app)
        failing: Any = app.tasks["standard.stock.fail"].run_now()
        with pytest.raises(ValueError, match="no"):
            failing.result(10)
        del failing
        old = app.get_service("stock").me().result(10)
    app.load({"api.py": simple()}, id="stock")
    inside.settle(app)
    for handler in logging.getLogger().handlers:
        getattr(handler, "records", []).clear()  # pytest's hold the tracebacks
    gc.collect()
    assert old() is None
    assert not app.tasks


@pytest.fixture
def short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "0.1")


def test_a_run_that_is_cut_is_made_again(short_drain: None, app: AppContext) -> None:
    """By the generation that is live then; it counts as one."""
    body = """
@task(every=3600)
async def poll(self):
    self.app_context.get_logger().info("in")
    await asyncio.Event().wait()
"""
    text = simple(body, head=HEAD)
    app.load({"api.py": text}, id="stock")
    task = app.tasks[NAME]
    ran: Any = task.run_now()
    wait_for(lambda: task.state == "running")
    app.load({"api.py": text.replace("asyncio.Event().wait()", "asyncio.sleep(0)")}, id="stock")
    ran.result(20)
    assert task.runs == 1


LONG = """
@task
async def poll(self):
    running.append(self)
    most.append(len(running))
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        running.remove(self)
"""
SHARED = HEAD + "\nimport builtins\nrunning, most = builtins.modframe_test"


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[int]]:
    lists: tuple[list[Any], list[int]] = ([], [])
    monkeypatch.setattr("builtins.modframe_test", lists, raising=False)
    return lists


@pytest.mark.parametrize("how", ["declared", "started"])
@pytest.mark.parametrize("swap", ["overlap", "stop_first"])
def test_one_instance_over_swaps(
    app: AppContext, shared: tuple[list[Any], list[int]], how: str, swap: str
) -> None:
    """A task without times begins when the old generation's has ended, and goes on if a swap fails."""
    running, most = shared
    body = LONG
    if how == "started":
        body = LONG.replace("@task\n", "") + (
            "def initialize(self):\n    self.app_context.tasks.start(self.poll)\n"
        )
    text = simple(body, head=SHARED, arguments=f'swap="{swap}"')
    for number in range(12):
        if number % 4 == 3:
            with pytest.raises(LoadError):
                app.load({"api.py": f"{text}\n1 / 0\n"}, id="stock")
        else:
            app.load({"api.py": f"{text}\n# {number}\n"}, id="stock")
        wait_for(lambda: running)
    assert set(most) == {1}
    assert app.tasks[NAME].state == "running"
    app.modules["stock"].unload()
    assert not running


def test_two_modules_that_end_at_once(app: AppContext, shared: tuple[list[Any], list[int]]) -> None:
    """The tasks of each are ended."""
    for name in ("stock", "shop"):
        app.load({"api.py": simple(LONG, head=SHARED)}, id=name)
    wait_for(lambda: len(shared[0]) == 2)
    app.stop()
    assert shared[0] == []


def test_it_restarts_with_a_limit_and_is_the_modules_error(app: AppContext) -> None:
    """Until it has failed too often: it is dead then, and its module says so until it is mended."""
    body = """
@task(restart="on_failure", max_restarts=2)
async def poll(self):
    raise ValueError("no stock")
"""
    app.load({"api.py": simple(body, head=HEAD)}, id="stock")
    task, module = app.tasks[NAME], app.modules["stock"]
    wait_for(lambda: task.state == "failed")
    assert task.runs == 3
    assert "ValueError: no stock" in repr(task)
    assert isinstance(module.error, TaskDiedError)
    assert "died, having failed 3 times in a row" in str(module.error)
    assert "api.py line" in str(module.error) or "api.py" in str(module.error)
    assert module.state == "LIVE"
    app.load({"api.py": simple(body.replace("raise", "return"), head=HEAD)}, id="stock")
    wait_for(lambda: task.state == "done")
    assert module.error is None
    assert task.error is None


def test_always_begins_again_after_it_returned(app: AppContext) -> None:
    """A pause comes between."""
    body = "@task(restart='always')\nasync def poll(self): pass"
    app.load({"api.py": simple(body, head=HEAD)}, id="stock")
    task = app.tasks[NAME]
    wait_for(lambda: task.runs > 1)
    task.cancel()
    assert task.state == "cancelled"


def test_a_periodic_task_that_fails(app: AppContext) -> None:
    """It runs at its next time; what fails twice in a row is the module's error until it runs well."""
    body = """
def __init__(self): self.bad = True
def mend(self): self.bad = False
@task(every=3600)
def poll(self):
    if self.bad: raise OSError("away")
"""
    app.load({"api.py": simple(body, head=HEAD)}, id="stock")
    task, module = app.tasks[NAME], app.modules["stock"]
    with pytest.raises(OSError, match="away"):
        run(app)
    assert (str(task.error), module.error) == ("away", None)
    with pytest.raises(OSError, match="away"):
        run(app)
    assert "has failed 2 times in a row; it runs at its next time" in str(module.error)
    status = app.snapshot().module("standard.stock")
    assert status is not None
    assert "has failed 2 times in a row" in status.error
    health = app.health()["standard.stock"]
    assert health.status == "degraded"
    assert "has failed 2 times in a row" in str(health.detail)
    app.get_service("stock").mend().result(10)
    run(app)
    assert (task.state, task.error, module.error) == ("waiting", None, None)
    assert app.health()["standard.stock"].status != "degraded"


def test_progress_and_threads(app: AppContext) -> None:
    """A plain function runs beside the loop, and says how far it is; none does nothing."""
    body = """
def __init__(self): self.go = threading.Event()
def let(self):
    self.app_context.tasks.progress(1)
    self.go.set()
def initialize(self):
    self.task = self.app_context.tasks.start(self.read, 4, name="reading")
def read(self, total):
    self.app_context.tasks.progress(3, total, "files")
    self.go.wait()
"""
    app.load({"api.py": simple(body, head="import threading")}, id="stock")
    task = app.tasks["standard.stock.reading"]
    wait_for(lambda: task.progress == "3 of 4 files")
    assert "3 of 4 files" in repr(task)
    app.get_service("stock").let().result(10)
    wait_for(lambda: task.state == "done")


def test_a_module_starts_cancels_and_runs_its_tasks(app: AppContext) -> None:
    """While it is live, from a call; a name can be used again once its task has ended."""
    body = """
def __init__(self): self.seen = []
async def note(self, what): self.seen.append(what)
async def work(self):
    tasks = self.app_context.tasks
    once = tasks.start(self.note, "once")
    try:
        tasks.start(self.note, "twice")
    except Exception as error:
        self.seen.append(type(error).__name__)
    while once.state != "done":
        await asyncio.sleep(0)
    tasks.start(self.note, "again")
    often = tasks.start(self.note, "often", name="often", every=3600)
    await asyncio.sleep(0)
    await often.run_now()
    often.cancel()
    state = often.state
    await often.run_now()
    return self.seen, state, often.runs, often.state
"""
    app.load({"api.py": simple(body, head=HEAD)}, id="stock")
    seen, state, runs, at_last = app.get_service("stock").work().result(20)
    assert sorted(seen) == ["TaskError", "again", "often", "often", "once"]
    assert (state, runs, at_last) == ("cancelled", 2, "waiting")
    app.load({"api.py": simple(body, head=HEAD) + "# new\n"}, id="stock")
    assert not app.tasks


def test_overlapping_times(app: AppContext) -> None:
    """They are skipped and counted, or queued."""
    body = """
def __init__(self):
    self.go, self.count = asyncio.Event(), 0
async def let(self): self.go.set()
def seen(self): return self.count
@task(every=3600, OVERLAP)
async def poll(self):
    await self.go.wait()
    self.count += 1
"""
    for overlap, counted, skipped in (("skip", 1, 2), ("queue", 3, 0)):
        text = simple(body.replace("OVERLAP", f'overlap="{overlap}"'), head=HEAD)
        app.load({"api.py": text}, id="stock")
        task = app.tasks[NAME]
        before = task.skipped
        ran: list[Any] = [task.run_now() for _ in range(3)]
        wait_for(lambda: task.skipped - before == skipped)  # noqa: B023  # this round's
        app.get_service("stock").let().result(10)
        for one in ran:
            one.result(10)
        assert seen(app) == counted
        app.modules["stock"].unload()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('every=3, cron="* * * * *"', "has both every= and cron="),
        ("every=0", "every=0) is no number of seconds above 0"),
        ("every=float('nan')", "every=nan) is no number"),
        ('every="3"', "every='3') is no number"),
        ('cron="* 25 * * *"', "is no cron expression: bad hour"),
        ('cron="* *"', "wrong number of fields"),
        ('cron="* * * * *", zone="Europe/Berlim"', "Did you mean 'Europe/Berlin'?"),
        ('every=1, overlap="skp"', "Did you mean 'skip'?"),
        ('restart="allways"', "Did you mean 'always'?"),
        ("max_restarts=-1", "is not a number from 0 on"),
        ("evry=3", "Did you mean 'every'?"),
    ],
)
def test_wrong_arguments(app: AppContext, arguments: str, said: str) -> None:
    """They are the load's error, with the line; the same for the decorator and ``start``."""
    body = f"@task({arguments})\nasync def poll(self): pass"
    with pytest.raises(LoadError) as declared:
        app.load({"api.py": simple(body, head=HEAD)}, id="stock")
    assert said in str(declared.value)
    assert declared.value.findings[0].line > 3
    if "evry" in arguments:
        return  # Python's own error
    body = f"def initialize(self):\n    self.app_context.tasks.start(print, {arguments})"
    with pytest.raises(LoadError) as started:
        app.load({"api.py": simple(body)}, id="stock")
    assert said in str(started.value)
    assert started.value.findings[0].line > 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("@task(every=1)\nasync def poll(self, number): pass", "and it takes number"),
        ("@task(every=1)\nasync def poll(self): yield 1", "belongs on a method"),
        ("def initialize(self): self.app_context.tasks.start(3)", "takes a function"),
        ("async def initialize(self): self.app_context.tasks.start(asyncio.sleep(0))", "Leave the"),
    ],
)
def test_what_is_no_task(app: AppContext, body: str, said: str) -> None:
    """It is refused when the module is loaded."""
    with pytest.raises(LoadError, match=said):
        app.load({"api.py": simple(body, head=HEAD)}, id="stock")


def test_an_unknown_name(app: AppContext) -> None:
    """The nearest one is named."""
    app.load({"api.py": stock(TICK)}, id="stock")
    with pytest.raises(KeyError, match=r"Did you mean 'standard\.stock\.poll'"):
        app.tasks["standard.stock.pol"]


async def test_run_now_can_be_awaited(app: AppContext) -> None:
    """In a cell; a time that was set stays over a swap."""
    app.load({"api.py": stock(TICK)}, id="stock")
    due = app.tasks[NAME].next
    await app.tasks[NAME].run_now()
    app.load({"api.py": stock(TICK, note=1)}, id="stock")
    now_due = app.tasks[NAME].next
    assert due is not None
    assert now_due is not None
    assert abs((now_due - due).total_seconds()) < 1
    assert await app.get_service("stock").seen() == 1


def test_a_task_that_ignores_its_cancellation(
    app: AppContext, shared: tuple[list[Any], list[int]], caplog: pytest.LogCaptureFixture
) -> None:
    """It is left behind and named, and the next generation's begins."""
    body = """
@task
async def poll(self):
    while not running:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            pass
"""
    app.load({"api.py": simple(body, head=SHARED)}, id="stock")
    task = app.tasks[NAME]
    wait_for(lambda: task.state == "running")
    app.load({"api.py": simple(body, head=SHARED) + "# new\n"}, id="stock")
    wait_for(lambda: task.runs == 2 and task.state == "running")
    assert "ignore their cancellation: 'standard.stock.poll'" in caplog.text
    shared[0].append(1)
    wait_for(lambda: task.state == "done")
