"""What a client may send that is no good: odd bodies, too many sessions, streams that nobody reads."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import httpx
import pytest

import modframe
from modframe.app import AppContext
from modframe.server import Server
from modframe.server.mcp.listeners import SESSIONS
from tests.fakes import simple
from tests.server.mcp.clients import connected, text_of
from tests.server.mcp.test_access import ACCEPT, HELLO

NUMBER = 'async def number(self) -> int:\n    """The number."""\n    return {}\n'
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
ODD: list[Any] = [
    "",
    "{",
    "null",
    "[]",
    "[[[[" * 5000,
    "1" * 5000,
    [HELLO, HELLO],
    {"jsonrpc": "1.0"},
    {"jsonrpc": "2.0", "id": {}, "method": "tools/list"},
    {"jsonrpc": "2.0", "id": 1, "method": "no/such"},
    {"jsonrpc": "2.0", "id": 1, "method": "initialize"},
    {"jsonrpc": "2.0", "id": 1, "result": {}},
    CALL,
    {**CALL, "params": {"name": 7}},
    {**CALL, "params": {"name": "one__number", "arguments": []}},
    {**CALL, "params": {"name": "../one", "arguments": {"": ""}}},
    {**CALL, "params": {"name": "\u202e\x1b[2J", "_meta": {"progressToken": {}}}},
]


def body_of(odd: Any) -> bytes:
    return (odd if isinstance(odd, str) else json.dumps(odd)).encode()


@pytest.mark.parametrize(
    "version",
    [
        "",
        "2026-07-28",
        *(pytest.param(one, marks=pytest.mark.soak) for one in ("2025-11-25", "2999-01-01")),
    ],
)
def test_odd_bodies_are_refused_and_leave_no_error(app: AppContext, version: str) -> None:
    """Whichever protocol they claim: with a status below 500, and nothing but answers comes back."""
    app.load({"api.py": simple(NUMBER.format(1))}, id="one")
    server = app.serve(port=0, mcp=True)
    headers = {
        "Authorization": f"Bearer {server.token}",
        "Content-Type": "application/json",
        **ACCEPT,
    }
    if version:
        headers["MCP-Protocol-Version"] = version
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as http:
        for odd in ODD:
            answer = http.post("/mcp", content=body_of(odd))
            assert answer.status_code < 500, odd
            assert "Traceback" not in answer.text
        assert http.post("/mcp", content=b"x" * 5_000_000).status_code == 413
        assert http.put("/mcp", content=b"{}").status_code in (400, 405)
        assert http.post(
            "/mcp", content=b"{}", headers={"Content-Type": "text/plain"}
        ).is_client_error
        session = {"Mcp-Session-Id": "../../etc/passwd"}
        for method in ("GET", "POST", "DELETE"):
            assert http.request(method, "/mcp", headers=session).is_client_error
    assert not [line for line in app.snapshot().log if line.level == "ERROR"]


@pytest.mark.soak
def test_sessions_are_bounded(app: AppContext) -> None:
    """One too many is refused until another one ends."""
    server = app.serve(port=0, mcp=True)
    headers = {"Authorization": f"Bearer {server.token}", **ACCEPT}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as http:
        sessions = [
            http.post("/mcp", json=HELLO).headers["mcp-session-id"] for _ in range(SESSIONS)
        ]
        assert len(set(sessions)) == SESSIONS
        assert http.post("/mcp", json=HELLO).status_code == 503
        assert http.delete("/mcp", headers={"Mcp-Session-Id": sessions[0]}).status_code == 200
        assert http.post("/mcp", json=HELLO).status_code == 200


async def test_streams_that_nobody_reads_delay_nobody(app: AppContext) -> None:
    """Swaps go on, other clients are answered, and the app stops."""
    app.load({"api.py": simple(NUMBER.format(0))}, id="one")
    server = app.serve(port=0, mcp=True)
    deaf = [open_and_read_nothing(server) for _ in range(5)]
    async with connected(server, "auto") as client:
        for number in range(1, 20):
            text = simple(NUMBER.format(number))
            await asyncio.to_thread(app.load, {"api.py": text}, id="one")
        assert text_of(await client.call_tool("one__number", {})) == "19"
    await asyncio.to_thread(app.stop)
    for one in deaf:
        one.close()


def open_and_read_nothing(server: Server) -> socket.socket:
    """Open a session and its stream, and read no byte of the stream."""
    headers = {"Authorization": f"Bearer {server.token}", **ACCEPT}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as http:
        http.headers["Mcp-Session-Id"] = http.post("/mcp", json=HELLO).headers["mcp-session-id"]
        http.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        sent = {**dict(http.headers), "Host": f"127.0.0.1:{server.port}"}
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    deaf.connect(("127.0.0.1", server.port))
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    deaf.sendall(f"GET /mcp HTTP/1.1\r\n{lines}\r\n".encode())
    return deaf


async def test_an_application_for_other_servers_has_it_with_its_token_alone(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`create_app()` answers assistants if the setting says so; without a token nobody gets in."""
    monkeypatch.setenv("MODFRAME_MCP", "1")
    for token, statuses in (("a-token-of-20-letters", (401, 200)), ("", (401, 401))):
        monkeypatch.setenv("MODFRAME_TOKEN", token)
        app = modframe.create_app(workspace, data=":memory:")
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            bearer = (
                {"Authorization": f"Bearer {token}"} if token else {"Authorization": "Bearer x"}
            )
            for headers, status in zip(({}, bearer), statuses, strict=True):
                answer = await http.post("/mcp", json=HELLO, headers={**ACCEPT, **headers})
                assert answer.status_code == status
        await app.aclose()
