"""`Problem`: one refusal or fault as `application/problem+json` (RFC 9457), for HTTP or websocket.

Made by the web part, the guard, the dispatcher and the pages; sent as plain ASGI messages, so that
nothing of a web framework stands between a refusal and the client.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

MEDIA_TYPE = "application/problem+json"
_CORRELATION = re.compile(rb"[\w.\-]{1,64}")
_CLOSE_POLICY = 1008
_CLOSE_LATER = 1013
_SERVER_FAULT = 500
_BODYLESS = frozenset({204, 205, 304})


def correlation_id(scope: Scope) -> str:
    """The id that ties an answer to a log line: the client's `X-Correlation-ID`, or a new one.

    The same for the whole request.
    """
    known: str | None = scope.get("modframe.correlation_id")
    if known is None:
        given = next((v for k, v in scope["headers"] if k == b"x-correlation-id"), b"")
        known = given.decode() if _CORRELATION.fullmatch(given) else secrets.token_hex(8)
        scope["modframe.correlation_id"] = known
    return known


def phrase(status: int) -> str:
    """The title of a status code, for people.

    >>> phrase(404)
    'Not Found'
    """
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a client is told.

    Attributes:
        status: The HTTP status code.
        detail: A sentence for people, or whatever JSON an `HTTPException` was given.
        headers: Further response headers.
        extra: Further members of the body.
    """

    status: int
    detail: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def body(self, scope: Scope) -> bytes:
        """The JSON body for this request."""
        members = {
            "type": "about:blank",
            "title": phrase(self.status),
            "status": self.status,
            "detail": self.detail,
            "instance": scope["path"],
            "correlation_id": correlation_id(scope),
            **self.extra,
        }
        return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )

    def raw_headers(self, scope: Scope, body: bytes) -> Iterable[tuple[bytes, bytes]]:
        """The response headers, as ASGI wants them."""
        yield b"content-type", MEDIA_TYPE.encode()
        yield b"content-length", str(len(body)).encode()
        yield b"x-correlation-id", correlation_id(scope).encode()
        for name, value in self.headers.items():
            if name.lower() not in {"content-type", "content-length"}:
                yield name.lower().encode("latin-1"), value.encode("latin-1")

    async def send(self, scope: Scope, send: Send) -> None:
        """Answer an HTTP request, or refuse a websocket that was not accepted yet."""
        kind = "http.response"
        if scope["type"] == "websocket":
            if "websocket.http.response" not in scope.get("extensions", ()):
                code = _CLOSE_LATER if self.status >= _SERVER_FAULT else _CLOSE_POLICY
                reason = str(self.detail).encode()[:120].decode("utf-8", "ignore")
                await send({"type": "websocket.close", "code": code, "reason": reason})
                return
            kind = "websocket.http.response"
        body = b"" if self.status in _BODYLESS else self.body(scope)
        headers = list(self.raw_headers(scope, body))
        await send({"type": f"{kind}.start", "status": self.status, "headers": headers})
        if scope.get("method") == "HEAD" or self.status in _BODYLESS:
            body = b""
        await send({"type": f"{kind}.body", "body": body})
