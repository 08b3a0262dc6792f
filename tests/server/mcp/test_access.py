"""Who gets at the tools: off unless asked, and with the token alone, also for reading."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import ArgumentError, ServeError
from modframe.server import Server

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
CLIENT = httpx.Client(timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
"""Made once: each client reads all certificates of the system."""
ACCEPT = {"Accept": "application/json, text/event-stream"}


def status(server: Server, method: str = "POST", path: str = "/mcp", **headers: str) -> int:
    """The status of a request."""
    body = HELLO if method == "POST" else None
    sent = {**ACCEPT, **headers}
    with CLIENT.stream(method, f"{server.url}{path}", json=body, headers=sent) as answer:
        return answer.status_code


def test_it_is_off_unless_asked_for(app: AppContext) -> None:
    """Without it there is nothing at the path; serving again without it takes it away."""
    server = app.serve(port=0)
    assert status(server, Authorization=f"Bearer {server.token}") == 404
    with pytest.raises(ServeError, match=r"serves at .* already"):
        app.serve(port=0, mcp=True)
    server.stop()
    server = app.serve(port=0, mcp=True)
    assert app.serve(port=0, mcp=True) is server
    assert status(server, Authorization=f"Bearer {server.token}") == 200
    server.stop()
    server = app.serve(port=0)
    assert status(server, Authorization=f"Bearer {server.token}") == 404
    with pytest.raises(ArgumentError, match="mcp is True or False"):
        app.serve(port=0, mcp="yes")  # type: ignore[arg-type]


def test_every_request_needs_the_token(app: AppContext) -> None:
    """On loopback as well, and to read the stream of notifications as well."""
    server = app.serve(port=0, mcp=True)
    for path in ("/mcp", "/mcp/"):
        for method in ("GET", "POST", "DELETE", "OPTIONS", "HEAD"):
            assert status(server, method, path) == 401
            assert status(server, method, path, Authorization="Bearer wrong") == 401
        assert status(server, path=path, Authorization=f"Bearer {server.token}") == 200
    assert status(server, path=f"/mcp?token={server.token}") == 200
    token = {"Authorization": f"Bearer {server.token}"}
    assert status(server, "GET", **token, **{"Mcp-Session-Id": "guessed"}) == 404
    assert status(server, Origin="http://evil.example", **token) == 403
    assert status(server, Host="evil.example", **token) == 403


def test_a_setting_asks_for_it(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``MODFRAME_MCP`` opens it for `serve` and for the ASGI application; `mcp=False` wins."""
    monkeypatch.setenv("MODFRAME_MCP", "1")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        server = app.serve(port=0)
        assert status(server, Authorization=f"Bearer {server.token}") == 200
        server.stop()
        server = app.serve(port=0, mcp=False)
        assert status(server, Authorization=f"Bearer {server.token}") == 404


def test_without_the_package_it_says_what_to_install(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens then, and serving without it works."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("mcp", "mcp_types")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith("modframe.server.mcp.")]:
        monkeypatch.delitem(sys.modules, name)
    real = builtins.__import__

    def without_mcp(name: str, *args: Any) -> Any:
        if name.partition(".")[0] in ("mcp", "mcp_types") and not (len(args) > 3 and args[3]):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_mcp)
    with pytest.raises(ServeError, match=r"pip install 'modframe\[mcp\]'"):
        app.serve(port=0, mcp=True)
    assert not app.serving
    app.serve(port=0)
