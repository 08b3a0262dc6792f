"""Module code that never returns: the change fails in time, and everything else goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.fakes import simple
from tests.faults.processes import run_script
from tests.waiting import wait_for

GATE = "tests_gate"
"""A module with ``wait()``, which hangs until the test has ended: a call that is not Python's."""
NEIGHBOUR = {"api.py": simple("def get(self): return 42", name="Other")}


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let module code wait for an event that the test sets in the end."""
    event = threading.Event()
    monkeypatch.setitem(sys.modules, GATE, SimpleNamespace(wait=event.wait, set=event.set))
    yield event
    event.set()


@pytest.fixture
def quick(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> Iterator[AppContext]:
    """Start an app whose steps are bounded by two seconds, with a module beside."""
    for name in ("PHASE", "HANDOVER"):
        monkeypatch.setenv(f"MODFRAME_{name}_TIMEOUT", "2")
    monkeypatch.setattr("modframe.runtime.loop.bounds.GRACE", 0.3)
    with modframe.start(workspace=workspace, data=":memory:") as app:
        app.load(NEIGHBOUR, id="other")
        yield app


STEPS = {
    "constructor": "def __init__(self):\n    {hangs}\ndef get(self): return 2",
    "initialize": "def initialize(self):\n    {hangs}\ndef get(self): return 2",
    "load_state": (
        "def load_state(self, state, from_version):\n    {hangs}\n"
        "def dump_state(self): return {{}}\ndef get(self): return 2"
    ),
}
HANGS = {"python": "while True: pass", "foreign": "import tests_gate; tests_gate.wait()"}


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("constructor", "foreign"),
        ("initialize", "python"),
        ("load_state", "foreign"),
        pytest.param("constructor", "python", marks=pytest.mark.soak),
        pytest.param("initialize", "foreign", marks=pytest.mark.soak),
        pytest.param("load_state", "python", marks=pytest.mark.soak),
    ],
)
def test_a_step_that_never_returns_fails_the_change(
    quick: AppContext, step: str, kind: str
) -> None:
    """The error names the line; what was live answers, and so does everything else."""
    before = STEPS[step].format(hangs="pass").replace("return 2", "return 1")
    quick.load({"api.py": simple(before)}, id="thing")
    text = simple(STEPS[step].format(hangs=HANGS[kind]))
    with pytest.raises(LoadError, match=r"took longer than its 2 s") as caught:
        quick.load({"api.py": text}, id="thing")
    line = next(at for at, part in enumerate(text.splitlines(), 1) if HANGS[kind] in part)
    assert (caught.value.file, caught.value.line) == ("api.py", line)
    expected = "was broken out of" if kind == "python" else "keeps a thread of its own"
    assert expected in str(caught.value)
    assert quick.get_service("thing").get().result(10) == 1
    assert quick.get_service("other").get().result(10) == 42
    left = " ".join(quick.snapshot().module("standard.thing").unsettled)
    assert ("keeps a thread of its own" in left) is (kind == "foreign")
    quick.load({"api.py": text.replace(HANGS[kind], "pass")}, id="thing")
    assert quick.get_service("thing").get().result(10) == 2


@pytest.mark.parametrize("kind", HANGS)
def test_a_stop_step_that_never_returns_is_forced(quick: AppContext, kind: str) -> None:
    """Plain functions keep the timeouts of their decorators."""
    body = f"def get(self): return 1\ndef cleanup_resources(self):\n    {HANGS[kind]}\ndef force_cleanup(self):\n    import tests_gate; tests_gate.forced = True"
    head = "from modframe.decorators import graceful_shutdown"
    text = simple(body, head=head).replace(
        "@module\n", "@graceful_shutdown(method='cleanup_resources', timeout=0.3)\n@module\n"
    )
    quick.load({"api.py": text}, id="thing")
    quick.modules["thing"].unload()
    assert sys.modules[GATE].forced
    left = " ".join(quick.snapshot().module("standard.thing").unsettled)
    assert ("keeps a thread of its own" in left) is (kind == "foreign")
    assert quick.get_service("other").get().result(10) == 42


def test_a_plain_step_works_as_on_the_app_loop(quick: AppContext) -> None:
    """Tasks begin after it, timers and variables hold, blocking verbs are refused."""
    head = """
    import asyncio, contextvars, threading
    import modframe
    from core.app_context import app_context
    SEEN = contextvars.ContextVar("seen", default="unset")
    """
    body = """
    def __init__(self):
        self.order = []
        self.called = None
    def initialize(self):
        loop = asyncio.get_running_loop()
        SEEN.set("by initialize")
        self.task = asyncio.create_task(self.work(), name="worker")
        self.task.add_done_callback(lambda _: self.order.append("done"))
        self.timer = loop.call_later(3600, self.get)
        gone = loop.call_soon(self.order.append, "cancelled")
        gone.cancel()
        loop.call_soon(self.order.append, "soon")
        self.calls = asyncio.create_task(self.call(app_context.get_service("other").get()))
        try:
            modframe.app_context.load("other")
        except modframe.errors.OnAppLoopError:
            self.order.append("refused")
        self.on_loop = threading.current_thread().name
        self.order.append("initialized")
    async def call(self, awaitable):
        self.called = await awaitable
    async def work(self):
        self.order.append("began " + SEEN.get())
    def get(self):
        return self.order, self.called, self.on_loop
    """
    text = simple(dedent(body), head=dedent(head))
    quick.load({"api.py": text}, id="thing")
    thing = quick.get_service("thing")
    wait_for(lambda: len(thing.get().result(10)[0]) == 5 and thing.get().result(10)[1])
    order, called, thread = thing.get().result(10)
    assert order[:2] == ["refused", "initialized"]
    assert sorted(order[2:]) == ["began by initialize", "done", "soon"]
    assert order.index("began by initialize") < order.index("done")
    assert called == 42
    assert thread != "modframe"
    quick.modules["thing"].unload()
    assert not quick.snapshot().module("standard.thing").unsettled


TICKS = """
def __init__(self):
    self.counts = dict.fromkeys(range(100), 0)
