"""Health checks of live modules: run in the background, with a timeout, and kept."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from modframe.app import AppContext
from modframe.parts.health import Health
from tests import inside
from tests.fakes import simple
from tests.faults.processes import run_script
from tests.waiting import wait_for

IMPORTS = "import asyncio, time, threading\nfrom modframe.decorators import module_health_check"
OFTEN = "interval=0.02"
LONG = "timeout=1000"


def checked(body: str, arguments: str = OFTEN, *, head: str = "", module: str = "") -> str:
    """Return a module whose health is checked often."""
    text = simple(body, head=f"{IMPORTS}\n{head}", arguments=module)
    return text.replace("@module", f"@module_health_check({arguments})\n@module", 1)


def health(app: AppContext, name: str = "thing") -> Health:
    """Return the health of a module, after the first run of its check."""
    return app.health(wait=True)[f"standard.{name}"]


def runs(app: AppContext) -> int:
    """Return how often the check of the module has begun."""
    return int(inside.service(app, "thing").runs)


COUNTED = """
    runs = 0
    def get(self): return 1
"""


@pytest.mark.parametrize("kind", ["async def", "def"])
def test_it_runs_again_and_again(app: AppContext, kind: str) -> None:
    """From publish on, on the loop or on a thread, and says when and how long."""
    body = f"{COUNTED}\n    {kind} check_health(self):\n        self.runs += 1"
    app.load({"api.py": checked(body)}, id="thing")
    wait_for(lambda: runs(app) > 2)
    found = health(app)
    assert (found.status, found.detail, found.failures, found.group) == ("healthy", "", 0, "ready")
    assert found.at is not None
    assert found.at.tzinfo is not None
    assert found.took >= 0


def test_a_module_without_a_check_is_unknown(app: AppContext) -> None:
    """Nothing runs for it, and nothing is kept."""
    app.load({"api.py": simple()}, id="thing")
    assert health(app).status == "unknown"
    assert health(app).detail == "it has no health check"
    assert "health" not in inside.generation(app, "thing").parts


@pytest.mark.parametrize("kind", ["async def", "def"])
def test_a_check_that_raises_is_unhealthy(app: AppContext, kind: str) -> None:
    """With its line, counted in a row, and recorded once; it is healthy again when it passes."""
    text = checked(
        f"{COUNTED}\n    fine = False\n    {kind} check_health(self):\n"
        "        self.runs += 1\n        if not self.fine: raise ValueError('the wire is loose')"
    )
    app.load({"api.py": text}, id="thing")
    wait_for(lambda: health(app).failures > 2)
    line = next(at for at, row in enumerate(text.splitlines(), 1) if "wire" in row)
    said = f"api.py, line {line}: check_health() raised ValueError: the wire is loose"
    assert (health(app).status, health(app).detail) == ("unhealthy", said)
    logged = [one.message for one in app.snapshot().log if one.level == "ERROR"]
    assert logged == [f"check_health() says unhealthy: {said}"]
    inside.service(app, "thing").fine = True
    wait_for(lambda: health(app).status == "healthy")
    assert health(app).failures == 0
    assert any(
        one.message.startswith("check_health() says healthy after ") for one in app.snapshot().log
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "async def check_health(self): await asyncio.sleep(1000)",
            "check_health() took longer than its 0.05 s and was cancelled",
        ),
        (
            "def check_health(self):\n        while True: time.sleep(0)",
            "check_health() took longer than its 0.05 s and was broken out of Thing.check_health()",
        ),
        (
            "async def check_health(self):\n        while True: time.sleep(0)",
            "check_health() took longer than its 0.05 s and was broken out of Thing.check_health()",
        ),
    ],
)
def test_a_check_that_hangs_is_unhealthy(app: AppContext, body: str, said: str) -> None:
    """It has its timeout, and the text names the line it hung in."""
    app.load({"api.py": checked(body, f"{OFTEN}, timeout=0.05")}, id="thing")
    assert health(app).status == "unhealthy"
    assert said in health(app).detail
    assert health(app).detail.startswith("api.py, line ")


@pytest.mark.parametrize(
    "body",
    [
        "def check_health(self):\n        self.runs += 1\n        RELEASED.wait()",
        """async def check_health(self):
        self.runs += 1
        while not RELEASED.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                pass""",
    ],
)
def test_one_that_hangs_is_not_started_twice(app: AppContext, body: str) -> None:
    """Each run that is due counts as a failure; once the one that hung has ended, it runs again."""
    text = checked(
        f"{COUNTED}\n    def release(self): RELEASED.set()\n    {body}",
        f"{OFTEN}, timeout=0.05",
        head="RELEASED = threading.Event()",
    )
    app.load({"api.py": text}, id="thing")
    wait_for(lambda: health(app).failures > 3)
    assert runs(app) == 1
    assert health(app).detail.endswith("; it isn't started again while that run goes on")
    assert health(app).detail.count("it isn't started") == 1
    app.get_service("thing").release().result(30)
    wait_for(lambda: health(app).status == "healthy")


def test_one_that_hangs_delays_no_other(app: AppContext) -> None:
    """Checks run side by side, and so do calls."""
    app.load(
        [
            (
                f"hangs{number}",
                {"api.py": checked("def check_health(self): time.sleep(1000)", LONG)},
            )
            for number in range(5)
        ]
    )
    body = f"{COUNTED}\n    def check_health(self): self.runs += 1"
    app.load({"api.py": checked(body)}, id="thing")
    wait_for(lambda: runs(app) > 5)
    assert app.get_service("thing").get().result(30) == 1
    assert app.health()["standard.hangs0"].status == "unknown"


def test_the_end_of_the_process_waits_for_none(tmp_path: Path) -> None:
    """One is in its first run, one was left behind; both would go on for half an hour."""
    text = checked("def check_health(self): time.sleep(1800)", "timeout=0.1")
    later = checked("async def check_health(self): await asyncio.sleep(1800)", "timeout=1000")
    done = run_script(
        f"""
        import json, modframe
        from tests.waiting import wait_for
        app = modframe.start(data=":memory:")
        app.load({{"api.py": {text!r}}}, id="left")
        app.load({{"api.py": {text.replace("0.1", "1000")!r}}}, id="first")
        app.load({{"api.py": {later!r}}}, id="waits")
        wait_for(lambda: app.health()["standard.left"].status == "unhealthy")
        app.stop()
        print(json.dumps([app.modules[name].state for name in ("left", "first", "waits")]))
        """,
        tmp_path,
    )
    assert json.loads(done.stdout) == ["FAILED_UNLOAD", "FAILED_UNLOAD", "STOPPED"], done.stderr


def test_a_run_that_goes_on_is_named_at_the_end(app: AppContext) -> None:
    """As everything that a generation leaves behind; the next generation has its own check."""
    hangs = checked("def check_health(self): time.sleep(1800)", "timeout=0.05")
    app.load({"api.py": hangs}, id="thing")
    wait_for(lambda: health(app).status == "unhealthy")
    app.load({"api.py": checked("def check_health(self): pass")}, id="thing")
    inside.settle(app)
    assert health(app).status == "healthy"
    view = app.snapshot().module("standard.thing")
    assert view is not None
    assert view.unsettled == ("generation 1: check_health() of generation 1 still runs",)


def test_a_swap_ends_the_old_check(app: AppContext) -> None:
    """A run under way is cancelled, does not hold up the swap, and its tasks end with it."""
    text = checked(
        """
        ended = 0
        def get(self): return self.ended
        async def check_health(self):
            self.job = asyncio.create_task(asyncio.sleep(1000))
            try:
                await asyncio.sleep(1000)
            finally:
                type(self).ended += 1
        """,
        LONG,
    )
    app.load({"api.py": text}, id="thing")
    old = inside.service(app, "thing")
    wait_for(lambda: hasattr(old, "job"))
    app.load({"api.py": checked("def check_health(self): pass")}, id="thing")
    inside.settle(app)
    assert old.ended == 1
    assert old.job.cancelled()
    view = app.snapshot().module("standard.thing")
    assert view is not None
    assert view.unsettled == ()


def test_a_hand_over_does_not_wait_for_a_check(app: AppContext) -> None:
    """A check that is inside a service counts as no call: it gives way, and is tried again."""
    shop = simple(
        """
        inside = 0
        async def wait(self):
            type(self).inside += 1
            await asyncio.sleep(1000)
        """,
        head="import asyncio",
        arguments="keep_state=('seen',)",
    )
    app.load({"api.py": shop}, id="shop")
    asks = checked(
        "async def check_health(self): await self.app_context.get_service('shop').wait()",
        LONG,
    )
    app.load({"api.py": asks}, id="thing")
    wait_for(lambda: inside.service(app, "shop").inside)
    app.load({"api.py": f"{shop}# newer\n"}, id="shop")
    assert app.modules["shop"].generation == 2
    assert health_now(app) == "unknown"
    wait_for(lambda: inside.service(app, "shop").inside)


def health_now(app: AppContext) -> str:
    """Return the status of the module, as far as it is known."""
    return app.health()["standard.thing"].status


def test_it_runs_as_the_module(app: AppContext) -> None:
    """What it prints and logs is in the log under the module's id, and no call is counted."""
    text = checked(
        """
        async def check_health(self):
            print("looked", threading.current_thread().daemon)
            self.app_context.get_logger().info("looked too")
            await asyncio.sleep(1000)
        """,
        LONG,
    )
    app.load({"api.py": text}, id="thing")

    def lines() -> set[tuple[str, str]]:
        return {(one.module_id, one.message) for one in app.snapshot().log}

    said = {("standard.thing", "looked True"), ("standard.thing", "looked too")}
    wait_for(lambda: said <= lines())
    view = app.snapshot().module("standard.thing")
    assert view is not None
    assert view.in_flight == 0


