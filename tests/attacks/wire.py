"""Requests as bytes, which no client library would send, and their answers."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

PATIENCE = 30.0
Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back until the connection was closed; the status is 0 if it was no answer."""

    raw: bytes

    @property
    def status(self) -> int:
        return int(self.raw[9:12]) if self.raw.startswith(b"HTTP/1.") else 0

    @property
    def head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def headers(self) -> list[Header]:
        """Return all headers in their order, the names in lower case."""
        lines = self.head.split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def text(self) -> str:
        return self.raw.decode("utf-8", "replace")

    @property
    def answers(self) -> int:
        """Return how many answers there were: more than one request was understood."""
        return self.raw.count(b"HTTP/1.1 ")


def exchange(port: int, *parts: bytes) -> Answer:
    """Send bytes and read until the server closes, which every request here asks it to do."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        got = []
        try:
            for part in parts:
                client.sendall(part)
            while part := client.recv(65536):
                got.append(part)
        except (ConnectionResetError, BrokenPipeError):
            pass
        return Answer(b"".join(got))


def ask_head(port: int, data: bytes) -> Answer:
    """Send a request and read the head of the answer; then leave, as from a websocket."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(data)
        got = b""
        while b"\r\n\r\n" not in got and (part := client.recv(65536)):
            got += part
        return Answer(got)


def bearer(token: str) -> Header:
    return "Authorization", f"Bearer {token}"


def request(
    method: str | bytes,
    target: str | bytes,
    *headers: Header,
    body: bytes = b"",
    host: str | None = "localhost",
    version: str = "1.1",
) -> bytes:
    """Return a request; nothing of it is quoted or checked."""
    lines: Iterable[Header] = headers
    if host is not None:
        lines = [("Host", host), *lines]
    if body and not any(name.lower() == "content-length" for name, _ in headers):
        lines = [*lines, ("Content-Length", str(len(body)))]
    head = b"%b %b HTTP/%b\r\n" % (_bytes(method), _bytes(target), version.encode())
    for name, value in (*lines, ("Connection", "close")):
        head += f"{name}: {value}\r\n".encode("latin-1")
    return head + b"\r\n" + body


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


UPGRADE = (
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)


def handshake(target: str, *headers: Header, host: str | None = "localhost") -> bytes:
    """Return a request that asks for a websocket."""
    asked = request("GET", target, *headers, *UPGRADE, host=host)
    return asked.replace(b"Connection: close", b"Connection: Upgrade")
