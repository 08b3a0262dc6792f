"""Concurrent changes: loads, unloads and stops of the same modules at the same time."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import GraphError, LoadError, NotRunningError
from modframe.process import current_app
from tests import inside
from tests.fakes import simple

PATIENCE = 60

GATED = """
async def initialize(self):
    gate.entered.set()
    await asyncio.to_thread(gate.release.wait)

async def cleanup_resources(self):
    gate.stopped.append(self.app_context._generation.number)

async def get(self):
    return {answer}
"""


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return what the modules of these tests wait at, which they import as ``tests_gate.gate``."""
    module = ModuleType("tests_gate")
    gate = SimpleNamespace(entered=threading.Event(), release=threading.Event(), stopped=[])
    module.gate = gate  # type: ignore[attr-defined]  # a module made for this
    monkeypatch.setitem(sys.modules, "tests_gate", module)
    return gate


@pytest.fixture
def behind() -> Iterator[Callable[..., Future[Any]]]:
    """Run a verb in a thread of its own."""
    with ThreadPoolExecutor(8) as pool:
        yield pool.submit


def gated(answer: int = 1, *, arguments: str = "") -> str:
    """Return a module whose phase 2 waits at the gate."""
    head = "import asyncio\nfrom tests_gate import gate"
    return simple(GATED.format(answer=answer), head=head, arguments=arguments)


def write(workspace: Path, modules: dict[str, str]) -> None:
    """Write modules below ``modules/standard/``."""
    for name, text in modules.items():
        folder = workspace / "modules" / "standard" / name
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(text)


def settled(app: AppContext) -> None:
    """Wait until everything replaced was closed."""
    inside.settle(app)


def test_an_unload_during_a_reload_stops_what_the_reload_made(
    app: AppContext, gate: SimpleNamespace, behind: Callable[..., Future[Any]]
) -> None:
    """The unload waits for the reload, and nothing of either generation runs afterwards."""
    gate.release.set()
    app.load({"api.py": gated(1)}, id="thing")
    gate.entered.clear()
    gate.release.clear()
    reload = behind(app.modules["thing"].reload)
    assert gate.entered.wait(PATIENCE)
    unload = behind(app.modules["thing"].unload)
    gate.release.set()
    reload.result(PATIENCE)
    unload.result(PATIENCE)
    settled(app)
    assert (app.modules["thing"].state, app.modules["thing"].generation) == ("STOPPED", 0)
    assert sorted(gate.stopped) == [1, 2]
    assert not any("thing" in name for name in inside.owners(app))


def test_two_changes_that_need_one_module_from_disk_share_it(
    workspace: Path, gate: SimpleNamespace, behind: Callable[..., Future[Any]]
) -> None:
    """The second change waits until the first has loaded the module, and doesn't load it again."""
    write(workspace, {"base": gated()})
    needs = simple("async def get(self):\n    return 2", arguments='requires=["base"]')
    with modframe.start(workspace=workspace, data=":memory:", modules=[]) as app:
        first = behind(app.load, {"api.py": needs}, id="one")
        assert gate.entered.wait(PATIENCE)
        second = behind(app.load, {"api.py": needs}, id="two")
        gate.release.set()
        assert {load.result(PATIENCE).state for load in (first, second)} == {"LIVE"}
        settled(app)
        assert app.modules["base"].generation == 1
        assert gate.stopped == []


def test_a_module_does_not_go_live_without_what_it_requires(
    app: AppContext, gate: SimpleNamespace, behind: Callable[..., Future[Any]]
) -> None:
    """A requirement that is unloaded during a load is missing at its end."""
    app.load({"api.py": simple("def get(self): return 1")}, id="base")
    load = behind(app.load, {"api.py": gated(arguments='requires=["base"]')}, id="top")
    assert gate.entered.wait(PATIENCE)
    app.modules["base"].unload()
    gate.release.set()
    with pytest.raises(GraphError, match=r"standard\.top requires 'standard\.base'"):
        load.result(PATIENCE)
    assert app.modules["top"].state == "FAILED"
    assert app.snapshot().ready is False


def test_what_was_imported_from_is_the_live_one_at_publish(
    app: AppContext, gate: SimpleNamespace, behind: Callable[..., Future[Any]]
) -> None:
    """If an imported module is swapped during a load, the load is repeated on the new one."""
    base = simple("def get(self): return 1", head="VALUE = {value}")
    app.load({"api.py": base.replace("{value}", "'old'")}, id="base")
    text = gated().replace("return 1", "return VALUE")
    text = f"from modules.standard.base.api import VALUE\n{text}"
    load = behind(app.load, {"api.py": text}, id="top")
    assert gate.entered.wait(PATIENCE)
    app.load({"api.py": base.replace("{value}", "'new'")}, id="base")
    gate.release.set()
    load.result(PATIENCE)
    assert app.get_service("top").get().result(PATIENCE) == "new"


