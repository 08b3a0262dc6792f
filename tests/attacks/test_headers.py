"""Headers: line breaks that would begin another one in an answer, and redirects off this site."""

from __future__ import annotations

import re

import pytest

from tests.attacks.conftest import Site
from tests.attacks.wire import Answer, Header, bearer, exchange, request

BREAKS = [
    "%0d%0aX-Evil:%201",
    "%0aX-Evil:%201",
    "%0dX-Evil:%201",
    "%0d%0a%0d%0a<script>alert(1)</script>",
    "%e5%98%8a%e5%98%8dX-Evil:%201",
    "%c4%8d%c4%8aX-Evil:%201",
    "%u000dX-Evil:%201",
    "%250d%250aX-Evil:%201",
    "%00%0d%0aX-Evil:%201",
    "%0b%0cX-Evil:%201",
    "%c2%85X-Evil:%201",
    "%e2%80%a8X-Evil:%201",
    "%1b[31mX-Evil:%201",
]
PLACES = [
    "/modframe?{}",
    "/modframe?x={}",
    "/?{}",
    "/{}",
    "/modframe{}",
    "/modframe/?once={}",
    "/modframe/?once=x&next={}",
    "/modframe/{}?once=x",
    "/api/v1/shop/slash?{}",
    "/api/v1/shop/away?to={}",
    "/api/v1/shop/header?value={}",
    "/api/v1/fails/{}",
    "/assets/deep?{}",
    "/assets/{}",
]


def names(answer: Answer) -> set[str]:
    return {name for name, _ in answer.headers}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "text", [*BREAKS[:4], *(pytest.param(one, marks=pytest.mark.soak) for one in BREAKS[4:])]
)
def test_no_break_gets_into_an_answer(site: Site, place: str, text: str) -> None:
    """Wherever what was sent comes back in a header."""
    answer = exchange(site.port, request("GET", place.format(text)))
    assert "x-evil" not in names(answer)
    assert answer.answers <= 1
    head = answer.head
    assert not re.search(r"[^\r]\n|\r[^\n]|\x00", head)


RAW = [b"\n", b"\r", b"\x00", b"\x0b", b"\x7f", b"\x1b", b"\x80", b"\xff", b"\xe2\x80\xa8", b"\x85"]


@pytest.mark.parametrize("byte", RAW)
@pytest.mark.parametrize("target", [b"/modframe?a%bX-Evil: 1", b"/%bX-Evil:1"])
def test_no_raw_byte_does(site: Site, target: bytes, byte: bytes) -> None:
    """Of a path or a query that nobody encoded."""
    answer = exchange(site.port, request("GET", target % byte))
    assert "x-evil" not in names(answer)
    assert answer.answers <= 2


IDS = [
    "a\tb",
    "a b",
    "a;b",
    "a\x1b[31m",
    "a\x85b",
    "\xff",
    "<script>",
    "a" * 65,
    "../../x",
    "a%0d%0ab",
    "",
    "a,b",
    '{"a":1}',
    "%s%s%n",
    "{0}",
    "${jndi:ldap://evil.example}",
]


@pytest.mark.parametrize("sent", IDS)
def test_an_id_that_is_none_is_replaced(site: Site, sent: str) -> None:
    """Only letters, digits, points and dashes come back, 64 of them at most."""
    answer = exchange(site.port, request("GET", "/nothing", ("X-Correlation-ID", sent)))
    assert answer.status in {400, 404}
    if answer.status == 404:
        assert re.fullmatch(r"[0-9a-f]{16}", answer.header("x-correlation-id"))
        if sent:
            assert sent not in answer.body.decode()


AWAY = [
    "//evil.example",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%5cevil.example",
    "/%2fevil.example",
    "/%2f%2fevil.example/..",
    "//evil.example/modframe",
    "//evil.example/%2e%2e",
    "//evil.example/api/v1/shop/slash",
    "//api/v1/shop/slash",
    "/modframe//evil.example",
    "/modframe/..//evil.example",
    "/assets//evil.example/..",
    "/assets//evil.example/%2e%2e",
    "/assets/deep/..//evil.example/..",
    "/assets//deep",
    "/assets/\\evil.example/..",
    "/api/v1/shop//evil.example/",
    "/api/v1/shop/slash?next=//evil.example",
    "/modframe?next=//evil.example",
    "/modframe?//evil.example",
    "/?//evil.example",
    "/.evil.example",
    "/@evil.example",
    "/http://evil.example",
    "/javascript:alert(1)",
]
FORWARDED: list[Header] = [
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Server", "evil.example"),
    ("X-Forwarded-Proto", "javascript"),
    ("X-Forwarded-Prefix", "//evil.example"),
    ("X-Forwarded-Prefix", "/\\evil.example"),
    ("X-Forwarded-Prefix", "/https://evil.example"),
    ("X-Forwarded-Port", "81"),
    ("Forwarded", "host=evil.example;proto=https"),
    ("X-Host", "evil.example"),
    ("X-Original-Host", "evil.example"),
    ("Referer", "http://evil.example/"),
]


def stays_here(location: str) -> bool:
    """Return whether a browser that gets a Location stays on this site."""
    if re.match(r"https?://(localhost|127\.0\.0\.1)(:\d+)?(/|$)", location):
        return True
    return not re.match(r"[/\\]{2}|[a-zA-Z][a-zA-Z0-9+.-]*:|[/\\]*[/\\][/\\]", location)


@pytest.mark.parametrize("target", AWAY)
@pytest.mark.parametrize("once", ["", "once=x"])
def test_no_redirect_leaves_the_site(site: Site, target: str, once: str) -> None:
    """Whatever a path looks like."""
    asked = f"{target}{'&' if '?' in target else '?'}{once}" if once else target
    for port, *headers in ((site.port,), (site.far, bearer(site.token(site.far)))):
        answer = exchange(port, request("GET", asked.encode("latin-1"), *headers))
        assert answer.status in {200, 303, 307, 400, 401, 404, 405, 422}
        assert stays_here(answer.header("location"))


@pytest.mark.parametrize("header", FORWARDED)
@pytest.mark.parametrize("path", ["/modframe", "/", "/api/v1/shop/slash", "/assets/deep"])
def test_no_header_takes_a_redirect_off_the_site(site: Site, path: str, header: Header) -> None:
    """Of a client whom nobody trusts; nor do links of the router."""
    answer = exchange(site.port, request("GET", path, header))
    assert stays_here(answer.header("location"))
    assert (
        b"evil.example" not in exchange(site.port, request("GET", "/api/v1/shop/who", header)).body
    )


@pytest.mark.parametrize(
    "path",
    ["/", "/health", "/nothing", "/api/v1/shop/items/1", "/assets/app.js", "/docs", "/modframe/"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "FOO"])
def test_every_answer_has_the_headers_that_make_it_safe(site: Site, path: str, method: str) -> None:
    """Browsers guess no type and put no page into a frame of another site; errors have them too."""
    answer = exchange(site.port, request(method, path))
    assert answer.header("x-content-type-options") == "nosniff"
    assert "frame-ancestors 'self'" in answer.header("content-security-policy")
