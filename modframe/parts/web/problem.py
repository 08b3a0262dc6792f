"""`Problem`: one refusal or error as `application/problem+json` (RFC 9457), for HTTP or websocket.

Made by the web part, the guard, the dispatcher and the pages; sent as plain ASGI messages, without
a web framework.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from random import getrandbits
from typing import Any
from urllib.parse import unquote

from ...masking import mask_urls

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def path_below_root(scope: Scope) -> str:
    """Return a path without the ``root_path`` that a server or an outer application added."""
    path: str = scope["path"]
    root = scope.get("root_path", "").rstrip("/")
    return path[len(root) :] if root and f"{path}/".startswith(f"{root}/") else path


def decoded(path: str) -> str:
    """Return a path without its percent signs, but for ``%2f``, which is no separator.

    >>> decoded("/a%20b/c%2fd")
    '/a b/c%2fd'
    """
    return unquote(path.replace("%2f", "%252f").replace("%2F", "%252F"))


MEDIA_TYPE = "application/problem+json"
MASK_KEY = "modframe.mask"
"""The key of a scope with the function that takes the secrets of the app out of a text."""
HANDLERS_KEY = "modframe.error_handlers"
"""The key of a scope with the application's own `ErrorHandlers`, if it has any."""
_CORRELATION = re.compile(rb"[\w.\-]{1,64}")
_CLOSE_POLICY = 1008
_CLOSE_LATER = 1013
_SERVER_FAULT = 500
_BODYLESS = frozenset({204, 205, 304})


class RequestId:
    """The correlation id of one request, made when its text is first needed.

    It is the client's `X-Correlation-ID`, if that is well-formed, or a new one. That is no secret:
    it only has to differ from the others.
    """

    __slots__ = ("_headers", "_text")

    def __init__(self, scope: Scope) -> None:
        self._headers = scope["headers"]
        self._text = ""

    def __str__(self) -> str:
        if not self._text:
            new = f"{getrandbits(64):016x}"
            for key, sent in self._headers:
                if key == b"x-correlation-id":
                    new = sent.decode() if _CORRELATION.fullmatch(sent) else new
                    break
            self._text = new
            self._headers = ()
        return self._text


def request_id(scope: Scope) -> RequestId:
    """Return the id that connects an answer with log lines, the same for the whole request."""
    known: RequestId | None = scope.get("modframe.request_id")
    if known is None:
        known = scope["modframe.request_id"] = RequestId(scope)
    return known


def correlation_id(scope: Scope) -> str:
    """Return the text of a request's id."""
    return str(request_id(scope))


def phrase(status: int) -> str:
    """Return the title of a status code.

    >>> phrase(404)
    'Not Found'
    """
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"


def mask_of(scope: Scope) -> Callable[[str], str]:
    """Return what takes the secrets of the app out of a text of an answer."""
    mask: Callable[[str], str] = scope.get(MASK_KEY, mask_urls)
    return mask


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that says what is wrong.

    Attributes:
        detail: A sentence for people, or the JSON of an `HTTPException`.
        headers: Further response headers.
        extra: Further members of the body.
    """

    status: int
    detail: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def body(self, scope: Scope) -> bytes:
        """Return the JSON body for this request."""
        members = {
            "type": "about:blank",
            "title": phrase(self.status),
            "status": self.status,
            "detail": self.detail,
            "instance": scope["path"],
            "correlation_id": correlation_id(scope),
            **self.extra,
        }
        text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
        return mask_of(scope)(text).encode("utf-8", "replace")

    def _headers(self, scope: Scope, body: bytes) -> Iterable[tuple[bytes, bytes]]:
        if body:
            yield b"content-type", MEDIA_TYPE.encode()
            yield b"content-length", str(len(body)).encode()
            yield b"x-correlation-id", correlation_id(scope).encode()
        elif self.status == 205:
            yield b"content-length", b"0"  # else the server sends it in chunks
        for name, value in self.headers.items():
            if name.lower() not in {"content-type", "content-length"}:
                yield name.lower().encode("latin-1"), value.encode("latin-1")

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer as an ASGI application, which is what a handler of exceptions returns."""
        await self.send(scope, send)

    async def send(self, scope: Scope, send: Send) -> None:
        """Answer an HTTP request, or refuse a websocket that is not accepted yet."""
        handlers: Any = scope.get(HANDLERS_KEY)
        asked = handlers is not None and scope["type"] == "http"
        if not (asked and await handlers.answer_problem(self, scope, send)):
            await self._send(scope, send)

    async def _send(self, scope: Scope, send: Send) -> None:
        kind = "http.response"
        if scope["type"] == "websocket":
            if "websocket.http.response" not in scope.get("extensions", ()):
                code = _CLOSE_LATER if self.status >= _SERVER_FAULT else _CLOSE_POLICY
                reason = mask_of(scope)(str(self.detail)).encode()[:120].decode("utf-8", "ignore")
                await send({"type": "websocket.close", "code": code, "reason": reason})
                return
            kind = "websocket.http.response"
        body = b"" if self.status in _BODYLESS else self.body(scope)
        headers = list(self._headers(scope, body))
        await send({"type": f"{kind}.start", "status": self.status, "headers": headers})
        if scope.get("method") == "HEAD":
            body = b""
        await send({"type": f"{kind}.body", "body": body})
