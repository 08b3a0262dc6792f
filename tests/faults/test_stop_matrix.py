"""Every stop ends by its bound, whatever modules do: nine obstacles, and four ways to stop.

The cells that a person meets most run always; the others under the marker ``soak``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import httpx
import pytest

from modframe.cli.stopping import STUCK
from tests.faults.processes import run_script
from tests.kernels import kernel
from tests.waiting import wait_for

BOUND = 60
"""Seconds; generous: the slowest stop takes about twelve on an idle machine."""

HEAD = """
import asyncio, signal, time, threading
from fastapi import APIRouter
from modframe.decorators import graceful_shutdown, module
router = APIRouter()

def mark():
    open("hit", "w").close()
"""
OBSTACLES = {
    "sync_route": (
        '@router.get("/hit")\ndef hit():\n    mark()\n    time.sleep(300)',
        "def get(self): return 1",
    ),
    "sync_step": ("", "def cleanup_resources(self):\n    time.sleep(300)"),
    "spinning_step": ("", "def cleanup_resources(self):\n    while True: pass"),
    "async_spin": (
        '@router.get("/hit")\nasync def hit():\n    mark()\n    while True: pass',
        "def get(self): return 1",
    ),
    "async_blocks": (
        '@router.get("/hit")\nasync def hit():\n    mark()\n    time.sleep(300)',
        "def get(self): return 1",
    ),
    "raises": ("", "async def cleanup_resources(self):\n    raise OSError('no')"),
    "deaf_task": (
        "async def deaf():\n    while True:\n        try:\n            await asyncio.sleep(300)\n"
        "        except asyncio.CancelledError:\n            pass",
        "async def initialize(self):\n    self.task = asyncio.create_task(deaf())",
    ),
    "takes_over": (
        "",
        "async def initialize(self):\n"
        "    asyncio.get_running_loop().set_task_factory(None)\n"
        "    if threading.current_thread() is threading.main_thread():\n"
        "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, print)",
    ),
    "no_threads": (
        '@router.get("/hit")\nasync def hit():\n    mark()\n'
        '    def refuse(*args, **kw): raise RuntimeError("can\'t start new thread")\n'
        "    threading._start_new_thread = refuse\n"
        "    threading._start_joinable_thread = refuse",
        "def cleanup_resources(self): pass",
    ),
}
WAYS = ("SIGINT", "SIGTERM", "stop", "kernel")
ALWAYS = {
    ("sync_route", "SIGTERM"),
    ("takes_over", "SIGTERM"),
}
LEAVES_STATUS = {"async_blocks": STUCK}


def cells() -> Iterator[object]:
    """Yield every obstacle with every way to stop."""
    for obstacle in OBSTACLES:
        for way in WAYS:
            marks = [] if (obstacle, way) in ALWAYS else [pytest.mark.soak]
            if way == "kernel":
                marks.append(pytest.mark.kernel)
            yield pytest.param(obstacle, way, marks=marks, id=f"{obstacle}-{way}")


def text(obstacle: str) -> str:
    """Return the module with an obstacle."""
    head, body = OBSTACLES[obstacle]
    stop = '@graceful_shutdown(method="cleanup_resources", timeout=1)\n'
    bound = stop if "cleanup_resources" in body else ""
    return f"{HEAD}\n{head}\n\n{bound}@module\nclass Thing:\n{indent(body, '    ')}\n"


SCRIPT = """
import threading, urllib.request
import modframe
app = modframe.start(modules=["thing"])
server = app.serve(port=0)
def hit():
    try:
        urllib.request.urlopen(server.url + "/api/v1/thing/hit").read()
    except Exception:
        pass
threading.Thread(target=hit, daemon=True).start()
import os
from tests.waiting import wait_for
if HITS:
    wait_for(lambda: os.path.exists("hit"))
report = app.stop()
print(report)
"""


def end_of_script(folder: Path, *, hits: bool) -> int:
    """Run a script that calls ``app.stop()``, and return its status."""
    done = run_script(f"HITS = {hits}\n{SCRIPT}", folder, timeout=BOUND + 30)
    assert "<stopped" in done.stdout, done.stderr
    return done.returncode


def ask(url: str, answer: Path) -> None:
    """Ask for something, and write down the status and the type of the answer."""
    with contextlib.suppress(httpx.HTTPError):
        response = httpx.get(url, timeout=60)
        answer.write_text(f"{response.status_code} {response.headers['content-type']}")


def end_of_serve(folder: Path, number: signal.Signals, *, hits: bool) -> int:
    """Send a signal to ``modframe serve`` while a request is under way; return its status."""
    with (folder / "out").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "modframe", "serve", "--port", "0"],
            cwd=folder,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        out_of = (folder / "out").read_text
        wait_for(lambda: "serving at" in out_of() or process.poll() is not None)
        said = out_of()
        assert "serving at" in said
        url = said.partition("serving at ")[2].split()[0]
        client = threading.Thread(target=ask, args=(f"{url}/api/v1/thing/hit", folder / "answer"))
        client.start()
        if hits:
            wait_for((folder / "hit").exists)
        process.send_signal(number)
        status = process.wait(BOUND)
        client.join(10)
        return status
    finally:
        process.kill()


def end_of_kernel(folder: Path, *, hits: bool) -> None:
    """Shut a kernel down in which the app runs; it has ended when this returns."""
    with kernel(folder) as notebook:
        script = SCRIPT.replace("report = app.stop()\nprint(report)\n", "")
        notebook.run(f"HITS = {hits}\n{script}")


@pytest.mark.parametrize(("obstacle", "way"), list(cells()))
def test_every_stop_ends(workspace: Path, obstacle: str, way: str) -> None:
    """By its bound, with the status of an orderly end unless the loop is kept for good."""
    folder = workspace / "modules" / "standard" / "thing"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(text(obstacle))
    hits = "/hit" in OBSTACLES[obstacle][0]
    if way == "kernel":
        end_of_kernel(workspace, hits=hits)
    elif way == "stop":
        assert end_of_script(workspace, hits=hits) == 0
    else:
        expected = LEAVES_STATUS.get(obstacle, 0)
        said = workspace / "out"
        assert end_of_serve(workspace, signal.Signals[way], hits=hits) == expected, said.read_text()
        if obstacle == "sync_route":
            assert (workspace / "answer").read_text() == "503 application/problem+json"
            assert "hit() of standard.thing (api.py, line" in said.read_text()
        if obstacle == "takes_over":
            log = (workspace / "data" / "logs" / "app.log").read_text()
            assert "replaced the handler of SIGTERM" in log
        if obstacle == "async_blocks":
            assert "hit() of standard.thing (api.py, line" in said.read_text()
