"""The guard: which hosts, which origins, which tokens; over HTTP and websockets."""

from __future__ import annotations

from typing import Any

import pytest

from modframe.server.guard import HOLDER_KEY, Guard, Need
from modframe.server.guard.hosts import AllowedHosts

TOKEN = "s3cret-token-of-24-chars"
FRONT = "http://localhost:5173"


def scope_of(kind: str = "http", method: str = "GET", path: str = "/x", **headers: str) -> Any:
    """A request that came to a loopback address."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": kind,
        "method": method,
        "path": path,
        "http_version": "1.1",
        "scheme": "http" if kind == "http" else "ws",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
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
        ("[localhost]", False),
        ("127.0.0.1%.evil.com", False),
        ("[::1%25lo]:80", False),
        ("localhost\t", False),
        ("localhost:", True),
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
        ("http", "POST", "http://localhost:8000", True),
        ("http", "POST", FRONT, True),
        ("http", "POST", "http://localhost:8888", False),
        ("http", "POST", "https://localhost:8000", False),
        ("http", "POST", "http://127.0.0.1:8000", False),
        ("http", "POST", "http://app.localhost:8000", False),
        ("http", "POST", "http://evil.com", False),
        ("http", "DELETE", "http://localhost.evil.com", False),
        ("http", "POST", "null", False),
        ("http", "POST", "nonsense", False),
        ("http", "GET", "http://evil.com", True),
        ("websocket", "", None, True),
        ("websocket", "", "http://localhost:8000", True),
        ("websocket", "", "http://127.0.0.1:9", False),
        ("websocket", "", "https://evil.com", False),
    ],
)
@pytest.mark.parametrize("hosts", [(), ("*",)])
async def test_pages_of_other_origins_change_nothing(
    kind: str, method: str, origin: str | None, fine: bool, hosts: tuple[str, ...]
) -> None:
    """Only a page of the server's own origin, or of a listed one; any Host opens no Origin."""
    guard, _ = guard_of(allowed_hosts=hosts, origins=lambda: [FRONT])
    headers = {"host": "localhost:8000"} | ({"origin": origin} if origin else {})
    sent = await ask(guard, scope_of(kind, method, **headers))
    assert (not sent) is fine
    if kind == "websocket" and not fine:
        assert sent == [{"type": "websocket.close", "code": 1008, "reason": sent[0]["reason"]}]


@pytest.mark.parametrize(
    ("site", "fine"),
    [("same-origin", True), ("none", True), ("same-site", False), ("cross-site", False)],
)
async def test_what_a_browser_says_of_the_site(site: str, fine: bool) -> None:
    """Where it sends no Origin, Sec-Fetch-Site decides."""
    guard, _ = guard_of()
    scope = scope_of(method="POST", host="localhost:8000", sec_fetch_site=site)
    assert (not await ask(guard, scope)) is fine


async def test_the_default_port_is_none() -> None:
    """Browsers leave it out, and proxies write it."""
    guard, _ = guard_of(allowed_hosts=["shop.example"])
    scope = scope_of(method="POST", host="shop.example:443", origin="https://shop.example")
    assert await ask(guard, {**scope, "scheme": "https"}) == []


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
    guard, passed = guard_of(token=TOKEN, exposed=True)
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


@pytest.mark.parametrize("exposed", [False, True, None])
async def test_what_a_path_needs(exposed: bool | None) -> None:
    """Open ones nothing, system pages the token, modules the token where others reach them."""
    needs = {
        "/open": Need.OPEN,
        "/module": Need.TOKEN_FROM_ELSEWHERE,
        "/system": Need.TOKEN,
    }
    guard, passed = guard_of(need=needs.__getitem__, token=TOKEN, exposed=exposed)
    for server in (("127.0.0.1", 8000), ("::1", 8000), ("/run/app.sock", None), ("10.0.0.5", 80)):
        far = exposed or (exposed is None and server[0] == "10.0.0.5")
        for path, fine in (("/open", True), ("/module", not far), ("/system", False)):
            for method in ("GET", "POST"):
                scope = {**scope_of(method=method, path=path, host="localhost"), "server": server}
                assert (await ask(guard, scope) == []) is fine
                scope["headers"].append((b"authorization", f"Bearer {TOKEN}".encode()))
                assert await ask(guard, scope) == []
                assert passed[-1][HOLDER_KEY] is True


async def test_from_elsewhere_only_a_token_that_was_given_counts() -> None:
    """The one that an app keeps for its own machine opens nothing there."""
    guard, _ = guard_of(need=lambda _: Need.TOKEN, token=TOKEN, given=False)
    scope = scope_of(host="localhost", authorization=f"Bearer {TOKEN}")
    assert await ask(guard, dict(scope)) == []
    refused = await ask(guard, {**scope, "server": ("10.0.0.5", 8000)})
    assert refused[0]["status"] == 403
    assert b"MODFRAME_TOKEN" in refused[1]["body"]
    assert (await ask(guard, {**scope, "server": None}))[0]["status"] == 403


async def test_this_process_holds_the_token_by_nature() -> None:
    """A key of the scope that no client can send."""
    guard, passed = guard_of(need=lambda _: Need.TOKEN, token=TOKEN)
    assert await ask(guard, {**scope_of(host="localhost"), HOLDER_KEY: True}) == []
    assert len(passed) == 1


