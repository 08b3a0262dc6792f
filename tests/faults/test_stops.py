"""What keeps a stop from its end: a client that never reads, a step that raises, no threads."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

import modframe
from modframe.app import AppContext
from tests import inside
from tests.fakes import simple
from tests.faults.processes import run_script

SENDS_WITHOUT_END = """
from fastapi import APIRouter, WebSocket
router = APIRouter()
import tests_begun

@router.websocket("/ws")
async def ws(socket: WebSocket):
    await socket.accept()
    while True:
        await socket.send_bytes(b"x" * 65536)
        tests_begun.set()
"""


def open_websocket(port: int, path: str) -> socket.socket:
    """Return a connection that has asked for a websocket, and reads nothing."""
    client = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(bytes(16)).decode()
    client.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    return client


def test_a_client_that_never_reads_holds_up_nothing(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is dropped at the deadline, and its generation ends."""
    begun = threading.Event()
    monkeypatch.setitem(sys.modules, "tests_begun", begun)
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "0.2")
    with modframe.start(workspace=workspace, data=":memory:", modules=[]) as app:
        text = simple("def get(self): return 1", head=SENDS_WITHOUT_END)
        app.load({"api.py": text}, id="thing")
        with open_websocket(app.serve(port=0).port, "/api/v1/thing/ws"):
            assert begun.wait(30)
            app.load({"api.py": text.replace("return 1", "return 2")}, id="thing")
            inside.settle(app)
            view = app.snapshot().module("standard.thing")
            assert view is not None
            assert (view.retired, view.unsettled) == ((), ())


def test_a_step_of_the_stop_that_raises_keeps_no_other_from_running(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report names it, and the modules are stopped all the same."""

    async def raises() -> None:
        raise OSError("no watch")

    monkeypatch.setattr(app._engine.watching, "end", raises)
    app.load({"api.py": simple("def get(self): return 1")}, id="thing")
    report = app.stop()
    assert report.unsettled == ("the watch did not stop: OSError: no watch",)
    assert "standard.thing" in {outcome.module_id for outcome in report.modules}


def test_an_app_stops_without_a_thread_to_be_had(workspace: Path) -> None:
    """Plain stop methods then run on the app loop."""
    (workspace / "modules/standard/thing").mkdir(parents=True)
    text = simple("def cleanup_resources(self):\n    open('ended', 'w').close()")
    (workspace / "modules/standard/thing/api.py").write_text(text)
    script = """
    import threading
    import modframe
    app = modframe.start(modules=["thing"])
    app.modules["thing"].state
    app._app_loop.threads.close()
    def refuse(*args, **kw):
        raise RuntimeError("can't start new thread")
    threading._start_new_thread = threading._start_joinable_thread = refuse
    print(app.stop(), app.modules["thing"].state)
    """
    done = run_script(script, workspace)
    assert done.returncode == 0, done.stderr
    assert "STOPPED" in done.stdout
    assert (workspace / "ended").exists()


KEEPS_AN_EXECUTOR = """
import asyncio, time
import modframe
app = modframe.start(modules=[], data=":memory:")
app.load({"api.py": '''
import asyncio, time
from modframe.decorators import module

@module
class Thing:
    async def work(self):
        await asyncio.to_thread(time.sleep, 300)
'''}, id="thing")
app.get_service("thing").work()
print(app.stop())
"""


def test_a_thread_that_sleeps_does_not_hold_up_the_end_of_a_script(workspace: Path) -> None:
    """The interpreter does not wait for it."""
    environment = {**os.environ, "MODFRAME_DRAIN_TIMEOUT": "0.2"}
    try:
        done = run_script(KEEPS_AN_EXECUTOR, workspace, env=environment)
    except subprocess.TimeoutExpired:
        pytest.fail("the script waits for the thread")
    assert done.returncode == 0, done.stderr


FREEZES = """
import re
from fastapi import APIRouter
router = APIRouter()

@router.get("/hit")
async def hit():
    re.match("(a+)+$", "a" * 60 + "b")
"""


def test_code_that_holds_the_interpreter_is_named_and_ends_serve(workspace: Path) -> None:
    """No thread of Python's runs then; the line is on standard error, and the status is 1."""
    folder = workspace / "modules" / "standard" / "thing"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(simple("def get(self): return 1", head=FREEZES))
    environment = {**os.environ, "MODFRAME_FREEZE_TIMEOUT": "3", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "modframe", "serve", "--port", "0"],
        cwd=workspace, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        said = next(line for line in process.stdout or () if line.startswith("serving at"))
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{said.split()[2]}/api/v1/thing/hit", timeout=60)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert re.search(r'api\.py", line \d+ in hit', errors), errors


HURRIED = """
import asyncio
import os
import signal
from modframe.decorators import module

@module
class Thing:
    async def cleanup_resources(self):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(600)
"""


def test_a_stop_that_is_hurried_does_not_say_that_the_time_was_over(workspace: Path) -> None:
    """An interrupt ends the wait for a method that has 30 seconds."""
    folder = workspace / "modules" / "standard" / "thing"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(HURRIED)
    script = """
    import contextlib
    import modframe
    app = modframe.start()
    with contextlib.suppress(KeyboardInterrupt):
        app.stop()
    """
    run_script(script, workspace)
    log = (workspace / "data" / "logs" / "app.log").read_text()
    assert "cleanup_resources() still ran when the stop was hurried, and was cancelled" in log
    assert "took longer" not in log
