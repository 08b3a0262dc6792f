"""Calls from every loop and thread of a kernel; Ctrl-C; cells that compute; nested loops."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import pytest

from tests.kernels import PATIENCE, Kernel, kernel

pytestmark = pytest.mark.kernel

WAITER = """%%module waiter
import asyncio
from fastapi import APIRouter
from modframe.decorators import module

router = APIRouter()
events = []


@router.get("/ping")
async def ping():
    return {"pong": True}


@router.get("/sync")
def sync():
    return {"pong": True}


@module
class Waiter:
    async def initialize(self):
        self.started = asyncio.Event()

    async def wait(self):
        self.started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            events.append("cancelled")
            raise

    async def arrived(self):
        await self.started.wait()
        self.started.clear()

    async def events(self):
        return list(events)

    async def items(self, end: int):
        for number in range(end):
            yield number

    async def add(self, left: int, right: int) -> int:
        return left + right
"""


@pytest.fixture
def waiter(shell: Kernel) -> Kernel:
    shell.run(WAITER)
    shell.run("import asyncio, threading\nw = app.get_service('waiter')")
    return shell


def interrupt_when_waiting(shell: Kernel, code: str) -> object:
    """Start a cell that calls ``wait``, and interrupt it once the call has arrived."""
    sent = shell.send(code)
    deadline = time.monotonic() + PATIENCE
    while True:
        # The marker is printed from another thread once the call is inside the module.
        message = shell.client.get_iopub_msg(timeout=max(1, deadline - time.monotonic()))
        if message["msg_type"] == "stream" and "inside" in message["content"]["text"]:
            break
    return shell.interrupt(sent)


# Interrupt once the call has arrived in the module and the main thread has begun to wait for it.
SPY = """
import contextvars, sys

def spy():
    w.arrived().result()
    main = threading.main_thread().ident
    waits = ("threading.py", "selectors.py")
    while not sys._current_frames()[main].f_code.co_filename.endswith(waits):
        pass
    print("inside", flush=True)

async def go():
    await w.wait()

