"""``modframe serve`` on a Unix socket, behind a proxy, on uvloop."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.cli.conftest import Shell
from tests.fakes import ORDERS
from tests.waiting import wait_for

TOKEN = "a-token-of-20-letters"
LOOP = """
import asyncio
import time

from fastapi import APIRouter
from modframe.decorators import module

router = APIRouter()


@module
class Loop:
    def initialize(self):
        self.app_context.tasks.start(self.forever)

    async def forever(self):
        try:
            await asyncio.sleep(600)
        finally:
            (self.app_context.path / "cancelled").touch()


@router.get("/name")
async def name() -> str:
    return type(asyncio.get_running_loop()).__module__


@router.get("/block")
async def block() -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass


@router.get("/thread")
async def thread() -> str:
    return await asyncio.to_thread(lambda: "from a thread")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")
def test_on_a_unix_socket(shell: Shell) -> None:
    """It says where, trusts the proxy that connects there, and takes its file away at the end."""
    shell.write("standard.orders", ORDERS)
    with TemporaryDirectory(prefix="mf-") as folder:
        path = Path(folder, "app.sock")
        options = ["--uds", str(path), "--trusted-proxies", "unix", "--log-level", "warning"]
        server = shell.begin("serve", *options, "--token", TOKEN)
        assert server.url() == f"unix:{path}"
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=30) as client:
            url = "http://localhost/api/v1/orders/total"
            bearer = {"Authorization": f"Bearer {TOKEN}"}
            assert client.get(url).status_code == 401
            assert client.get(url, headers=bearer).json() == {"total": 42}
            assert client.get("http://localhost/health/live").status_code == 200
        other = shell.run("serve", "--uds", str(path))
        assert other.returncode == 1
        assert "a process listens there already" in other.stderr
        assert server.end(signal.SIGTERM) == 0
        assert not path.exists()


def test_on_uvloop(shell: Shell) -> None:
    """Swaps, the end of tasks, a route that blocks, threads and the end work as on asyncio."""
    pytest.importorskip("uvloop", reason="uvloop is in the extra fast")
    file = shell.write("standard.loop", LOOP)
    server = shell.begin("serve", "--port", "0", "--watch", MODFRAME_STALL_TIMEOUT="1")
    base = f"{server.url()}/api/v1/loop"
    assert httpx.get(f"{base}/name", timeout=30).json() == "uvloop"
    assert httpx.get(f"{base}/thread", timeout=30).json() == "from a thread"
    assert httpx.get(f"{base}/block", timeout=30).status_code >= 500
    file.write_text(LOOP.replace('"from a thread"', '"from another"'))
    wait_for(lambda: httpx.get(f"{base}/thread", timeout=30).json() == "from another")
    wait_for((file.parent / "cancelled").exists)
    assert server.end(signal.SIGTERM) == 0
    assert server.lines[-1] == "stopped"
