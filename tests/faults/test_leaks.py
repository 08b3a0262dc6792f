"""What outlives its generation is ended, or named with who holds it."""

from __future__ import annotations

import asyncio
import atexit
import gc
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

import tests.fakes
from modframe.app import AppContext
from modframe.runtime.change import remains
from modframe.runtime.garbage.roots import _exit_callbacks
from tests import inside
from tests.fakes import simple
from tests.kernels import kernel
from tests.waiting import has_ended, wait_for

SLEEP = f"[{sys.executable!r}, '-c', 'import time; time.sleep(600)']"


def load(app: AppContext, body: str, *, head: str = "") -> None:
    """Load a module, whose service is its class."""
    body = f"def number(self):\n    return 1\n\n{dedent(body)}"
    app.load({"api.py": simple(body, head=head)}, id="thing")


def running(app: AppContext) -> list[str]:
    """Return the child processes that the snapshot shows."""
    facts: list[str] = app.snapshot().module("standard.thing").parts["children"]["running"]
    return facts


@pytest.mark.parametrize(
    ("head", "start"),
    [
        ("import subprocess", f"self.it = subprocess.Popen({SLEEP})"),
        ("import subprocess", f"subprocess.Popen({SLEEP})"),
        ("import asyncio", f"self.it = await asyncio.create_subprocess_exec(*{SLEEP})"),
        (
            "import multiprocessing, time",
            "self.it = multiprocessing.get_context('spawn').Process(target=time.sleep, args=(600,))\n"
            "    self.it.start()",
        ),
        (
            "import multiprocessing, time",
            "self.it = multiprocessing.get_context('spawn').Pool(1)\n"
            "    self.it.apply_async(time.sleep, (600,))",
        ),
        (
            "import multiprocessing, time\nfrom concurrent.futures import ProcessPoolExecutor",
            "self.it = ProcessPoolExecutor(1, multiprocessing.get_context('spawn'))\n"
            "    self.it.submit(time.sleep, 600)",
        ),
    ],
    ids=["popen", "dropped", "asyncio", "process", "pool", "executor"],
)
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_child_processes_end_with_their_generation(app: AppContext, head: str, start: str) -> None:
    """However the module's code started them; the log says so."""
    before = set(psutil.Process().children())
    load(app, f"async def initialize(self):\n    {start}", head=head)
    wait_for(lambda: running(app))
    children = set(psutil.Process().children()) - before
    app.modules["thing"].unload()
    assert app.modules["thing"].state == "STOPPED"
    left = [
        child
        for child in children
        if not has_ended(child) and "resource_tracker" not in " ".join(child.cmdline())
    ]
    assert left == []
    if "Pool" not in start:
        log = "\n".join(line.message for line in app.snapshot().log)
        assert "of generation 1 ended with it" in log


@pytest.mark.skipif(os.name != "posix", reason="there are no signals to ignore")
def test_a_child_process_that_ignores_its_end_is_killed(app: AppContext, tmp_path: Path) -> None:
    """A second after it was asked to end."""
    ready = tmp_path / "ready"
    code = (
        "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(600)"
    )
    load(
        app,
        f"async def initialize(self):\n    self.it = subprocess.Popen([{sys.executable!r}, '-c', {code!r}])",
        head="import subprocess",
    )
    wait_for(ready.exists)
    child = inside.service(app, "thing").it
    app.modules["thing"].unload()
    assert child.wait() == -9
    assert app.modules["thing"].state == "STOPPED"


def started(app: AppContext) -> psutil.Process:
    """Return the one child process that the snapshot shows."""
    [text] = running(app)
    found = re.search(r"pid (\d+)", text)
    assert found is not None
    return psutil.Process(int(found[1]))


@pytest.mark.parametrize(
    "kind", ["asyncio.to_thread({0}, {1})", "loop.run_in_executor(None, {0}, {1})"]
)
def test_a_process_that_a_thread_starts_for_a_module_ends_with_it(
    app: AppContext, kind: str
) -> None:
    """Also where no line of the module is on that thread."""
    start = kind.format("subprocess.Popen", SLEEP)
    load(
        app,
        f"""
        async def initialize(self):
            loop = asyncio.get_running_loop()
            self.it = await {start}
        """,
        head="import asyncio, subprocess",
    )
    process = started(app)
    load(app, "")
    inside.settle(app)
    assert has_ended(process)