def initialize(self):
    self.task = asyncio.create_task(self.tick())
async def tick(self):
    while True:
        self.counts["more"] = 1
        await asyncio.sleep(0)
        del self.counts["more"]
        await asyncio.sleep(0)
def dump_state(self):
    state = {}
    for key, value in self.counts.items():
        time.sleep(0)  # other threads may run
        state[key] = value
    return state
def load_state(self, state, from_version):
    self.handed_over = state
def get(self):
    return len(self.handed_over)
"""


def test_nothing_changes_the_state_while_it_is_dumped(quick: AppContext) -> None:
    """No task of the module runs beside a plain ``dump_state``, as on the app loop."""
    for number in range(3):
        text = simple(TICKS, head=f"import asyncio, time\nNUMBER = {number}")
        quick.load({"api.py": text}, id="thing")
    assert quick.get_service("thing").get().result(10) >= 100


def test_a_short_step_is_the_current_task(quick: AppContext) -> None:
    """What asks for the task finds that of the step, and none that happens to run beside it."""
    body = "def initialize(self):\n    self.task = asyncio.current_task()\ndef get(self):\n    return self.task.done()"
    quick.load({"api.py": simple(body, head="import asyncio")}, id="thing")
    assert quick.get_service("thing").get().result(10) is True


# -- the app loop itself ---------------------------------------------------------------------------


def messages(app: AppContext) -> list[str]:
    """Return the newest lines of the log."""
    return [line.message for line in app.snapshot().log]


def test_what_keeps_the_app_loop_is_named(quick: AppContext, gate: threading.Event) -> None:
    """One warning when it begins and one when it is over; the snapshot has it meanwhile."""
    text = simple("async def wait(self):\n    import tests_gate\n    tests_gate.wait()")
    quick.load({"api.py": text}, id="thing")
    call = quick.get_service("thing").wait()
    place = "Thing.wait() of standard.thing (api.py, line 8) has kept the app loop for"
    wait_for(lambda: quick.snapshot().stall.startswith(place))
    gate.set()
    call.result(10)
    wait_for(lambda: not quick.snapshot().stall and quick.snapshot().last_stall)
    assert quick.snapshot().last_stall.startswith(place)
    named = wait_for(
        lambda: [one for one in messages(quick) if "Thing.wait()" in one and "goes on" in one]
    )
    assert len(named) == 1
    assert len([one for one in messages(quick) if one.startswith(place)]) == 1


def test_a_person_who_waits_is_told_what_keeps_the_loop(
    quick: AppContext,
    gate: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No exception reaches a call into C; the line below the cell says what a person can do."""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)

    def release() -> None:
        wait_for(lambda: "which keeps the app loop" in "".join(told))
        gate.set()

    told: list[str] = []
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(write=told.append, flush=lambda: None))
    releases = threading.Thread(target=release)
    releases.start()
    text = simple("async def initialize(self):\n    import tests_gate\n    tests_gate.wait()")
    with contextlib.suppress(LoadError):  # it is late, if the machine is slow
        quick.load({"api.py": text}, id="thing")
    releases.join()
    assert "Thing.initialize() of standard.thing (api.py, line 8)" in "".join(told)


ENDLESS = "async def {name}(self):\n    while True: pass\ndef get(self): return 1"


