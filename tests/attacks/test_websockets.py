"""Websockets: frames that break the protocol, floods, large messages; origins and tokens elsewhere.

Each ends that connection alone, with the code that the protocol has for it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct

import pytest

from tests.attacks.conftest import Site
from tests.attacks.wire import (
    PATIENCE,
    UPGRADE,
    Header,
    ask_head,
    bearer,
    exchange,
    handshake,
    request,
)

TALK = "/api/v1/shop/talk"
MASK = b"\x01\x02\x03\x04"


def frame(opcode: int, body: bytes = b"", *, fin: int = 0x80, masked: int = 0x80) -> bytes:
    """Return a frame as a client sends it."""
    size = len(body)
    if size < 126:
        length = bytes([masked | size])
    elif size < 65536:
        length = bytes([masked | 126]) + struct.pack("!H", size)
    else:
        length = bytes([masked | 127]) + struct.pack("!Q", size)
    hidden = bytes(one ^ MASK[at % 4] for at, one in enumerate(body)) if masked else body
    return bytes([fin | opcode]) + length + (MASK if masked else b"") + hidden


def code_of(site: Site, *frames: bytes, headers: tuple[Header, ...] = ()) -> int:
    """Send frames; return the code that the server closes with, 0 if it only goes."""
    with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
        client.sendall(handshake(TALK, *headers))
        got = b""
        while b"\r\n\r\n" not in got:
            got += client.recv(65536)
        assert got.startswith(b"HTTP/1.1 101")
        got = got.partition(b"\r\n\r\n")[2]
        with contextlib.suppress(ConnectionError):
            for one in frames:
                client.sendall(one)
            while not (code := _close_in(got)) and (part := client.recv(65536)):
                got += part
            return code
        return 0


def _close_in(data: bytes) -> int:
    """Return the code in the first close frame among short ones."""
    while len(data) >= 2:
        size = data[1] & 0x7F
        if data[0] == 0x88:
            return int.from_bytes(data[2:4], "big") if size >= 2 else 1005
        data = data[2 + size :]
    return 0


LONG = b"\x81\xff" + struct.pack("!Q", 2**63 - 1) + MASK
FRAMES = {
    "no mask": ([frame(1, b"a", masked=0)], {1002}),
    "a reserved bit": ([frame(1 | 0x40, b"a")], {1002}),
    "two reserved bits": ([frame(1 | 0x30, b"a")], {1002}),
    "an unknown kind": ([frame(3, b"a")], {1002}),
    "an unknown control": ([frame(11, b"a")], {1002}),
    "a long ping": ([frame(9, b"a" * 126)], {1002}),
    "a ping in parts": ([frame(9, b"a", fin=0)], {1002}),
    "a close in parts": ([frame(8, b"\x03\xe8", fin=0)], {1002}),
    "the rest of nothing": ([frame(0, b"a")], {1002}),
    "a text within a text": ([frame(1, b"a", fin=0), frame(1, b"b")], {1002}),
    "no UTF-8": ([frame(1, b"\xff\xfe")], {1007}),
    "half a surrogate": ([frame(1, b"\xed\xa0\x80")], {1007}),
    "no UTF-8 in parts": ([frame(1, b"\xe2\x82", fin=0), frame(0, b"a")], {1007}),
    "a length beyond all bounds": ([LONG], {1002, 1009}),
    "a negative length": ([b"\x81\xff" + b"\xff" * 8 + MASK], {1002, 1009}),
    "a message of 17 MB": ([b"\x81\xff" + struct.pack("!Q", 17_000_000) + MASK], {1009}),
    "a close of one byte": ([frame(8, b"\x03")], {1002}),
    "a close with code 0": ([frame(8, b"\x00\x00")], {1002}),
    "a close with code 999": ([frame(8, struct.pack("!H", 999))], {1002}),
    "a close with code 1005": ([frame(8, struct.pack("!H", 1005))], {1002}),
    "a close with code 1006": ([frame(8, struct.pack("!H", 1006))], {1002}),
    "a close with code 65535": ([frame(8, struct.pack("!H", 65535))], {1002}),
    "a close whose reason is no UTF-8": ([frame(8, b"\x03\xe8\xff")], {1007}),
    "a close": ([frame(8, b"\x03\xe8")], {1000}),
    "a close without a code": ([frame(8)], {1005, 1000}),
    "noise": ([os.urandom(64)], {0, 1002, 1007, 1009}),
    "another request": ([b"GET /modframe/ HTTP/1.1\r\nHost: localhost\r\n\r\n"], {1002}),
    "many pings": ([frame(9, b"a") * 2000, frame(8, b"\x03\xe8")], {1000}),
    "many empty parts": ([frame(1, b"", fin=0), frame(0, b"", fin=0) * 5000, frame(3)], {1002}),
    "many messages": ([frame(1, b"a") * 2000, frame(8, b"\x03\xe8")], {1000}),
}


@pytest.mark.parametrize("what", list(FRAMES))
def test_a_frame_that_breaks_the_protocol_ends_it(site: Site, what: str) -> None:
    """That connection, and nothing else; nothing private is in the reason."""
    frames, codes = FRAMES[what]
    assert code_of(site, *frames) in codes
    assert code_of(site, frame(1, b"abc"), frame(8, b"\x03\xe8")) == 1000


def test_a_message_that_unpacks_to_more_is_refused(site: Site) -> None:
    """16 MB is the most that one may have, packed or not."""
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b"0" * 17_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    extension = ("Sec-WebSocket-Extensions", "permessage-deflate")
    code = code_of(site, frame(1 | 0x40, packed[:-4]), headers=(extension,))
    assert code == 1009


HANDSHAKES: list[list[Header]] = [
    [],
    [("Sec-WebSocket-Version", "12")],
    [("Sec-WebSocket-Version", "x")],
    [("Sec-WebSocket-Key", "")],
    [("Sec-WebSocket-Key", "short")],
    [("Sec-WebSocket-Key", "\xff" * 24)],
    [("Sec-WebSocket-Protocol", "a, " * 2000)],
    [("Sec-WebSocket-Protocol", "evil\x00")],
    [("Sec-WebSocket-Protocol", "a"), ("Sec-WebSocket-Protocol", "b")],
    [("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=99")],
    [("Sec-WebSocket-Extensions", "x; " * 5000)],
    [("Sec-WebSocket-Extensions", "permessage-deflate, " * 500)],
    [("Content-Length", "5")],
    [("Transfer-Encoding", "chunked")],
]


@pytest.mark.parametrize("headers", HANDSHAKES, ids=range(len(HANDSHAKES)))
def test_an_odd_handshake_is_refused_or_read(site: Site, headers: list[Header]) -> None:
    """What is no handshake is no fault of the server."""
    named = {name for name, _ in headers}
    base = [pair for pair in UPGRADE if pair[0] not in named]
    asked = request("GET", TALK, *base, *headers)
    answer = ask_head(site.port, asked.replace(b"Connection: close", b"Connection: Upgrade"))
    assert answer.status in {101, 400, 403, 404, 426}


@pytest.mark.parametrize("path", [TALK, "/api/v1/shop/fall", "/modframe/", "/api/v1/core/x"])
@pytest.mark.parametrize("token", ["", "wrong-but-long-enough"])
def test_from_elsewhere_it_needs_the_token(site: Site, path: str, token: str) -> None:
    """As every request does."""
    headers = [bearer(token)] if token else []
    assert ask_head(site.far, handshake(path, *headers)).status in {401, 403}
    by_query = handshake(f"{path}?token={token}")
    assert ask_head(site.far, by_query).status in {401, 403}


def test_it_is_opened_by_get_alone(site: Site) -> None:
    """A POST that asks for it is none."""
    asked = handshake(TALK).replace(b"GET ", b"POST ")
    assert ask_head(site.port, asked).status in {400, 404, 405, 426}


def test_many_that_say_nothing_leave_it_answering(site: Site) -> None:
    """Each has its own connection; `tests/server/limits` has how many there may be."""
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", site.port), PATIENCE))
            one.sendall(handshake(TALK))
        assert exchange(site.port, request("GET", "/health/live")).status == 200