def test_a_process_of_another_kind_of_loop_ends_with_its_generation(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop starts processes without `subprocess.Popen`."""
    monkeypatch.setattr(subprocess.Popen, "_child_created", False)
    load(
        app,
        f"""
        async def initialize(self):
            self.it = await asyncio.create_subprocess_exec(*{SLEEP})
        """,
        head="import asyncio",
    )
    process = started(app)
    load(app, "")
    inside.settle(app)
    assert has_ended(process)


def test_what_a_child_process_has_started_ends_with_it(app: AppContext) -> None:
    """Such as the command of a shell."""
    load(
        app,
        """
        def initialize(self):
            self.it = subprocess.Popen("sleep 600 & wait", shell=True)
        """,
        head="import subprocess",
    )
    shell = started(app)
    [command] = wait_for(shell.children)
    load(app, "")
    inside.settle(app)
    wait_for(lambda: has_ended(shell) and has_ended(command))


def test_a_process_of_a_shared_resource_lives_as_long_as_that(app: AppContext) -> None:
    """It goes on over a swap, and ends with the last generation that uses it."""
    body = f"""
        def initialize(self):
            self.it = self.app_context.resource(subprocess.Popen, {SLEEP})
        """
    for number in (1, 2):
        load(app, body, head=f"import subprocess\nnumber = {number}")
    inside.settle(app)
    child = psutil.Process(inside.service(app, "thing").it.pid)
    assert not has_ended(child)
    app.modules["thing"].unload()
    wait_for(lambda: has_ended(child))


@pytest.mark.parametrize(
    "factory", ["None", "lambda loop, coro, **_: asyncio.Task(coro, loop=loop)"]
)
def test_tasks_are_owned_whatever_task_factory_a_module_sets(app: AppContext, factory: str) -> None:
    """The setting has no effect, and the log names the module."""
    load(
        app,
        f"""
        async def initialize(self):
            asyncio.get_running_loop().set_task_factory({factory})
            self.task = asyncio.create_task(asyncio.sleep(600), name="sleeper")
        """,
        head="import asyncio",
    )
    module = app.snapshot().module("standard.thing")
    assert module.parts["tasks"]["running"] == ("sleeper",)
    warned = [line.module_id for line in app.snapshot().log if "set_task_factory()" in line.message]
    assert warned == ["standard.thing"]
    task = inside.service(app, "thing").task
    app.modules["thing"].unload()
    assert task.cancelled()


# -- what is still in memory -------------------------------------------------------------------


def leaked(app: AppContext, body: str, *, head: str = "") -> str:
    """Load a module, replace it, and return what is said of the generation that was replaced."""
    with inside.looking_patiently():
        load(app, body, head=head)
        load(app, "", head="number = 2")
        inside.look(app)
    unsettled = app.snapshot().module("standard.thing").unsettled
    entry = app.modules["thing"].history[0]
    assert entry.leaked == tuple(left.removeprefix("generation 1: ") for left in unsettled)
    return unsettled[-1] if unsettled else ""


@pytest.mark.parametrize(
    ("head", "start", "holder"),
    [
        (
            "import logging",
            "logging.getLogger().addHandler(self.handler)",
            "a handler on the root logger",
        ),
        (
            "import atexit",
            "atexit.register(self.end)",
            r"atexit, where Thing.end\(\) is registered",
        ),
        (
            "import atexit",
            "atexit.register(lambda: self)",
            r"atexit, where <lambda>\(\) is registered; let go",
        ),
        (
            "import atexit, functools",
            "atexit.register(functools.partial(repr, self))",
            r"atexit, where repr\(\) is registered; let go",
        ),
        (
            "import tests.fakes",
            "tests.fakes.KEPT = [self]",
            "tests.fakes.KEPT",
        ),
        (
            "import threading",
            "threading.Thread(target=self.end, name='keeper', daemon=True).start()",
            r"the thread 'keeper', which is in Thing.end\(\) \(api.py, line \d+\)",
        ),
        (
            "import threading",
            "threading.Thread(target=self.go.wait, args=(Wait(self),), name='foreign', daemon=True).start()",
            "the thread 'foreign'",
        ),
        (
            "import __main__",
            "__main__.kept = self",
            r"the variable 'kept' of (__main__|the notebook): that is yours",
        ),
        ("import __main__", "__main__.Out = {3: self}", r"Out\[3\] of the notebook: that is yours"),
        ("import asyncio", "transport = await open_transport(self)", "a transport: "),
    ],
    ids=[
        "logger",
        "atexit",
        "closure",
        "partial",
        "registry",
        "thread",
        "argument",
        "variable",
        "out",
        "transport",
    ],
)
@pytest.mark.usefixtures("thawed", "released")
def test_what_holds_a_replaced_generation_is_named(
    app: AppContext, head: str, start: str, holder: str
) -> None:
    """In the snapshot and in the history, some seconds after it was closed."""
    body = f"""
        async def initialize(self):
            self.go = GO
            self.handler = logging.NullHandler()
            self.handler.addFilter(self.number)
            {start}

        def end(self):
            GO.wait()
        """
    head = (
        f"{head}\nimport logging\nfrom tests.faults.test_leaks import GO, open_transport\n" + WAIT
    )
    left = leaked(app, body, head=head)
    assert "the service standard.thing.service" in left
    assert re.search(f"still in memory, held by {holder}", left)


SLOW = """
from tests.faults.test_leaks import BUSY, GO

class Slow:
    def __del__(self):
        BUSY.set()
        GO.wait()
"""


@pytest.mark.usefixtures("released")
def test_a_look_has_its_own_time(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment at which one would have begun by itself is not that at which it takes too long."""
    monkeypatch.setattr(remains, "QUIET", 0.2)
    with inside.looking_patiently():
        load(app, "def initialize(self):\n    self.slow = Slow()", head=SLOW)
        load(app, "", head="number = 2")
        look = threading.Thread(target=inside.look, args=(app,))
        look.start()
        assert BUSY.wait(60)
        app.run(asyncio.sleep(remains.QUIET))  # earlier timers of the loop had their turn then
        GO.set()
        look.join()
    assert app.snapshot().module("standard.thing").unsettled == ()


WAIT = """
class Wait(float):
    def __new__(cls, thing):
        wait = super().__new__(cls, 600)
        wait.thing = thing
        return wait
"""
BUSY, GO = threading.Event(), threading.Event()


class Listener(asyncio.DatagramProtocol):
    """Holds what a module gave it."""

    def __init__(self, thing: object) -> None:
        self.thing = thing


async def open_transport(thing: object) -> None:
    """Open a transport that holds something, as a library would."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Listener(thing), local_addr=("127.0.0.1", 0)
    )
    TRANSPORTS.append(transport)


TRANSPORTS: list[asyncio.DatagramTransport] = []


@pytest.fixture
def thawed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the collector see the process too, for holders that are older than the tests."""
    if request.node.callspec.id not in ("logger", "registry", "variable"):
        yield
        return
    gc.unfreeze()
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def released(app: AppContext) -> Iterator[None]:
    """Let go of what the modules of a test gave to the process."""
    yield

    async def close() -> None:
        while TRANSPORTS:
            TRANSPORTS.pop().close()

    app.run(close())
    GO.set()
    GO.clear()
    BUSY.clear()
    for callback in _exit_callbacks():
        if "Thing" in str(callback):
            atexit.unregister(callback)
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler) is logging.NullHandler:
            root.removeHandler(handler)
    vars(tests.fakes).pop("KEPT", None)
    for name in ("kept", "Out"):
        vars(sys.modules["__main__"]).pop(name, None)