def test_an_async_step_in_pure_python_is_broken_out_of(quick: AppContext) -> None:
    """Past its bound it fails as any other step, with the line; the loop lives on."""
    with pytest.raises(
        LoadError, match=r"took longer than its 2 s and was broken out of"
    ) as caught:
        quick.load({"api.py": simple(ENDLESS.format(name="initialize"))}, id="thing")
    assert (caught.value.file, caught.value.line) == ("api.py", 7)
    assert quick.get_service("other").get().result(10) == 42


ROUTE = """
from fastapi import APIRouter
router = APIRouter()

@router.get("/spin")
async def spin():
    while True:
        pass

@router.get("/fine")
async def fine():
    return "fine"
"""


@pytest.fixture
def impatient(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppContext]:
    """Start an app where nothing may keep the loop for longer than half a second."""
    monkeypatch.setenv("MODFRAME_STALL_TIMEOUT", "0.5")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        yield app


async def test_a_route_a_task_and_a_call_are_broken_out_of(impatient: AppContext) -> None:
    """Each ends with an error that names the line, and nothing else does."""
    body = (
        "async def spin(self):\n    while True: pass\n"
        "async def begin(self):\n    import asyncio\n    self.task = asyncio.create_task(self.spin())\n"
        "def error(self):\n    return str(self.task.exception()) if self.task.done() else ''"
    )
    await asyncio.to_thread(impatient.load, {"api.py": simple(body, head=ROUTE)}, id="thing")
    thing = impatient.get_service("thing")
    with pytest.raises(TimeoutError, match=r"Thing.spin\(\) of standard.thing \(api.py, line 18\)"):
        await thing.spin()
    async with impatient.test_client() as client:
        answer = await client.get("/api/v1/thing/spin")
        assert (answer.status_code, answer.headers["content-type"]) == (
            500,
            "application/problem+json",
        )
        assert (await client.get("/api/v1/thing/fine")).json() == "fine"
    assert any("spin() of standard.thing (api.py, line " in one for one in messages(impatient))
    await thing.begin()
    while not (error := await thing.error()):
        pass
    assert "broken out of" in error


def test_the_getattr_of_a_service_is_not_asked_for_hooks(impatient: AppContext) -> None:
    """It answers for names that nobody wrote; one that never returns would keep the app loop."""
    hangs = "def __getattr__(self, name):\n    while True: pass\ndef number(self):\n    return 1"
    impatient.load({"api.py": simple(hangs)}, id="thing")
    assert impatient.get_service("thing").number().result() == 1
    impatient.load({"api.py": simple(hangs.replace("return 1", "return 2"))}, id="thing")
    assert impatient.get_service("thing").number().result() == 2
    impatient.modules["thing"].unload()
    assert not any("kept the app loop" in one for one in messages(impatient))


# -- several modules in one change -------------------------------------------------------------------


