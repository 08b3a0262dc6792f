"""The guard: which hosts, which origins, which tokens; over HTTP and websockets."""

from __future__ import annotations

from typing import Any

import pytest

from modframe.server.guard import Guard
from modframe.server.hosts import AllowedHosts

TOKEN = "s3cret-token"


def scope_of(kind: str = "http", method: str = "GET", path: str = "/x", **headers: str) -> Any:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": kind,
        "method": method,
        "path": path,
        "http_version": "1.1",
        "query_string": b"",
        "headers": raw,
    }


async def ask(guard: Guard, scope: Any) -> list[Any]:
    """Return the messages that the client gets; empty if the request passed."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("the guard reads no body")

    await guard(scope, receive, send)
    return sent


def guard_of(**options: Any) -> tuple[Guard, list[Any]]:
    passed: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope)

    return Guard(app, **options), passed


@pytest.mark.parametrize(
    ("host", "fine"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("app.localhost:8000", True),
        ("127.0.0.1:8000", True),
        ("127.9.9.9", True),
        ("[::1]:8000", True),
        ("[::ffff:127.0.0.1]", True),
        ("lab.example.com", True),
        ("a.ours.org:80", True),
        ("ours.org", False),
        ("evil.com", False),
        ("localhost.evil.com", False),
        ("127.0.0.1.evil.com", False),
        ("evil.com:80@localhost", False),
        ("localhost,evil.com", False),
        ("192.168.1.5", False),
        ("0.0.0.0", False),
        ("", False),
        ("[::1", False),
        ("localhost:80x", False),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_hosts(host: str, fine: bool, kind: str) -> None:
    """Only names that mean this machine, or are allowed, pass, also when asked twice."""
    guard, passed = guard_of(allowed_hosts=["lab.example.com", "*.ours.org"])
    for _ in range(2):
        sent = await ask(guard, scope_of(kind, host=host))
        assert (not sent) is fine
    assert len(passed) == (2 if fine else 0)


async def test_a_host_that_is_missing_or_double() -> None:
    """HTTP/1.1 needs exactly one Host; HTTP/1.0 has none."""
    guard, passed = guard_of()
    assert (await ask(guard, scope_of()))[0]["status"] == 403
    twice = scope_of(host="localhost")
    twice["headers"] *= 2
    assert (await ask(guard, twice))[0]["status"] == 403
    assert await ask(guard, {**scope_of(), "http_version": "1.0"}) == []
    assert len(passed) == 1


@pytest.mark.parametrize(
    ("kind", "method", "origin", "fine"),
    [
        ("http", "POST", None, True),
        ("http", "POST", "http://localhost:8888", True),
        ("http", "POST", "http://evil.com", False),
        ("http", "DELETE", "http://localhost.evil.com", False),
        ("http", "POST", "null", False),
        ("http", "POST", "nonsense", False),
        ("http", "GET", "http://evil.com", True),
        ("websocket", "", None, True),
        ("websocket", "", "http://127.0.0.1:9", True),
        ("websocket", "", "https://evil.com", False),
    ],
)
async def test_pages_of_other_sites_change_nothing(
    kind: str, method: str, origin: str | None, fine: bool
) -> None:
    """Requests from a page of another site that change something or open a websocket are refused."""
    guard, _ = guard_of()
    headers = {"host": "localhost"} | ({"origin": origin} if origin else {})
    sent = await ask(guard, scope_of(kind, method, **headers))
    assert (not sent) is fine
    if kind == "websocket" and not fine:
        assert sent == [{"type": "websocket.close", "code": 1008, "reason": sent[0]["reason"]}]


@pytest.mark.parametrize(
    ("authorization", "query", "fine"),
    [
        (f"Bearer {TOKEN}", "", True),
        (f"bearer  {TOKEN}", "", True),
        ("Bearer wrong", "", False),
        (f"Basic {TOKEN}", "", False),
        (None, "", False),
        (None, f"token={TOKEN}", True),
        (None, f"a=1&token={TOKEN}&b=%20", True),
        (None, "token=", False),
        (None, "token=wrong", False),
        ("Bearer wrong", f"token={TOKEN}", True),
        ("Bearer ümläut", "", False),
    ],
)
async def test_tokens(authorization: str | None, query: str, fine: bool) -> None:
    """The token is taken from a header or from the query, and removed from the query."""
    guard, passed = guard_of(token=TOKEN, token_required=True)
    scope = scope_of(
        host="localhost", **({"authorization": authorization} if authorization else {})
    )
    scope["query_string"] = query.encode()
    sent = await ask(guard, scope)
    if fine:
        assert TOKEN.encode() not in passed[0]["query_string"]
        assert passed[0]["query_string"] in {b"", b"a=1&b=%20"}
    else:
        assert sent[0]["status"] == 401
        assert (b"www-authenticate", b'Bearer realm="modframe"') in sent[0]["headers"]


async def test_probes_need_no_token_and_changes_may() -> None:
    """Liveness and readiness need no token; below `token_paths` only changes need it."""
    guard, _ = guard_of(token=TOKEN, token_required=True)
    assert await ask(guard, scope_of(path="/health/live", host="localhost")) == []
    assert await ask(guard, scope_of(path="/health/ready", host="localhost")) == []
    assert await ask(guard, scope_of(path="/health", host="localhost")) != []
    partly, _ = guard_of(token=TOKEN, token_paths=["/api/v1/core/"])
    core, own = "/api/v1/core/framework/modules", "/api/v1/orders/x"
    assert await ask(partly, scope_of(path=core, host="localhost")) == []
    assert (await ask(partly, scope_of(method="POST", path=core, host="localhost")))[0][
        "status"
    ] == 401
    assert await ask(partly, scope_of(method="POST", path=own, host="localhost")) == []


async def test_a_guard_without_a_token_lets_nobody_use_an_empty_one() -> None:
    """If a token is required and none is set, every request is refused."""
    guard, passed = guard_of(token_required=True)
    scope = scope_of(host="localhost", authorization="Bearer ")
    assert (await ask(guard, scope))[0]["status"] == 401
    assert not passed


async def test_a_servers_own_guard_leaves_the_first_alone() -> None:
    """`with_token` returns a guard of the same application and leaves the first one as it was."""
    guard, passed = guard_of(allowed_hosts=["lab"])
    other = guard.with_token(TOKEN, required=True)
    assert (await ask(other, scope_of(host="lab")))[0]["status"] == 401
    assert await ask(guard, scope_of(host="lab")) == []
    assert len(passed) == 1


def test_any_host_can_be_allowed() -> None:
    """`*` allows every host, for servers behind another guard."""
    assert "evil.com" in AllowedHosts(["*"])