def test_a_generation_that_nothing_holds_leaves_nothing(app: AppContext) -> None:
    """Not even the table of a module that was used."""
    head = (
        "from core.database import get_database_base\nfrom sqlalchemy import Column, Integer\n"
        "DATABASE_NAME = 'thing'\nBase = get_database_base(DATABASE_NAME)\n"
        "class Row(Base):\n    __tablename__ = 'rows'\n    id = Column(Integer, primary_key=True)\n"
    )
    assert leaked(app, "", head=head) == ""


ROWS = """%%module rows
from modframe.decorators import module

class Row:
    def number(self):
        return 1

@module
class Rows:
    def row(self):
        return Row()
"""


@pytest.mark.kernel
def test_what_a_result_of_the_notebook_holds_is_the_persons(workspace: Path) -> None:
    """An object of a module's class that a cell left as ``Out[n]`` keeps its generation."""
    with kernel(workspace) as shell:
        shell.run("%load_ext modframe\nimport modframe\napp = modframe.start(data=':memory:')")
        shell.run(ROWS)
        shell.run("await app.get_service('rows').row()")
        shell.run(ROWS.replace("return 1", "return 2"))
        shell.run("from tests import inside\ninside.look(app)")
        shown = shell.run("print(*app.snapshot().module('standard.rows').unsettled)").text
    assert re.search(r"api.py of it are still in memory, held by .*Out\[3\] of the notebook", shown)
    assert "that is yours, and no fault of the module" in shown