def test_a_plain_check_runs_on_a_daemon_thread(app: AppContext) -> None:
    """It may block as long as it likes; the app loop goes on meanwhile."""
    text = checked(
        """
        def get(self): return 1
        def check_health(self):
            thread = threading.current_thread()
            self.seen = (thread.ident, thread.daemon)
        """
    )
    app.load({"api.py": text}, id="thing")
    health(app)
    ident, daemon = inside.service(app, "thing").seen
    assert daemon
    assert ident not in (inside.app_thread(app), threading.get_ident())


def test_functions_get_what_they_name(app: AppContext) -> None:
    """The context, the module and the service of their generation."""
    text = checked(
        "def get(self): return 1",
        "look",
        head="async def look(app_context, service, module):\n"
        "    return {'context': app_context.module_id == 'standard.thing',\n"
        "            'service': service.get() == 1, 'module': service is module}",
    )
    app.load({"api.py": text}, id="thing")
    assert health(app).status == "healthy"


def test_startup_ends_once_it_has_passed(app: AppContext) -> None:
    """Until then it fails the group; afterwards it runs no more."""
    text = checked(
        f"{COUNTED}\n    def check_health(self):\n        self.runs += 1\n"
        "        return self.runs > 2",
        f"{OFTEN}, group='startup'",
    )
    app.load({"api.py": text}, id="thing")
    wait_for(lambda: health(app).status == "healthy")
    app.run(asyncio.sleep(0.1))  # five times its interval
    assert runs(app) == 3