def test_only_the_module_that_hangs_is_blamed(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    """Two files are executed in one go: the first one ends in time and goes live."""
    monkeypatch.setenv("MODFRAME_LOAD_TIMEOUT", "3")
    for name, head in (("first", ""), ("second", "import tests_gate\ntests_gate.wait()")):
        folder = workspace / "modules" / "standard" / name
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(simple("def get(self): return 1", head=head))
    with modframe.start(workspace=workspace, data=":memory:") as app:
        assert app.modules["first"].state == "LIVE"
        error = app.modules["second"].error
        assert isinstance(error, LoadError)
        assert (error.module_id, error.file, error.line) == ("standard.second", "api.py", 3)
        assert "took longer than 3 s" in str(error)


@pytest.mark.parametrize("hangs", ["len([])", "time.sleep(0.05)"])
def test_what_keeps_the_loop_takes_no_time_of_others(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, hangs: str
) -> None:
    """Steps that wait while another one hangs on the loop are not late for it."""
    monkeypatch.setenv("MODFRAME_PHASE_TIMEOUT", "1")
    waits = "async def initialize(self):\n    for _ in range(3): await asyncio.sleep(0.01)"
    spins = f"async def initialize(self):\n    while True: {hangs}"
    for name, body in (("early", waits), ("hanging", spins), ("later", waits)):
        folder = workspace / "modules" / "standard" / name
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(simple(body, head="import asyncio, time"))
    with modframe.start(workspace=workspace, data=":memory:") as app:
        states = {name: app.modules[name].state for name in ("early", "hanging", "later")}
    assert states == {"early": "LIVE", "hanging": "FAILED", "later": "LIVE"}


def test_a_load_is_late_only_while_it_runs() -> None:
    """The timeout that finds nothing being loaded blames nobody; what it came before has failed."""
    in_time, late = inside.loading_turn("one"), inside.loading_turn("one", "two")
    assert in_time.take()
    assert in_time.finish()
    assert not in_time.end()
    assert late.take()
    assert late.end()
    assert not late.finish()
    assert not late.take()


SEVERAL = 6


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks begin eagerly from Python 3.12 on")
def test_phases_that_keep_the_loop_let_others_have_turns(quick: AppContext) -> None:
    """Between two phases that compute for long, the loop serves others."""
    seen: list[str] = []
    sys.modules[GATE].seen = seen
    body = (
        "async def initialize(self):\n    import time, tests_gate\n    until = time.monotonic() + 0.02\n"
        "    while time.monotonic() < until: pass\n    tests_gate.seen.append('phase')"
    )
    loop = inside.app_loop(quick)

    def tick() -> None:
        seen.append("tick")
        if seen.count("phase") < SEVERAL:
            loop.call_soon(tick)

    loop.call_soon_threadsafe(tick)
    quick.load([(f"many{number}", {"api.py": simple(body)}) for number in range(SEVERAL)])
    first, last = seen.index("phase"), len(seen) - 1 - seen[::-1].index("phase")
    assert "tick" in seen[first:last]


def test_ctrl_c_ends_a_load_during_plain_phases(quick: AppContext) -> None:
    """Nothing of it is live, and the app goes on."""
    main = threading.main_thread().ident
    sys.modules[GATE].interrupt = lambda: signal.pthread_kill(main, signal.SIGINT)
    body = "def initialize(self):\n    import tests_gate\n    tests_gate.{call}()"
    calls = ["interrupt", *["wait"] * (SEVERAL - 1)]
    sources = [
        (f"many{number}", {"api.py": simple(body.format(call=call))})
        for number, call in enumerate(calls)
    ]
    with pytest.raises(KeyboardInterrupt):
        quick.load(sources)
    assert not {quick.modules[name].state for name, _ in sources} & {"LIVE", "STARTING"}
    assert quick.get_service("other").get().result(10) == 42


def test_a_forked_child_of_a_watched_server_ends(tmp_path: Path) -> None:
    """The timer for a frozen interpreter has no thread in the child, which waited for it."""
    script = """
    import asyncio, os, signal, sys, threading
    from modframe.observe import Watchdog
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    nothing = lambda argument: None
    watchdog = Watchdog(loop, thread.ident, name=nothing, break_out=nothing, tick=nothing)
    watchdog.freezes.write_after(1000, end=True)
    armed = threading.Event()
    import faulthandler
    arm = faulthandler.dump_traceback_later
    faulthandler.dump_traceback_later = lambda *args, **kw: (arm(*args, **kw), armed.set())
    watchdog.start()
    armed.wait()
    pid = os.fork()
    if not pid:
        signal.alarm(20)
        sys.exit(5)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    assert run_script(script, tmp_path).stdout == "5\n"


HOLDS = """
import ctypes, time
from modframe.decorators import module


@module
class Thing:
    async def sleep(self):
        ctypes.PyDLL(None).usleep(2_500_000)
        return "slept"

    def compute(self):
        def seconds():
            began = time.monotonic()
            sum(range(10**6))
            return time.monotonic() - began

        fastest = min(seconds() for _ in range(20))
        return sum(range(round(10**6 * 4 / fastest))) > 0
"""


@pytest.mark.parametrize("before", ["", "import _pytest.faulthandler"])
def test_what_holds_the_interpreter_is_written_to_stderr(tmp_path: Path, before: str) -> None:
    """By a timer that needs no Python code and of which there is one: pytest's is left alone."""
    done = run_script(
        f"""
        {before}
        import modframe
        with modframe.start(data=":memory:") as app:
            app.load({{"api.py": {HOLDS!r}}}, id="thing")
            print(app.get_service("thing").sleep().result())
        """,
        tmp_path,
        env={**os.environ, "MODFRAME_FREEZE_TIMEOUT": "0.5"},
    )
    assert done.stdout == "slept\n", done.stderr
    written = ("Timeout (0:00:00.500000)!" in done.stderr, "line 9 in sleep" in done.stderr)
    assert written == ((False, False) if before else (True, True)), done.stderr


def test_what_held_the_interpreter_is_logged_once_it_is_free(tmp_path: Path) -> None:
    """With the module, the line and the seconds, on whichever thread it was."""
    done = run_script(
        f"""
        import modframe
        from tests.waiting import wait_for
        with modframe.start(data=":memory:") as app:
            app.load({{"api.py": {HOLDS!r}}}, id="thing")
            app.get_service("thing").compute().result()
            print(wait_for(lambda: [
                line.message for line in app.snapshot().log if "no other Python code" in line.message
            ])[0])
        """,
        tmp_path,
    )
    assert re.match(
        r"Thing\.compute\(\) of standard\.thing \(api\.py, line 19\) let no other Python code run "
        r"for \d+\.\d s; run it in a process by app_context\.tasks\.process",
        done.stdout,
    ), done
