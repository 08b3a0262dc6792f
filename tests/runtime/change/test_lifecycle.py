"""Phases, order, failures and stops, through the app context."""

from __future__ import annotations

import threading
from pathlib import Path
from textwrap import dedent

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import (
    BlockedError,
    GraphError,
    LoadError,
    ModframeError,
    ModuleNotFoundInWorkspaceError,
    ServiceUnavailableError,
    StartError,
)
from tests import inside
from tests.fakes import simple

TRACE = """
import sys
TRACE = sys.modules["tests_trace"].TRACE
"""


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that modules append to, as ``tests_trace.TRACE``."""
    import sys
    from types import ModuleType

    module = ModuleType("tests_trace")
    module.TRACE = []  # type: ignore[attr-defined]  # a module made for this
    monkeypatch.setitem(sys.modules, "tests_trace", module)
    return module.TRACE  # type: ignore[no-any-return]


def traced(name: str, *, arguments: str = "", extra: str = "") -> str:
    """Return a module that notes its phases."""
    body = dedent(
        f"""
        async def initialize(self):
            TRACE.append("start {name}")

        async def cleanup_resources(self):
            TRACE.append("stop {name}")

        async def name(self):
            return "{name}"
        """
    )
    return simple(body + dedent(extra), head="from tests_trace import TRACE", arguments=arguments)


def guide_form(id: str, *, decorators: str = "", body: str = "") -> str:
    """Return a module in the guide's form, with what a test adds."""
    lines = "\n".join(f"    {line}" for line in dedent(body).strip().splitlines())
    return f"""
from core.decorators import *
from core.module_base import DataIntegrityModule
from core.error_utils import Result
from fastapi import APIRouter
from tests_trace import TRACE

router = APIRouter()


class Service:
    def __init__(self, app_context=None):
        self.app_context = app_context

    async def initialize(self):
        return True

    async def ask(self):
        return "{id}"


@inject_dependencies("app_context")
@register_service("standard.{id}.service", methods=[])
@require_services([])
@initialization_sequence("setup_infrastructure", phase="phase1")
@phase2_operations("initialize_phase2")
@auto_service_creation(service_class="Service")
@register_api_endpoints(router_name="router")
@register_database(database_name=None)
@enforce_data_integrity(strict_mode=True, anti_mock=True)
@module_health_check(check_function=None)
@graceful_shutdown(method="cleanup_resources", timeout=30)
@force_shutdown(method="force_cleanup", timeout=5)
{decorators.strip()}
class Thing(DataIntegrityModule):
    MODULE_ID = "standard.{id}"

    def setup_infrastructure(self):
        TRACE.append("phase1 {id}")

    async def initialize_phase2(self):
        TRACE.append("phase2 {id}")
        return True

    async def cleanup_resources(self):
        TRACE.append("stop {id}")

    def force_cleanup(self):
        TRACE.append("force {id}")

{lines}
"""


def write(workspace: Path, modules: dict[str, str]) -> None:
    """Write modules below ``modules/standard/``."""
    for name, text in modules.items():
        folder = workspace / "modules" / "standard" / name
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(text)


def test_all_phase_1_then_phase_2_in_order_and_the_reverse_at_the_end(
    workspace: Path, trace: list[str]
) -> None:
    """Requirements in any spelling give the order of the start; the stop is its exact reverse."""
    write(
        workspace,
        {
            "a": guide_form("a", decorators='@require_services(["standard.b.service"])'),
            "b": guide_form(
                "b",
                decorators='@requires_modules([{"modules": ["standard.c"], "optional": False}])',
            ),
            "c": guide_form(
                "c",
                decorators='@phase2_operations(methods=[], dependencies=["standard.d.service"])',
            ),
            "d": guide_form(
                "d",
                decorators='@requires_modules([{"modules": ["standard.e"], "optional": True},'
                ' {"modules": ["standard.absent"], "optional": True}])',
            ),
            "e": guide_form("e"),
        },
    )
    with modframe.start(workspace=workspace, data=":memory:", strict=True):
        pass
    assert sorted(trace[:5]) == [f"phase1 {name}" for name in "abcde"]
    assert trace[5:10] == [f"phase2 {name}" for name in "edcba"]
    assert trace[10:] == [f"stop {name}" for name in "abcde"]