def test_what_is_wrong_beside_the_check_degrades(app: AppContext) -> None:
    """A task that died, here; the check itself stays healthy."""
    text = checked(
        """
        async def initialize(self): self.task = asyncio.create_task(self.work())
        async def work(self): raise ValueError("the wire is loose")
        def check_health(self): pass
        """
    )
    app.load({"api.py": text}, id="thing")
    wait_for(lambda: app.modules["thing"].error)
    found = health(app)
    died = "task 'Thing.work' died: ValueError: the wire is loose"
    assert (found.status, found.verdict, found.faults) == ("degraded", "healthy", (died,))
    assert died in found.detail


def test_what_keeps_the_loop_degrades(app: AppContext) -> None:
    """While it does, seen from another thread, and for a while afterwards."""
    text = checked(
        """
        def get(self): return 1
        async def block(self, gate): gate.wait()
        """
    )
    app.load({"api.py": text}, id="thing")
    gate = threading.Event()
    call = app.get_service("thing").block(gate)
    try:
        found = wait_for(lambda: app.health()["standard.thing"].faults)
    finally:
        gate.set()
    call.result(30)
    assert "Thing.block() of standard.thing" in found[0]
    assert "has kept the app loop for" in found[0]


def test_a_conflict_with_the_database_degrades(app: AppContext) -> None:
    """What is live goes on; its newest text does not fit the tables."""
    models = """
from sqlalchemy.orm import Mapped, mapped_column
from core.database import get_database_base
DATABASE_NAME = "things"
Base = get_database_base(DATABASE_NAME)
class Thing(Base):
    __tablename__ = "things"
    id: Mapped[int] = mapped_column(primary_key=True)
    size: Mapped[int]
"""
    api = f"import asyncio\n{simple('def get(self): ...', head='from . import db_models')}"
    app.load({"api.py": api, "db_models.py": models}, id="thing")
    newer = models.replace("size: Mapped[int]", "size: Mapped[str]")
    with pytest.raises(Exception, match="size"):
        app.load({"api.py": api, "db_models.py": newer}, id="thing")
    found = app.health()["standard.thing"]
    assert found.status == "degraded"
    assert "its newest text is in conflict with the database: " in found.detail


