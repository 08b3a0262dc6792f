"""Hosts: a stranger's name that leads to this machine (DNS rebinding), and odd forms of a `Host`.

Whatever does not mean this machine gets 403, or 400 from the HTTP parser, for HTTP and websockets.
"""

from __future__ import annotations

import pytest

from tests.attacks.conftest import Site
from tests.attacks.wire import ask_head, bearer, exchange, handshake, request

FOREIGN = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "localhost.evil.example.",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "127.0.0.1%.evil.example",
    "127.0.0.1@evil.example",
    "evil.example:80@localhost",
    "localhost@evil.example",
    "evil.example#localhost",
    "evil.example?.localhost",
    "evil.example/.localhost",
    "evil.example\\.localhost",
    "evil.example;.localhost",
    "evil.example,localhost",
    "localhost,evil.example",
    "localhost evil.example",
    "evil.example .localhost",
    "evil.example:.localhost",
    "localhost:evil",
    "localhost:80:80",
    "localhost:999999",
    "localhost:-1",
    "localhost:8000/..",
    "http://localhost",
    "//localhost",
    "[localhost]",
    "[127.0.0.1]",
    "[::1",
    "::1]",
    "::1",
    "[::1]evil.example",
    "[::1].evil.example",
    "[::1%25lo]",
    "[::1%lo]",
    "[::ffff:8.8.8.8]",
    "[::]",
    "[fe80::1]",
    "0",
    "0.0.0.0",
    "127.1",
    "127.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "127.0.0.256",
    "127.0.0.1.",
    "10.0.0.1",
    "169.254.169.254",
    "metadata.google.internal",
    "localhosts",
    "notlocalhost",
    "local.host",
    "l\u03bfcalhost".encode().decode("latin-1"),
    "localhost\u00ad",
    "localhost\x0b",
    "\u24dbocalhost".encode().decode("latin-1"),
    "xn--localhost-.example",
    "%6c%6f%63alhost",
    ".localhost.evil.example",
    "-localhost",
    "*",
    "*.localhost.evil.example",
    "",
    "null",
    "undefined",
]
ALSO_THIS_MACHINE = {"127.0.0.1."}


@pytest.mark.parametrize("host", [host for host in FOREIGN if host not in ALSO_THIS_MACHINE])
def test_no_other_host_is_answered(site: Site, host: str) -> None:
    """Neither with the token, nor a path that is open to all, nor a websocket."""
    for data in (
        request("GET", "/health/live", bearer(site.kept), host=host),
        request("GET", "/modframe/", bearer(site.kept), host=host),
    ):
        answer = exchange(site.port, data)
        assert answer.status in {400, 403}
        assert b'"status":"live"' not in answer.body
    assert ask_head(site.port, handshake("/api/v1/shop/talk", host=host)).status in {400, 403}


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health/live HTTP/1.1\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n",
        b"GET http://evil.example/health/live HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: evil.example\r\nForwarded: host=localhost\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: evil.example\r\nX-Host: localhost\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nX: 1\r\n Host: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost:\x00localhost\r\n\r\n",
        b"GET /health/live HTTP/1.0\r\nHost: evil.example\r\n\r\n",
    ],
)
def test_one_host_that_no_other_header_replaces(site: Site, head: bytes) -> None:
    """None, two, folded ones and those that only a proxy says."""
    answer = exchange(site.port, head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert answer.status in {400, 403}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "app.localhost", "[::1]:80", "127.1.2.3"]
)
def test_this_machine_is_answered(site: Site, host: str) -> None:
    """By all its own names."""
    assert exchange(site.port, request("GET", "/health/live", host=host)).status == 200