def test_independent_modules_start_in_parallel(workspace: Path, trace: list[str]) -> None:
    """Two modules whose ``initialize`` waits for the other's both start."""
    extra = """
        async def meet(self):
            pass
        """
    text = """
from modframe.decorators import module
import asyncio, sys
@module
class {name}:
    async def initialize(self):
        meeting = sys.modules["tests_trace"].__dict__.setdefault("meeting", asyncio.Barrier(2))
        await meeting.wait()
    def get(self): return 1
"""
    write(workspace, {"one": text.replace("{name}", "One"), "two": text.replace("{name}", "Two")})
    with modframe.start(workspace=workspace, data=":memory:", strict=True) as app:
        assert {module.state for module in app.modules.values()} == {"LIVE"}
    assert extra


def test_missing_and_cyclic_requirements_are_reported_at_once(
    workspace: Path, trace: list[str]
) -> None:
    """All missing requirements and cycles are named before anything starts."""
    write(
        workspace,
        {
            "a": traced("a", arguments='requires=["standard.b"]'),
            "b": traced("b", arguments='requires=["standard.c"]'),
            "c": traced("c", arguments='requires=["standard.a"]'),
            "lost": traced(
                "lost", arguments='requires=["standard.nowhere", "standard.gone.service"]'
            ),
            "held": traced("held", arguments='requires=["lost"]'),
            "fine": traced("fine"),
        },
    )
    app = modframe.start(workspace=workspace, data=":memory:")
    try:
        states = {key.partition(".")[2]: module.state for key, module in app.modules.items()}
        assert states == {
            "a": "FAILED", "b": "FAILED", "c": "FAILED", "lost": "FAILED", "held": "BLOCKED",
            "fine": "LIVE", "settings": "LIVE", "framework": "LIVE", "error_handler": "LIVE",
        }  # fmt: skip
        cycle = app.modules["b"].error
        assert isinstance(cycle, GraphError)
        assert "standard.a → standard.b → standard.c → standard.a" in str(cycle)
        lost = app.modules["lost"].error
        assert isinstance(lost, GraphError)
        assert set(lost.missing["standard.lost"]) == {"standard.nowhere", "standard.gone.service"}
        blocked = app.modules["held"].error
        assert isinstance(blocked, BlockedError)
        assert blocked.__dict__["by"] == ("standard.lost",)
        assert trace == ["start fine"]
        assert app.snapshot().ready is False
    finally:
        app.stop()
    with pytest.raises(StartError, match=r"5 modules did not start, so nothing was kept running"):
        modframe.start(workspace=workspace, data=":memory:", strict=True)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "async def initialize(self):\n    raise ValueError('no')",
            r"initialize\(\) \(phase 2\) raised ValueError: no",
        ),
        ("async def initialize(self):\n    return False", r"initialize\(\) \(phase 2\) gave False"),
        (
            "async def initialize(self):\n    from core.error_utils import Result\n"
            "    return Result.error('BAD', 'it is bad')",
            r"initialize\(\) \(phase 2\) gave an error result, BAD: it is bad",
        ),
        ("def initialize(self):\n    raise SystemExit(3)", r"raised SystemExit"),
        ("async def initialize(self):\n    raise KeyboardInterrupt", r"raised KeyboardInterrupt"),
        ("async def initialize(self):\n    raise GeneratorExit", r"raised GeneratorExit"),
        ("def initialize(self):\n    raise GeneratorExit", r"raised GeneratorExit"),
        (
            "def __init__(self):\n    raise type('Panic', (BaseException,), {})('in native code')",
            r"raised Panic, which is no ordinary exception",
        ),
        ("def __init__(self):\n    raise OSError('x')", r"Thing\(\) \(phase 1\) raised OSError: x"),
    ],
)
def test_a_failing_phase_changes_nothing(app: AppContext, body: str, message: str) -> None:
    """Exceptions, False, error results and exits fail the load; the old generation stays live."""
    good = simple("async def get(self):\n    return 1")
    app.load({"api.py": good}, id="thing")
    bad = simple(body + "\nasync def get(self):\n    return 2")
    with pytest.raises(LoadError, match=message):
        app.load({"api.py": bad}, id="thing")
    assert app.get_service("thing").get().result() == 1
    module = app.modules["thing"]
    assert (module.state, module.generation) == ("LIVE", 1)
    assert module.error is not None
    app.load({"api.py": good.replace("return 1", "return 3")}, id="thing")
    assert (module.generation, module.error) == (2, None)


