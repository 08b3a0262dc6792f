"""`create_app` under other ASGI servers, and several ways to start in one process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import modframe
from modframe.errors import ServeError, StartConflictError
from modframe.hosted import HostedApp
from modframe.process import current_app
from tests.fakes import ORDERS

ROOT = str(Path(__file__).parents[1])


@pytest.fixture
def orders(workspace: Path) -> Path:
    """A workspace with one module."""
    folder = workspace / "modules" / "standard" / "orders"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(ORDERS)
    return workspace


def client_of(app: HostedApp) -> httpx.AsyncClient:
    """Return a client that asks the application itself and knows no lifespan."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


async def total(client: httpx.AsyncClient) -> object:
    return (await client.get("/api/v1/orders/total")).json()


async def test_without_a_lifespan_it_starts_with_the_first_request(orders: Path) -> None:
    """A client that knows no lifespan gets an answer, on the loop that it asks from."""
    app = modframe.create_app(orders, data=":memory:")
    assert repr(app) == "<modframe, as an ASGI application: not started>"
    async with client_of(app) as client:
        answers = await asyncio.gather(total(client), total(client))
        assert answers == [{"total": 42}, {"total": 42}]
        assert current_app() is not None
        with pytest.raises(StartConflictError, match="modframe runs in this process already"):
            await asyncio.to_thread(modframe.start, data="elsewhere")
        assert (await client.get("/", headers={"Host": "example.org"})).status_code == 403
    await app.aclose()
    assert current_app() is None


def test_requests_start_the_app_once_on_each_loop(orders: Path) -> None:
    """The end of a loop stops the app, and a request on another loop starts it again."""
    app = modframe.create_app(orders, data=":memory:")

    async def totals() -> list[object]:
        async with client_of(app) as client:
            return await asyncio.gather(*(total(client) for _ in range(5)))

    for _ in range(2):
        assert asyncio.run(totals()) == [{"total": 42}] * 5
        assert current_app() is None


async def test_a_lifespan_starts_and_stops_it(orders: Path) -> None:
    """The protocol's messages lead from nothing to all loaded, and back."""
    app = modframe.create_app(orders, data=":memory:")
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    sent: list[str] = []
    started = asyncio.Event()

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])
        started.set()

    await inbox.put({"type": "lifespan.startup"})
    lifespan = asyncio.ensure_future(app({"type": "lifespan"}, inbox.get, send))
    await started.wait()
    async with client_of(app) as client:
        assert await total(client) == {"total": 42}
    await inbox.put({"type": "lifespan.shutdown"})
    await lifespan
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert current_app() is None


async def test_a_strict_start_that_fails_fails_the_lifespan(orders: Path) -> None:
    """Under strict, a module that doesn't load keeps the server from starting, and says why."""
    (orders / "modules" / "standard" / "orders" / "api.py").write_text("x = (")
    app = modframe.create_app(orders, data=":memory:", strict=True)
    sent: list[dict[str, str]] = []

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, str]) -> None:
        sent.append(message)

    await app({"type": "lifespan"}, receive, send)
    (message,) = sent
    assert message["type"] == "lifespan.startup.failed"
    assert "'(' was never closed" in message["message"]
    assert current_app() is None


async def test_a_token_in_the_environment_is_needed(
    orders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With MODFRAME_TOKEN every request brings it, whatever is in front of the server."""
    monkeypatch.setenv("MODFRAME_TOKEN", "a-token-that-is-long")
    app = modframe.create_app(orders, data=":memory:")
    async with client_of(app) as client:
        path = "/api/v1/orders/total"
        assert (await client.get(path)).status_code == 401
        bearer = {"Authorization": "Bearer a-token-that-is-long"}
        assert (await client.get(path, headers=bearer)).status_code == 200
    await app.aclose()


async def test_a_token_that_can_be_guessed_is_refused(
    orders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is served."""
    monkeypatch.setenv("MODFRAME_TOKEN", "a-token")
    app = modframe.create_app(orders, data=":memory:")
    async with client_of(app) as client:
        with pytest.raises(ServeError, match="the token has 7 characters, and can be guessed"):
            await client.get("/api/v1/orders/total")
    await app.aclose()


async def test_without_a_token_other_machines_get_what_is_public(
    orders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules that say so, probes and nothing else; this machine gets all routes."""
    monkeypatch.setenv("MODFRAME_ALLOWED_HOSTS", "10.0.0.5")
    monkeypatch.setenv("MODFRAME_PUBLIC", "open")
    for name in ("open", "said"):
        folder = orders / "modules" / "standard" / name
        folder.mkdir(parents=True)
        text = (orders / "modules/standard/orders/api.py").read_text()
        (folder / "api.py").write_text(text.replace("@module", "@module(public=True)"))
    (orders / "modules/standard/open/api.py").write_text(text)
    app = modframe.create_app(orders, data=":memory:")
    paths = [f"/api/v1/{name}/total" for name in ("orders", "open", "said")]
    paths += ["/health", "/docs", "/modframe/", "/api/v1/core/framework/modules"]
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.5") as far:
        answers = [await far.get(path) for path in paths]
    async with client_of(app) as near:
        here = [(await near.get(path)).status_code for path in paths]
    await app.aclose()
    assert [one.status_code for one in answers] == [403, 200, 200, 200, 403, 403, 403]
    assert "MODFRAME_TOKEN" in answers[0].json()["detail"]
    assert here == [200, 200, 200, 200, 200, 401, 401]


def test_under_uvicorns_own_command(orders: Path) -> None:
    """``uvicorn app:app`` serves it and stops it in order."""
    (orders / "app.py").write_text("import modframe\n\napp = modframe.create_app()\n")
    with subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app:app", "--port", "0"],
        cwd=orders,
        env={**os.environ, "PYTHONPATH": ROOT, "MODFRAME_DATA": ":memory:"},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        lines = []
        for line in server.stderr:
            lines.append(line)
            if "running on http://" in line:
                break
        url = lines[-1].partition("http://")[2].split()[0]
        answer = httpx.get(f"http://{url}/api/v1/orders/total", timeout=30)
        assert answer.json() == {"total": 42}
        server.send_signal(signal.SIGTERM)
        rest = server.stderr.read()
    assert "Application shutdown complete" in rest, rest
    assert "Traceback" not in rest
