"""Origins: pages that a browser on this machine shows ask for what changes something.

Only pages of the server's own origin and of those that are listed may; a browser is told so too.
"""

from __future__ import annotations

import pytest

from tests.attacks.conftest import FRONT, Site
from tests.attacks.wire import Header, ask_head, bearer, exchange, handshake, request

FOREIGN = [
    "http://evil.example",
    "https://evil.example",
    "https://localhost",
    "http://localhost:1",
    "http://localhost:8888",
    "http://localhost:5173.evil.example",
    "http://localhost:51730",
    "http://localhost:5174",
    "https://localhost:5173",
    "http://127.0.0.1",
    "http://127.0.0.1:5173",
    "http://[::1]",
    "http://app.localhost",
    "http://localhost.evil.example",
    "http://localhost@evil.example",
    "http://evil.example#http://localhost",
    "http://localhost/",
    "http://localhost/path",
    "http://localhost?",
    "http://localhost:80",
    "http://localhost, http://evil.example",
    "http://evil.example http://localhost",
    "//localhost",
    "localhost",
    "file://",
    "file://localhost",
    "chrome-extension://abcdefghijklmnop",
    "vscode-webview://abc",
    "ws://localhost",
    "data:",
    "blob:http://localhost",
    "javascript:alert(1)",
    "null",
    "NULL",
    "*",
    "",
    "undefined",
    "http://",
    "http://localhost\t",
    "http://LOCALHOST",
    "HTTP://localhost",
    "http://localhost.",
    "http://xn--localhost",
    "http://localhost%00.evil.example",
    "http://loc\xe4lhost",
]
SAME = {"http://localhost\t"}  # white space around a value is none of it
CONTENT: list[Header] = [
    ("Content-Type", "application/json"),
    ("Content-Type", "text/plain"),
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("Content-Type", "multipart/form-data; boundary=x"),
]
METHODS = ["POST", "PUT", "PATCH", "DELETE", "QUERY", "TRACE", "FOO", "post", "get"]


@pytest.mark.parametrize("origin", [one for one in FOREIGN if one not in SAME])
def test_no_other_origin_changes_anything(site: Site, origin: str) -> None:
    """Whatever it sends, with the browser's own cookie or with the token; nor by a websocket."""
    for kind in CONTENT:
        data = request("POST", "/api/v1/shop/items", ("Origin", origin), kind, body=b'{"name":"a"}')
        assert exchange(site.port, data).status == 403
    told = request("POST", "/modframe/link", ("Origin", origin), bearer(site.kept))
    assert exchange(site.port, told).status == 403
    talk = handshake("/api/v1/shop/talk", ("Origin", origin))
    assert ask_head(site.port, talk).status == 403


@pytest.mark.parametrize("method", METHODS)
def test_no_method_gets_around_it(site: Site, method: str) -> None:
    """Also one that nobody knows; a lower case one is none of those that only read."""
    data = request(method, "/api/v1/shop/items", ("Origin", "http://evil.example"))
    assert exchange(site.port, data).status in {400, 403}


@pytest.mark.parametrize(
    "header",
    [
        ("X-HTTP-Method-Override", "POST"),
        ("X-HTTP-Method", "DELETE"),
        ("X-Method-Override", "PUT"),
        ("X-Original-URL", "/modframe/"),
        ("X-Rewrite-URL", "/modframe/"),
    ],
)
def test_a_header_makes_no_other_request_of_it(site: Site, header: Header) -> None:
    """A request that reads stays one, and its path stays its path."""
    answer = exchange(site.port, request("GET", "/api/v1/shop/items/7", header))
    assert (answer.status, answer.body) == (200, b'{"number":7}')


@pytest.mark.parametrize("where", ["cross-site", "same-site"])
@pytest.mark.parametrize("mode", ["navigate", "no-cors", "cors", "websocket"])
def test_a_browser_that_hides_the_origin_says_the_site(site: Site, where: str, mode: str) -> None:
    """Forms and images of other pages, where no Origin is sent."""
    headers: list[Header] = [("Sec-Fetch-Site", where), ("Sec-Fetch-Mode", mode)]
    assert exchange(site.port, request("POST", "/api/v1/shop/items", *headers)).status == 403
    assert ask_head(site.port, handshake("/api/v1/shop/talk", *headers)).status == 403


@pytest.mark.parametrize("origins", [("http://localhost", "http://evil.example"), ("null", FRONT)])
@pytest.mark.parametrize("turned", [False, True])
def test_two_origins_are_none(site: Site, origins: tuple[str, str], turned: bool) -> None:
    """A request has one."""
    pair = reversed(origins) if turned else origins
    data = request("POST", "/api/v1/shop/items", *[("Origin", one) for one in pair])
    assert exchange(site.port, data).status == 403


@pytest.mark.parametrize("origin", [*FOREIGN[:25], "null"])
def test_no_other_page_reads_an_answer(site: Site, origin: str) -> None:
    """No answer allows it, and no answer to the question that a browser asks before."""
    read = exchange(site.port, request("GET", "/api/v1/shop/items/7", ("Origin", origin)))
    asked = exchange(
        site.port,
        request(
            "OPTIONS",
            "/api/v1/shop/items",
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
        ),
    )
    for answer in (read, asked):
        assert not answer.header("access-control-allow-origin")
        assert "origin" in answer.header("vary").lower()


def test_the_pages_that_may_do(site: Site) -> None:
    """Those of the server itself, those that are listed, and what is no page."""
    for headers in ([("Origin", "http://localhost")], [("Origin", FRONT)], []):
        data = request("POST", "/api/v1/shop/items", *headers, CONTENT[0], body=b'{"name":"a"}')
        assert exchange(site.port, data).status == 200
        talk = handshake("/api/v1/shop/talk", *headers)
        assert ask_head(site.port, talk).status == 101


@pytest.mark.parametrize("path", ["/modframe/", "/modframe/link", "/health", "/metrics", "/docs"])
def test_a_question_of_a_browser_opens_no_page_of_the_system(site: Site, path: str) -> None:
    """It is answered before the guard, and says nothing but what may be asked."""
    answer = exchange(
        site.port,
        request("OPTIONS", path, ("Origin", FRONT), ("Access-Control-Request-Method", "POST")),
    )
    assert (answer.status, answer.body) == (200, b"OK")
