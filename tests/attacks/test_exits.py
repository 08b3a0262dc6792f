"""Who sees what: every exit for strangers and holders, on this machine, from elsewhere, proxied.

Texts of errors, paths of this machine, log lines and settings are for holders of the token alone.
"""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from tests.attacks.conftest import Site
from tests.attacks.modules import PLAIN, PRIVATE, SECRET
from tests.attacks.wire import (
    PATIENCE,
    Answer,
    Header,
    ask_head,
    bearer,
    exchange,
    handshake,
    request,
)

OPEN = {
    "GET /",
    "GET /modframe",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /health/startup",
    "GET /assets/app.js",
    "GET /single/any",
    "GET /assets/missing",
    "GET /api/v1/open/ping",
    "GET /api/v1/open/missing",
    "GET /api/v1/stale/ping",
    "POST /api/v1/open/ping",
}
NEAR = {
    "GET /docs",
    "GET /docs/start.js",
    "GET /docs/swagger-ui.css",
    "GET /openapi.json",
    "GET /metrics",
    "GET /nothing",
    "GET /api/v1/shop/items/7",
    "GET /api/v1/shop/items/x",
    "POST /api/v1/shop/items",
    "PUT /api/v1/shop/items",
    "GET /api/v1/shop/broken",
    "GET /api/v1/shop/missing",
    "GET /api/v1/fails/ping",
    "GET /api/v1/fials/ping",
    "GET /api/v1/extensions/none",
    "GET /api/v1/core/missing/x",
    "GET /api/v1/core",
    "GET /favicon.ico",
    "GET /.well-known/security.txt",
}
SYSTEM = {
    "GET /modframe/",
    "GET /modframe/link",
    "POST /modframe/link",
    "GET /modframe/missing",
    "GET /modframe//",
    "GET /mcp",
    "POST /mcp",
    "DELETE /mcp",
    "GET /api/v1/core/framework/modules",
    "GET /api/v1/core/framework/services",
    "GET /api/v1/core/error_handler/errors",
    "GET /api/v1/core/error_handler/errors/groups",
    "GET /api/v1/core/settings/standard.shop",
    "GET /api/v1/core/settings/standard.shop/place",
    "GET /api/v1/core/settings/standard.shop/json-schema",
    "PUT /api/v1/core/settings/standard.shop/place",
    "DELETE /api/v1/core/settings/standard.shop/place",
    "DELETE /api/v1/core/settings/standard.shop",
}
HEADERS: dict[str, list[Header]] = {
    "browser": [("Accept", "text/html,*/*")],
    "wrong": [bearer("a-wrong-one-that-is-long-enough")],
    "proxied": [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "https")],
    "prefixed": [("X-Forwarded-Prefix", "/api/v1/open"), ("X-Forwarded-Host", "localhost")],
}
WORDS = (PRIVATE, SECRET, PLAIN, "Traceback (most", 'File "', "/data/", "site-packages")


def says_something_private(site: Site, answer: Answer) -> list[str]:
    """Return the private words in an answer."""
    return [word for word in (*WORDS, str(site.folder)) if word in answer.text]


@pytest.mark.parametrize("headers", list(HEADERS))
@pytest.mark.parametrize("what", sorted(OPEN | NEAR | SYSTEM))
def test_a_stranger_reads_nothing_private(site: Site, what: str, headers: str) -> None:
    """At no exit, from nowhere; what needs the token says so and nothing else."""
    method, path = what.split()
    for port in (site.port, site.far, site.proxied):
        answer = exchange(port, request(method, path, *HEADERS[headers]))
        assert not says_something_private(site, answer)
        assert not answer.header("x-modframe-stale")
        assert "hunter2" not in answer.text
        needs = what in SYSTEM or (what in NEAR and port != site.port)
        assert (answer.status == 401) is needs


@pytest.mark.parametrize("what", sorted(OPEN | NEAR | SYSTEM))
def test_no_exit_shows_a_secret_to_a_holder(site: Site, what: str) -> None:
    """Who holds the token sees all the rest."""
    method, path = what.split()
    for port in (site.port, site.far, site.proxied):
        answer = exchange(port, request(method, path, bearer(site.token(port))))
        assert answer.status not in {401, 403}
        assert SECRET not in answer.text
        assert site.kept not in answer.text


def test_a_holder_sees_what_strangers_do_not(site: Site) -> None:
    """So that the tests above would notice what they look for."""
    right = bearer(site.kept)
    for path in ("/modframe/", "/api/v1/core/framework/modules", "/api/v1/fails/ping"):
        assert PRIVATE in exchange(site.port, request("GET", path, right)).text
    stale = exchange(site.port, request("GET", "/api/v1/stale/ping", right))
    assert PRIVATE in stale.header("x-modframe-stale")
    settings = exchange(site.port, request("GET", "/api/v1/core/settings/standard.shop", right))
    assert json.loads(settings.body)["place"]["value"] == PLAIN
    exchange(site.port, request("GET", "/api/v1/shop/broken"))
    errors = exchange(site.port, request("GET", "/api/v1/core/error_handler/errors", right))
    assert PRIVATE in errors.text


@pytest.mark.parametrize("port", ["port", "far", "proxied"])
@pytest.mark.parametrize("path", ["/modframe/", "/modframe/ws", "/api/v1/core/framework/ws", "/x"])
def test_a_websocket_shows_no_more(site: Site, port: str, path: str) -> None:
    """Than that it is refused."""
    answer = ask_head(getattr(site, port), handshake(path))
    assert answer.status in {401, 403, 404}
    assert not says_something_private(site, answer)


def test_a_websocket_that_fails_says_only_where_the_reason_is(site: Site) -> None:
    """The close frame has the correlation id."""
    url = f"ws://localhost:{site.port}/api/v1/shop/fall"
    with connect(url) as talk, pytest.raises(ConnectionClosedError) as info:
        talk.recv(PATIENCE)
    assert info.value.rcvd is not None
    assert "the log has the reason under" in info.value.rcvd.reason
    assert PRIVATE not in info.value.rcvd.reason


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "PROPFIND", "DEBUG", "QUERY"])
@pytest.mark.parametrize("path", ["/modframe/", "/health", "/api/v1/core/framework/modules", "/"])
def test_odd_methods_show_no_more(site: Site, method: str, path: str) -> None:
    """No request comes back as it was sent."""
    sent = ("X-Sent", "word-that-was-sent")
    for port in (site.port, site.far):
        answer = exchange(port, request(method, path, sent))
        assert answer.status in {400, 401, 405, 404}
        assert "word-that-was-sent" not in answer.text
        assert not says_something_private(site, answer)
