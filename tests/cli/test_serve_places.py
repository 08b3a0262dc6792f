"""``modframe serve`` on a Unix socket, behind a proxy, on uvloop."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from modframe.cli.commands import run
from modframe.cli.serve import Serving
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
        secret = shell.folder / "secret"
        secret.write_text(f"{TOKEN}\n")
        secret.chmod(0o600)
        server = shell.begin("serve", *options, "--token-file", str(secret))
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


def test_a_token_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It is warned of, comes before the environment's, and not beside a file."""
    served: list[Serving] = []
    monkeypatch.setattr("modframe.cli.serve.serve", lambda serving: served.append(serving) or 0)
    monkeypatch.setenv("MODFRAME_TOKEN", "the-token-of-the-environment")
    file = tmp_path / "secret"
    file.write_text("the-token-of-the-file\n")
    file.chmod(0o600)
    assert run(["serve"]) == run(["serve", "--token-file", str(file)]) == 0
    assert "ps" not in capsys.readouterr().out
    assert run(["serve", "--token", TOKEN]) == 0
    assert "seen by every user of this machine" in capsys.readouterr().out
    assert run(["serve", "--token", TOKEN, "--token-file", str(file)]) == 2
    assert "not both" in capsys.readouterr().err
    monkeypatch.setenv("MODFRAME_TOKEN_FILE", str(file))
    assert run(["serve"]) == 0
    monkeypatch.delenv("MODFRAME_TOKEN")
    assert run(["serve"]) == 0
    given = ["the-token-of-the-environment", "the-token-of-the-file", TOKEN]
    assert [one.token for one in served] == [*given, given[0], given[1]]