def test_an_importer_that_went_live_meanwhile_is_rebuilt_with_the_swap(
    app: AppContext, gate: SimpleNamespace, behind: Callable[..., Future[Any]]
) -> None:
    """A module that goes live on the old generation during a swap is rebuilt on the new one."""
    app.load({"api.py": simple("def get(self): return 1", head="VALUE = 'old'")}, id="base")
    load = behind(app.load, {"api.py": f"VALUE = 'new'\n{gated()}"}, id="base")
    assert gate.entered.wait(PATIENCE)
    head = "from modules.standard.base.api import VALUE"
    app.load({"api.py": simple("def get(self): return VALUE", head=head)}, id="top")
    assert app.get_service("top").get().result(PATIENCE) == "old"
    gate.release.set()
    load.result(PATIENCE)
    assert app.get_service("top").get().result(PATIENCE) == "new"


def test_a_stop_ends_a_load_that_is_under_way(
    app: AppContext, gate: SimpleNamespace, behind: Callable[..., Future[Any]]
) -> None:
    """The load raises, and what it built is unwound before the log closes."""
    load = behind(app.load, {"api.py": gated()}, id="thing")
    assert gate.entered.wait(PATIENCE)
    stop = behind(app.stop)
    with pytest.raises(NotRunningError, match="is being stopped"):
        load.result(PATIENCE)
    gate.release.set()
    stop.result(PATIENCE)
    assert gate.stopped == [1]
    assert current_app() is None
    with pytest.raises(NotRunningError, match="modframe was stopped"):
        app.load({"api.py": gated()}, id="thing")


def test_several_stops_at_once_are_one_stop(
    app: AppContext, gate: SimpleNamespace, behind: Callable[..., Future[Any]]
) -> None:
    """Each stop returns, and nothing is stopped twice."""
    gate.release.set()
    app.load({"api.py": gated()}, id="thing")
    for stop in [behind(app.stop) for _ in range(4)]:
        error = stop.exception(PATIENCE)
        assert error is None or isinstance(error, NotRunningError)
    assert gate.stopped == [1]


def test_calls_end_with_the_app(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was running when the app stopped raises, whenever its result is asked for."""
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "0")
    app = modframe.start(workspace=workspace, data=":memory:")
    app.load(
        {
            "api.py": simple(
                "async def wait(self): await asyncio.Event().wait()", head="import asyncio"
            )
        },
        id="thing",
    )
    call = app.get_service("thing").wait()
    app.stop()
    with pytest.raises(NotRunningError, match="modframe was stopped"):
        call.result(PATIENCE)
    with pytest.raises(NotRunningError, match="modframe was stopped"):
        asyncio.run(_awaited(call))
    call.cancel()


async def _awaited(call: Any) -> Any:
    return await call


def test_a_cleanup_that_awaits_its_cancelled_task_stops_the_module(app: AppContext) -> None:
    """A `CancelledError` out of a cleanup is a failed cleanup: force follows and it is logged."""
    text = simple(
        """
        async def initialize(self):
            self.task = asyncio.create_task(asyncio.Event().wait())

        async def cleanup_resources(self):
            self.task.cancel()
            await self.task

        def force_cleanup(self):
            print("forced")

        def get(self):
            return 1
        """,
        head="import asyncio",
    )
    app.load({"api.py": text}, id="thing")
    app.modules["thing"].unload()
    assert app.modules["thing"].state == "STOPPED"
    assert "let a CancelledError out" in "\n".join(event.message for event in app.snapshot().log)


@pytest.mark.parametrize("phase", ["__init__", "initialize"])
def test_a_phase_that_lets_a_cancellation_out_fails_by_name(app: AppContext, phase: str) -> None:
    """A `CancelledError` that a phase lets out fails the load; it doesn't cancel the caller."""
    text = simple(f"def {phase}(self):\n    raise asyncio.CancelledError", head="import asyncio")
    with pytest.raises(LoadError, match="let a CancelledError out"):
        app.load({"api.py": text}, id="thing")
    assert app.modules["thing"].state == "FAILED"


def test_tasks_that_ignore_their_cancellation_are_named(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module is FAILED_UNLOAD, and the report of the stop names the task."""
    monkeypatch.setattr("modframe.parts.tasks._PATIENCE", 0.05)
    text = simple(
        """
        async def initialize(self):
            self.task = asyncio.create_task(self.work())
            await asyncio.sleep(0)

        async def work(self):
            for _ in range(3):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    pass

        def get(self):
            return 1
        """,
        head="import asyncio",
    )
    app.load({"api.py": text}, id="thing")
    app.modules["thing"].unload()
    assert app.modules["thing"].state == "FAILED_UNLOAD"
    assert "'Thing.work'" in app.stop().unsettled[0]


def test_modules_that_started_together_let_each_other_go(workspace: Path) -> None:
    """A replaced generation is not kept alive by those that started with it."""
    text = simple("def get(self): return 1")
    write(workspace, {"one": text, "two": text})
    with modframe.start(workspace=workspace, data=":memory:") as app:
        old = weakref.ref(inside.generation(app, "one").spec.module_class)
        app.modules["one"].reload()
        settled(app)
        gc.collect()
        assert old() is None