async def test_a_guard_without_a_token_lets_nobody_use_an_empty_one() -> None:
    """If a token is required and none is set, every request is refused."""
    guard, passed = guard_of(exposed=True)
    scope = scope_of(host="localhost", authorization="Bearer ")
    assert (await ask(guard, scope))[0]["status"] == 401
    assert not passed


async def test_a_servers_own_guard_leaves_the_first_alone() -> None:
    """`with_token` returns a guard of the same application and leaves the first one as it was."""
    guard, passed = guard_of(allowed_hosts=["lab"])
    other = guard.with_token(TOKEN, exposed=True)
    assert (await ask(other, scope_of(host="lab")))[0]["status"] == 401
    assert await ask(guard, scope_of(host="lab")) == []
    assert len(passed) == 1


# -- one-time links -------------------------------------------------------------------------------


def header(sent: list[Any], name: bytes) -> str:
    return next((value.decode() for key, value in sent[0]["headers"] if key == name), "")


async def test_a_link_lets_one_browser_in_once() -> None:
    """It gets a cookie, which holds; the code is in no address afterwards."""
    guard, passed = guard_of(need=lambda _: Need.TOKEN, token=TOKEN)
    code = guard.sessions.new_code()
    scope = scope_of(path="/modframe/", host="localhost")
    scope["query_string"] = f"once={code}&tab=logs".encode()
    let_in = await ask(guard, dict(scope))
    assert (let_in[0]["status"], header(let_in, b"location")) == (303, "/modframe/?tab=logs")
    cookie = header(let_in, b"set-cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    came = scope_of(path="/modframe/", host="localhost", cookie=f"a=1; {cookie.split(';')[0]}; b=2")
    assert await ask(guard, dict(came)) == []
    again = await ask(guard, dict(scope))
    assert (again[0]["status"], header(again, b"set-cookie")) == (303, "")
    other = scope_of(path="/modframe/", host="localhost", cookie=cookie.split(";")[0] + "x")
    assert (await ask(guard, other))[0]["status"] == 401
    assert (await ask(guard.with_token(TOKEN), came))[0]["status"] == 401
    assert len(passed) == 1


@pytest.mark.parametrize("path", ["//evil.com/x", "/\\evil.com", "/a\r\nSet-Cookie: x=1"])
async def test_a_link_leads_nowhere_else(path: str) -> None:
    """Neither to another host, nor into another header."""
    guard, _ = guard_of(need=lambda _: Need.TOKEN, token=TOKEN)
    scope = scope_of(path=path, host="localhost")
    scope["query_string"] = b"once=wrong"
    sent = await ask(guard, scope)
    location = header(sent, b"location")
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert "\n" not in location


async def test_a_browser_without_a_token_reads_how_to_come_in() -> None:
    """A page instead of JSON, which tells nothing of the system."""
    guard, _ = guard_of(need=lambda _: Need.TOKEN, token=TOKEN)
    sent = await ask(guard, scope_of(host="localhost", accept="text/html,*/*"))
    assert sent[0]["status"] == 401
    assert header(sent, b"content-type").startswith("text/html")
    assert b"modframe link" in sent[1]["body"]


# -- what was refused -----------------------------------------------------------------------------


async def test_guessing_is_slowed_down() -> None:
    """An address that sent many wrong tokens waits; others, and this machine, don't."""
    guard, passed = guard_of(token=TOKEN, exposed=True)
    far = ("203.0.113.9", 4000)
    wrong = {**scope_of(host="localhost", authorization="Bearer wrong"), "client": far}
    statuses = [(await ask(guard, dict(wrong)))[0]["status"] for _ in range(22)]
    assert (statuses[0], statuses[-1]) == (401, 429)
    right = scope_of(host="localhost", authorization=f"Bearer {TOKEN}")
    waits = await ask(guard, {**right, "client": far})
    assert waits[0]["status"] == 429
    assert 0 < int(header(waits, b"retry-after")) <= 60
    assert await ask(guard, {**right, "client": ("203.0.113.10", 4000)}) == []
    for _ in range(30):
        await ask(guard, {**wrong, "client": ("127.0.0.1", 4000)})
    assert await ask(guard, right) == []
    assert len(passed) == 2


async def test_refusals_are_logged_at_a_bounded_rate(caplog: pytest.LogCaptureFixture) -> None:
    """The first ones of each kind, with what was sent."""
    guard, _ = guard_of(token=TOKEN, exposed=True)
    with caplog.at_level("WARNING"):
        for _ in range(50):
            await ask(guard, scope_of(host="evil.example"))
            await ask(
                guard, scope_of(method="POST", host="localhost", origin="http://evil.example")
            )
            await ask(guard, scope_of(host="localhost"))
    for words in (
        "its Host is 'evil.example'",
        "its Origin is 'http://evil",
        "its token is missing",
    ):
        assert 1 <= caplog.text.count(words) <= 5


async def test_an_encoded_slash_is_no_separator() -> None:
    """It stays encoded, so that no path means another one behind a proxy."""
    guard, passed = guard_of()
    scope = scope_of(path="/api/v1/a/b c", host="localhost")
    assert await ask(guard, {**scope, "raw_path": b"/api/v1/a%2Fb%20c"}) == []
    assert passed[0]["path"] == "/api/v1/a%2Fb c"
    assert await ask(guard, {**scope, "raw_path": b"/api/v1/a/b%20c"}) == []
    assert passed[1]["path"] == "/api/v1/a/b c"


def test_any_host_can_be_allowed() -> None:
    """`*` allows every host, for servers behind another guard."""
    assert "evil.com" in AllowedHosts(["*"])