threading.Thread(target=contextvars.copy_context().run, args=(spy,)).start()
"""


@pytest.mark.parametrize("code", ["await w.wait()", "w.wait().result()", "app.run(go())"])
def test_interrupt_cancels_the_call_and_surfaces_as_itself(waiter: Kernel, code: str) -> None:
    """Ctrl-C while a cell waits is a KeyboardInterrupt, and the task over there is cancelled."""
    before = json.loads(
        waiter.run("import json; json.dumps(len(await w.events()))").value.strip("'")
    )
    cell = interrupt_when_waiting(waiter, SPY + code)
    assert cell.error == "KeyboardInterrupt", cell.text
    after = waiter.run(
        f"while len(await w.events()) == {before}:\n    await asyncio.sleep(0.01)\nlen(await w.events())"
    )
    assert after.value == str(before + 1)


def test_a_call_is_a_coroutine_for_asyncio(waiter: Kernel) -> None:
    """gather, create_task, wait_for and TaskGroup take calls; streams iterate."""
    assert waiter.run("await asyncio.gather(w.add(1, 2), w.add(3, 4))").value == "[3, 7]"
    assert waiter.run("await asyncio.create_task(w.add(1, 2))").value == "3"
    assert waiter.run("await asyncio.wait_for(w.add(1, 2), 30)").value == "3"
    assert waiter.run("[item async for item in w.items(3)]").value == "[0, 1, 2]"
    assert waiter.run("await asyncio.wait_for(w.wait(), 0.05)", fails=True).error == "TimeoutError"


def test_calls_from_a_worker_thread_and_from_a_loop_of_ones_own(waiter: Kernel) -> None:
    """A thread takes ``result()``; another loop awaits."""
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor() as pool:\n"
        "    got = pool.submit(lambda: w.add(1, 2).result()).result(), \\\n"
        "        pool.submit(lambda: asyncio.run(asyncio.wait_for(w.add(3, 4), 30))).result()\n"
        "got"
    )
    assert waiter.run(code).value == "(3, 7)"


def test_blocking_verbs_on_the_app_loop_say_what_to_do(waiter: Kernel) -> None:
    """On the app loop `result()` and verbs raise instead of waiting for themselves."""
    bad = waiter.run(
        "async def inside():\n    return app.load('nothing')\nimport modframe\napp.run(inside())",
        fails=True,
    )
    assert bad.error == "OnAppLoopError"
    assert "call it from a cell, a script or a worker thread" in bad.traceback.lower()


def test_failures_nobody_collected_are_logged(waiter: Kernel) -> None:
    """A call that fails and is dropped leaves a line in the log."""
    waiter.run("c = w.add('a', 1)\nwhile not c.done(): pass\ndel c")
    waiter.run("import gc; _ = gc.collect()")
    lines = waiter.run("[one.message for one in app.snapshot().log]").value
    assert "nobody awaited the call" in lines


def test_a_computing_cell_does_not_stop_the_api(waiter: Kernel) -> None:
    """While a cell computes, async and sync routes answer."""
    waiter.run("import sys\nserver = app.serve(port=0)\ninterval = sys.getswitchinterval()")
    url = waiter.run("print(server.url)").stdout.strip()
    sent = waiter.send(
        "import time\nprint('computing', flush=True)\nend = time.monotonic() + 3\n"
        "while time.monotonic() < end:\n    sum(range(1000))\n"
        "print(sys.getswitchinterval() < interval)"
    )
    while True:
        message = waiter.client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "stream" and "computing" in message["content"]["text"]:
            break
    with httpx.Client(base_url=url, timeout=30) as client:
        for _ in range(20):
            assert client.get("/api/v1/waiter/ping").json() == {"pong": True}
            assert client.get("/api/v1/waiter/sync").json() == {"pong": True}
        still = client.get("/openapi.json").status_code
    assert still == 200
    cell = waiter.wait(sent)
    assert "True" in cell.stdout
    waiter.run("server.stop()")  # without a server cells run as they always do
    assert waiter.run("sys.getswitchinterval() == interval").value == "True"


def test_calls_and_widgets_from_a_subshell_while_a_cell_runs(waiter: Kernel) -> None:
    """A subshell, which JupyterLab uses for widget events, calls while the main shell is busy."""
    control = waiter.client.session.msg("create_subshell_request")
    waiter.client.control_channel.send(control)
    reply = waiter.client.get_control_msg(timeout=PATIENCE)
    subshell = reply["content"]["subshell_id"]
    sent = waiter.send(
        "done = threading.Event()\nprint('busy', flush=True)\nok = done.wait(50)\nok"
    )
    while True:
        message = waiter.client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "stream" and "busy" in message["content"]["text"]:
            break
    request = waiter.client.session.msg(
        "execute_request",
        {
            "code": "answer = (w.add(1, 2).result(), await w.add(3, 4))\ndone.set()",
            "silent": False, "store_history": False, "user_expressions": {},
            "allow_stdin": False, "stop_on_error": True,
        },
    )  # fmt: skip
    request["header"]["subshell_id"] = subshell
    waiter.client.shell_channel.send(request)
    cell = waiter.wait(sent)
    assert cell.value == "True"
    assert waiter.run("answer").value == "(3, 7)"


@pytest.mark.parametrize(
    ("package", "when"),
    [
        ("nest_asyncio", "after"),
        ("nest_asyncio2", "before"),
        pytest.param("nest_asyncio", "before", marks=pytest.mark.soak),
        pytest.param("nest_asyncio2", "after", marks=pytest.mark.soak),
    ],
)
def test_nested_loops_change_nothing(tmp_path: Path, package: str, when: str) -> None:
    """Either package, applied before or after the start: calls, swaps and the server work."""
    pytest.importorskip(package)
    with kernel(tmp_path) as shell:
        nest = f"import {package}\n{package}.apply()"
        if when == "before":
            shell.run(nest)
        shell.run("%load_ext modframe")
        shell.run(WAITER)
        shell.run("w = app.get_service('waiter')\nserver = app.serve(port=0)")
        if when == "after":
            shell.run(nest)
        assert shell.run("await w.add(1, 2)").value == "3"
        assert shell.run("w.add(1, 2).result()").value == "3"
        assert "1 → 2" in shell.run(WAITER + "\n# changed\n").stdout
        url = shell.run("print(server.url)").stdout.strip()
        for path in ("ping", "sync"):
            assert httpx.get(f"{url}/api/v1/waiter/{path}", timeout=30).json() == {"pong": True}
        assert shell.run("import asyncio\nasyncio.run(asyncio.sleep(0, 5))").value == "5"
        assert "<stopped" in shell.run("app.stop()").value


def test_nest_magic_lets_cells_call_asyncio_run(shell: Kernel) -> None:
    """``%modframe nest`` is for the person's own ``asyncio.run``."""
    shell.run("%modframe nest")
    shell.run(WAITER)
    code = "import asyncio\nasyncio.run(asyncio.wait_for(app.get_service('waiter').add(2, 3), 30))"
    assert shell.run(code).value == "5"


def test_the_kernel_ends_at_once_with_a_server_running(tmp_path: Path) -> None:
    """Nothing of modframe's keeps a kernel from ending."""
    with kernel(tmp_path) as shell:
        shell.run("%load_ext modframe")
        shell.run(WAITER)
        shell.run("app.serve(port=0)")
        shell.client.shutdown()
        assert shell.manager.provisioner.process.wait(timeout=20) == 0