def test_a_hanging_phase_ends_at_its_bound(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phase that never ends is cancelled at its timeout and fails the load."""
    monkeypatch.setenv("MODFRAME_PHASE_TIMEOUT", "0.2")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        text = simple(
            "async def initialize(self):\n    await asyncio.Event().wait()\ndef get(self): return 1",
            head="import asyncio",
        )
        with pytest.raises(LoadError, match=r"longer than its 0\.2 s"):
            app.load({"api.py": text}, id="thing")
        assert app.modules["thing"].state == "FAILED"


def test_a_hanging_import_ends_at_its_bound(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that hangs is left behind at its timeout, and the next load is not affected."""
    monkeypatch.setenv("MODFRAME_LOAD_TIMEOUT", "0.3")
    release = threading.Event()
    import sys
    from types import ModuleType

    holder = ModuleType("tests_held")
    holder.release = release  # type: ignore[attr-defined]  # a module made for this
    monkeypatch.setitem(sys.modules, "tests_held", holder)
    with modframe.start(workspace=workspace, data=":memory:") as app:
        with pytest.raises(LoadError, match=r"took longer than 0\.3 s"):
            app.load(
                {
                    "api.py": simple(
                        "def get(self): return 1",
                        head="import tests_held\ntests_held.release.wait()",
                    )
                },
                id="thing",
            )
        app.load({"api.py": simple("def get(self): return 2")}, id="thing")
        release.set()
        assert app.get_service("thing").get().result() == 2


def test_a_hanging_cleanup_is_forced_and_the_module_loads_again(app: AppContext) -> None:
    """A cleanup that hangs is followed by force; if force fails the module is FAILED_UNLOAD."""
    text = (
        guide_form("thing")
        .replace("timeout=30", "timeout=0.2")
        .replace('TRACE.append("stop thing")', "import asyncio; await asyncio.Event().wait()")
        .replace("from tests_trace import TRACE", "TRACE = []")
    )
    app.load({"api.py": text}, id="thing")
    app.modules["thing"].unload()
    assert app.modules["thing"].state == "STOPPED"
    worse = text.replace('TRACE.append("force thing")', "raise OSError('stuck')")
    app.load({"api.py": worse}, id="thing")
    app.modules["thing"].unload()
    assert app.modules["thing"].state == "FAILED_UNLOAD"
    assert app.load({"api.py": text}, id="thing").state == "LIVE"


def test_a_cleanup_that_fails_after_a_failed_start_hides_nothing(app: AppContext) -> None:
    """The error gives the reason of the failed start, even if the cleanup fails because of it."""
    text = (
        guide_form("thing")
        .replace("from tests_trace import TRACE", "TRACE = []")
        .replace('TRACE.append("phase1 thing")', "raise ValueError('no settings')")
        .replace('TRACE.append("stop thing")', "self.service_instance.close()")
        .replace('TRACE.append("force thing")', "self.service_instance.close()")
    )
    with pytest.raises(LoadError, match="ValueError: no settings"):
        app.load({"api.py": text}, id="thing")


def test_what_is_left_of_an_unloaded_mapping_is_its_text(app: AppContext) -> None:
    """After its unload, a module from a mapping can be planned, reloaded and loaded by its id."""
    files = {"test_api.py": "def test_nothing_much():\n    assert True\n"}
    files["api.py"] = simple("async def get(self):\n    return 1")
    app.load(files, id="thing")
    handle, module = app.get_service("thing"), app.modules["thing"]
    for load_again in (
        lambda: app.load("thing", test=True),
        module.reload,
        lambda: app.load("thing"),
    ):
        module.unload()
        with pytest.raises(ServiceUnavailableError, match=r"Load it with app\.load\('standard"):
            handle.get().result()
        assert app.plan("thing").entries[0].action == "start"
        load_again()
        assert handle.get().result() == 1
    assert app.plan("thing").entries[0].action == "stay"
    with pytest.raises(LoadError):
        app.load({"api.py": "1 / 0\n"}, id="thing")
    module.unload()
    assert app.load("thing").generation == module.generation
    assert handle.get().result() == 1
    with pytest.raises(LoadError):
        app.load({"api.py": "1 / 0\n"}, id="never")
    with pytest.raises(ModuleNotFoundInWorkspaceError):
        app.load("never")


def test_unloading_what_others_require_is_refused(app: AppContext) -> None:
    """A module that a live one requires can't be unloaded before it."""
    app.load({"api.py": simple("def get(self): return 1")}, id="base")
    app.load({"api.py": simple("def get(self): return 1", arguments='requires=["base"]')}, id="top")
    with pytest.raises(ModframeError, match=r"standard\.base can't be unloaded: standard\.top"):
        app.modules["base"].unload()
    app.modules["top"].unload()
    app.modules["base"].unload()
    assert app.modules["base"].state == "STOPPED"


def test_a_list_is_one_transaction(app: AppContext) -> None:
    """Modules loaded together see each other; if one fails, none is live."""
    asks = simple(
        "async def initialize(self):\n    self.got = await self.app_context.get_service('b').get()\n"
        "async def get(self):\n    return self.got",
        arguments='requires=["b"]',
    )
    answers = simple("async def get(self):\n    return 42")
    with pytest.raises(LoadError):
        app.load([("a", {"api.py": asks}), ("b", {"api.py": answers + "\n1 / 0\n"})])
    assert {app.modules[name].state for name in ("a", "b")} <= {"FAILED", "BLOCKED"}
    both = app.load([("a", {"api.py": asks}), ("b", {"api.py": answers})])
    assert [module.state for module in both] == ["LIVE", "LIVE"]
    assert app.get_service("a").get().result() == 42


def test_requirements_on_disk_come_along(workspace: Path, trace: list[str]) -> None:
    """A list loads the modules it names and what they require, and nothing else."""
    write(
        workspace,
        {
            "a": traced("a", arguments='requires=["b"]'),
            "b": traced("b"),
            "c": traced("c"),
        },
    )
    with modframe.start(workspace=workspace, data=":memory:", modules=["a"]) as app:
        assert trace == ["start b", "start a"]
        assert "c" not in app.modules
        assert app.load("c").state == "LIVE"


def test_tasks_of_a_module_end_with_it(app: AppContext) -> None:
    """A task that sleeps is cancelled and awaited at the swap."""
    text = simple(
        """
        async def initialize(self):
            self.task = asyncio.create_task(self.work())

        async def work(self):
            while True:
                await asyncio.sleep(60)

        async def running(self):
            return not self.task.done()
        """,
        head="import asyncio",
    )
    app.load({"api.py": text}, id="worker")
    assert app.get_service("worker").running().result() is True
    old = inside.generation(app, "worker")
    task = old.module.task
    assert "Thing.work" in str(app.snapshot().module("standard.worker").parts["tasks"])  # type: ignore[union-attr]
    app.load({"api.py": text + "\n# again\n"}, id="worker")
    inside.settle(app)
    assert task.cancelled()
    assert app.get_service("worker").running().result() is True


def test_start_is_idempotent_and_refuses_other_arguments(workspace: Path, tmp_path: Path) -> None:
    """A second start returns the same app, or raises and names the arguments that differ."""
    app = modframe.start(workspace=workspace, data=":memory:")
    try:
        assert modframe.start() is app
        assert modframe.start(data=":memory:") is app
        with pytest.raises(ModframeError, match=r"with other arguments: data="):
            modframe.start(data=str(tmp_path / "other"))
    finally:
        app.stop()
    with pytest.raises(ModframeError, match="modframe was stopped"):
        modframe.app_context.get_service("x")


def test_nothing_is_created_before_something_is_kept(workspace: Path) -> None:
    """A start in an empty folder leaves it empty."""
    with modframe.start(workspace=workspace):
        pass
    assert list(workspace.iterdir()) == []


def test_a_stopped_app_gives_its_report_again(workspace: Path) -> None:
    """Stopping twice is no error, as at the end of a ``with`` whose body stopped."""
    with modframe.start(workspace=workspace, data=":memory:") as app:
        report = app.stop()
    assert app.stop() is report


def test_a_start_that_cannot_begin_leaves_no_thread(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start with a bad setting raises and leaves no thread."""
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "soon")
    before = set(threading.enumerate())
    with pytest.raises(ModframeError, match="MODFRAME_DRAIN_TIMEOUT"):
        modframe.start(workspace=workspace)
    assert set(threading.enumerate()) <= before


def test_priority_breaks_ties(workspace: Path, trace: list[str]) -> None:
    """Of modules that don't need each other the one with the lower priority starts first."""
    named = 'register_service("standard.{id}.service", methods=[]'
    texts = {
        name: guide_form(name).replace(
            named.format(id=name), f"{named.format(id=name)}, priority={at}"
        )
        for name, at in {"a": 30, "b": 20, "c": 10}.items()
    }
    write(workspace, texts)
    with modframe.start(workspace=workspace, data=":memory:", strict=True):
        assert trace == [f"{phase} {name}" for phase in ("phase1", "phase2") for name in "cba"]