def test_a_module_that_failed_is_unhealthy(app: AppContext) -> None:
    """With the reason; its check could not run."""
    with pytest.raises(Exception, match="nowhere"):
        app.load({"api.py": "x = nowhere\n"}, id="thing")
    found = app.health()["standard.thing"]
    assert found.status == "unhealthy"
    assert found.detail.startswith("FAILED: ")


def test_every_view_has_it(app: AppContext) -> None:
    """The snapshot as facts, text and HTML, the status page, and the report itself."""
    app.load({"api.py": checked("def check_health(self): return 'warn: slow'")}, id="thing")
    assert health(app).status == "degraded"
    view = app.snapshot().module("standard.thing")
    assert view is not None
    facts = view.parts["health"]
    assert (facts["check"], facts["status"], facts["detail"]) == (
        "check_health()",
        "degraded",
        "slow",
    )
    json.loads(app.snapshot().to_json())
    (line,) = (one for one in str(view).splitlines() if one.startswith("  health check  "))
    assert line.startswith("  health check  check_health() degraded 0.02 s ")
    assert line.endswith(" slow")
    assert "health checks" in app.modules["thing"]._repr_html_()
    report = app.health()
    assert repr(report) == "<health of 4 modules: standard.thing degraded>"
    assert "slow" in report._repr_html_()
    assert repr(report["standard.thing"]).startswith("<Health: degraded at ")

    async def page() -> str:
        async with app.test_client() as client:
            return str((await client.get("/modframe/")).text)

    assert "health checks" in app.run(page())


def test_what_a_check_says_has_no_secret(app: AppContext) -> None:
    """A password in a URL is masked in the report, over HTTP and in the snapshot."""
    url = "degraded: postgresql://shop:hunter2secret@db/shop does not answer"
    app.load({"api.py": checked(f"def check_health(self): return {url!r}")}, id="thing")
    assert "@db/shop does not answer" in health(app).detail

    async def page() -> str:
        async with app.test_client() as client:
            return str((await client.get("/health")).text)

    for text in (repr(app.health()["standard.thing"]), app.run(page()), app.snapshot().to_json()):
        assert "does not answer" in text
        assert "hunter2secret" not in text
