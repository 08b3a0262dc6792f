"""Connections that say nothing, or say it slowly, and leave half way; `tests/server/limits` counts.

Whatever sixty of them do, a request that is whole is answered.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.attacks.conftest import Site
from tests.attacks.wire import PATIENCE, exchange, handshake, request

POST = b"POST /api/v1/shop/echo HTTP/1.1\r\nHost: localhost\r\n"
SAYINGS = {
    "nothing": b"",
    "a line break": b"\r\n",
    "one letter": b"G",
    "half a line": b"GET /health",
    "half a head": b"GET /health/live HTTP/1.1\r\nHost: loc",
    "a head without an end": POST + b"X: 1\r\n",
    "half a body": POST + b"Content-Length: 100\r\n\r\nx",
    "half a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nff\r\nx",
    "a chunk without an end": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    "a body that is waited for": POST + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
    "half an upload": POST.replace(b"echo", b"upload")
    + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 900\r\n\r\n--x\r\n",
    "half a websocket": handshake("/api/v1/shop/talk")[:-2],
    "a websocket": handshake("/api/v1/shop/talk"),
    "a frame without an end": handshake("/api/v1/shop/talk") + b"\x81\xfe\xff\xff",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00",
    "many requests": request("GET", "/docs").replace(b"close", b"keep-alive") * 20,
}


@contextmanager
def clients(port: int, say: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        made = []
        for _ in range(60):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            one.sendall(say)
            made.append(one)
        yield made


@pytest.mark.parametrize("say", [one for one in SAYINGS if one != "many requests"])
def test_a_whole_request_is_answered(site: Site, say: str) -> None:
    """While the others wait, and after they have gone without a word."""
    with clients(site.port, SAYINGS[say]):
        assert exchange(site.port, request("GET", "/health/live")).status == 200
    assert exchange(site.port, request("GET", "/health/live")).status == 200


def test_who_reads_no_answer_keeps_nobody_waiting(site: Site) -> None:
    """Twenty requests at once, and nobody takes what they get."""
    with clients(site.port, SAYINGS["many requests"]):
        assert exchange(site.port, request("GET", "/health/live")).status == 200
