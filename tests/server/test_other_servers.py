"""`create_app` under granian and hypercorn: requests, a websocket, events, and the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.ports import free_port
from tests.waiting import wait_for

pytestmark = pytest.mark.soak

ROOT = str(Path(__file__).parents[2])
MODULE = """
import asyncio

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import StreamingResponse
from modframe.decorators import module

router = APIRouter()


@module
class Some:
    async def cleanup_resources(self):
        (self.app_context.path / "cleaned").touch()


@router.post("/size")
async def size(request: Request) -> int:
    return len(await request.body())


@router.websocket("/echo")
async def echo(web: WebSocket) -> None:
    await web.accept()
    async for text in web.iter_text():
        await web.send_text(text)


@router.get("/events")
async def events() -> StreamingResponse:
    async def parts():
        while True:
            yield "data: tick\\n\\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(parts(), media_type="text/event-stream")
"""
SERVERS = {
    "uvicorn": ["app:app", "--port", "{port}"],
    "granian": ["--interface", "asgi", "--port", "{port}", "app:app"],
    "hypercorn": ["--bind", "127.0.0.1:{port}", "app:app"],
}


@contextlib.contextmanager
def running(server: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    words = [word.format(port=port) for word in SERVERS[server]]
    own = {key: value for key, value in os.environ.items() if not key.startswith("MODFRAME_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", server, *words],
            cwd=folder,
            env={**own, "PYTHONPATH": ROOT},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(lambda: answers(port) or process.poll() is not None)
            yield process, port
        finally:
            process.kill()
            process.wait()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("server", SERVERS)
def test_it_serves_and_ends(workspace: Path, server: str) -> None:
    """At SIGTERM modules clean up, and no error is logged."""
    pytest.importorskip(server)
    module = workspace / "modules" / "standard" / "some"
    module.mkdir(parents=True)
    (module / "api.py").write_text(MODULE)
    (workspace / "app.py").write_text("import modframe\n\napp = modframe.create_app()\n")
    with running(server, workspace) as (process, port):
        base = f"127.0.0.1:{port}/api/v1/some"
        assert httpx.post(f"http://{base}/size", content=b"x" * 200_000).json() == 200_000
        assert httpx.post(f"http://{base}/size", content=bytes(17_000_000)).status_code == 413
        assert httpx.get(f"http://{base}/none").status_code == 404
        with (
            connect(f"ws://{base}/echo") as web,
            httpx.stream("GET", f"http://{base}/events", timeout=30) as stream,
        ):
            web.send("here")
            assert web.recv(10) == "here"
            lines = stream.iter_lines()
            assert next(lines) == "data: tick"
        process.send_signal(signal.SIGTERM)
        process.wait(40)
    log = (workspace / "log").read_text()
    assert (module / "cleaned").exists(), log
    assert "Traceback" not in log, log
