"""Swaps in a real kernel: interrupted at any moment, the same cell over and over, from a subshell.

A rename across two cells, in both orders, is in `tests/notebook/test_cells.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernels import PATIENCE, Kernel, kernel

pytestmark = pytest.mark.kernel

PRICE = """%%module prices
from modframe.decorators import module
from tests import inside


def price():
    return {price}


@module
class Prices:
    async def initialize(self):
        self.begun = price()

    async def get(self):
        return self.begun, price()
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Start a kernel with the extension and an app that keeps nothing."""
    with kernel(tmp_path_factory.mktemp("workspace")) as running:
        running.run("import modframe\napp = modframe.start(data=':memory:', modules=[])")
        running.run("%load_ext modframe")
        yield running


INTERRUPTED = """
import os, signal, sys, threading
from tests import inside
from tests.runtime.change.versioned import noted, texts

def interrupt_after(seconds):
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()

def swap_by_verb(version):
    app.load(texts(version), id="versioned")

def swap_by_cell(version):
    get_ipython().run_cell_magic("module", "versioned services.py", texts(version)["services.py"])

async def asked():
    async with app.test_client() as client:
        return (await client.get("/api/v1/versioned/sync")).json()

def packages():
    return {name.partition("~")[2].partition(".")[0] for name in list(sys.modules) if "standard.versioned~" in name}

def look():
    inside.settle(app)
    module = app.modules["versioned"]
    inside.end_loader_thread(app)
    for thread in threading.enumerate():
        if thread.name == "modframe-module":
            thread.join(10)  # what a load that was left behind has brought goes when it ends
    return (
        app.get_service("versioned").answer().result(60), app.run(asked()), module.state, module.generation,
        packages(), {name.partition("~")[2] for name in inside.owners(app) if "versioned" in name},
    )

def try_it(swap, version, seconds):
    before = look()
    try:
        interrupt_after(seconds)
        swap(version)
        while True:
            pass
    except KeyboardInterrupt:
        pass
    after = look()
    number = str(after[3])
    assert after[2] == "LIVE" and after[4] == after[5] == {number}, after
    if after != before:
        assert after[3] == before[3] + 1, (before, after)
    return after != before

held = noted()
held.__enter__()
app.load(texts(0), id="versioned")
"""


@pytest.mark.parametrize("swap", ["swap_by_verb", "swap_by_cell"])
def test_an_interrupt_at_any_moment_leaves_the_old_or_the_new(shell: Kernel, swap: str) -> None:
    """An interrupt at forty moments around a swap leaves no mix, no leftover and no held lock."""
    shell.run(INTERRUPTED)
    whole = "(version,) * 3" if swap == "swap_by_verb" else "(0, version, 0)"
    shell.run(
        f"outcomes = []\nfor version in range(1, 41):\n"
        f"    done = try_it({swap}, version, 1.0 if version == 40 else version * 0.00025)\n"
        f"    outcomes.append(done)\n"
        f"    if done:\n"
        f"        answers = look()[:2]\n"
        f"        assert [tuple(one) for one in answers] == [{whole}] * 2, answers\n"
    )
    assert shell.run("len(outcomes), outcomes[-1]").value == "(40, True)"
    shell.run(f"{swap}(1000)")
    assert shell.run("look()[0]").value == (
        "(1000, 1000, 1000)" if "verb" in swap else "(0, 1000, 0)"
    )
    assert shell.run("app.modules['versioned'].error").value == ""


STEPS = {
    "body": ("def price", "wait_here()\n\ndef price"),
    "initialize": ("self.begun = price()", "await wait_there()"),
}


@pytest.mark.parametrize("step", STEPS)
def test_an_interrupt_in_a_step_that_waits_leaves_the_old(shell: Kernel, step: str) -> None:
    """Ctrl-C during an endless body or phase is a KeyboardInterrupt and changes nothing."""
    shell.run(PRICE.format(price=1))
    number = shell.run("app.modules['prices'].generation").value
    shell.run(STUCK)
    waits = PRICE.format(price=2).replace(*STEPS[step])
    sent = shell.send(waits.replace("\nfrom", "\nfrom stuck import wait_here, wait_there\nfrom", 1))
    while True:
        message = shell.client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "stream" and "inside" in message["content"]["text"]:
            break
    cell = shell.interrupt(sent)
    assert cell.error == "KeyboardInterrupt", cell.text
    shell.run("stuck.release.set()")
    assert shell.run("await app.get_service('prices').get()").value == "(1, 1)"
    assert shell.run("app.modules['prices'].generation").value == number
    assert shell.run("app.modules['prices'].state").value == "'LIVE'"
    assert f"{number} → {int(number) + 1}" in shell.run(PRICE.format(price=3)).stdout
    assert shell.run("await app.get_service('prices').get()").value == "(3, 3)"


STUCK = """
import asyncio, contextvars, sys, threading, types
stuck = sys.modules["stuck"] = types.ModuleType("stuck")
stuck.release = threading.Event()
say = contextvars.copy_context()

def said():
    threading.Thread(target=say.copy().run, args=(print, "inside"), kwargs={"flush": True}).start()

def wait_here():
    said()
    while not stuck.release.wait(0.05):
        pass

async def wait_there():
    said()
    await asyncio.Event().wait()

stuck.wait_here, stuck.wait_there = wait_here, wait_there
"""


COUNTS = """
import gc, linecache, sys, threading
from tests import inside
def counts():
    inside.settle(app)
    inside.look(app)  # whose thread stays
    gc.collect()
    return {
        "packages": sum("standard.prices~" in name for name in sys.modules),
        "threads": threading.active_count(),
        "owners": len(inside.owners(app)),
        "texts": sum(len(one) == 4 and "def price():\\n" in one[2] for one in linecache.cache.values()),
        "paths": len(sys.meta_path),
    }
"""


@pytest.mark.soak
def test_the_same_cell_run_a_hundred_times(shell: Kernel) -> None:
    """Equal text changes nothing; a hundred different texts leave one generation and no trace."""
    shell.run("if 'prices' in app.modules: app.modules['prices'].unload()")
    shell.run(COUNTS)
    first = shell.run(PRICE.format(price=0)).stdout
    assert "live in" in first
    shell.run("before, number = counts(), app.modules['prices'].generation")
    for _ in range(100):
        assert "unchanged" in shell.run(PRICE.format(price=0)).stdout
    assert shell.run("app.modules['prices'].generation - number").value == "0"
    for price in range(1, 101):
        shell.run(PRICE.format(price=price))
    assert shell.run("await app.get_service('prices').get()").value == "(100, 100)"
    assert shell.run("app.modules['prices'].generation - number").value == "100"
    shell.run(
        "now = counts()\nassert all(now[what] <= before[what] for what in now), (now, before)"
    )


@pytest.fixture
def subshell(shell: Kernel) -> str:
    """Open a second shell of the kernel, which has its own thread and loop."""
    shell.client.control_channel.send(shell.client.session.msg("create_subshell_request"))
    reply = shell.client.get_control_msg(timeout=PATIENCE)
    return str(reply["content"]["subshell_id"])


def send_there(shell: Kernel, subshell: str, code: str) -> str:
    """Start a cell in a subshell."""
    content: dict[str, Any] = {
        "code": code, "silent": False, "store_history": True, "user_expressions": {},
        "allow_stdin": False, "stop_on_error": True,
    }  # fmt: skip
    request = shell.client.session.msg("execute_request", content)
    request["header"]["subshell_id"] = subshell
    shell.client.shell_channel.send(request)
    return str(request["header"]["msg_id"])


def test_a_cell_run_again_from_a_subshell(shell: Kernel, subshell: str) -> None:
    """A subshell swaps while a cell of the main shell runs, whose next call sees the new one."""
    shell.run(PRICE.format(price=1))
    sent = shell.send(
        "import threading\nchanged = threading.Event()\nprint('busy', flush=True)\n"
        "was = app.get_service('prices').get().result()\n"
        "ok = changed.wait(50)\nok, was, app.get_service('prices').get().result()"
    )
    while True:
        message = shell.client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "stream" and "busy" in message["content"]["text"]:
            break
    there = send_there(shell, subshell, PRICE.format(price=2))
    changed = send_there(shell, subshell, "changed.set()")
    cell = shell.wait(sent)
    assert cell.value == "(True, (1, 1), (2, 2))", cell.text
    assert there != changed
