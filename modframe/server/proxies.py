"""`behind_proxies`: an application that believes what trusted proxies say of a request.

The site puts it outermost, if a proxy is trusted or the app has a prefix. uvicorn's middleware
takes client and scheme from ``X-Forwarded-For`` and ``X-Forwarded-Proto``; here the host comes from
``X-Forwarded-Host``, and from ``X-Forwarded-Prefix`` what the proxy took off the path. So the
guard, redirects and `url_for` see the address that the browser asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ..parts.web.problem import ASGIApp, Receive, Scope, Send, decoded

FORWARDED_KEY = "modframe.forwarded"
"""The key of a scope that says that a trusted proxy has passed the request on."""
_UNIX = "unix"
_EVERYONE = "*"
_PREFIX = re.compile(r"(/[\w.~!$&'()*+,;=:@%-]+)+", re.ASCII)


def behind_proxies(app: ASGIApp, trusted: Sequence[str], root_path: str = "") -> ASGIApp:
    """Return an application that answers as if the proxies weren't there.

    Args:
        trusted: Addresses and networks of proxies; ``unix`` is whatever connects to a Unix socket,
            ``*`` is everyone.
        root_path: A prefix that proxies leave in the path.
    """
    if root_path:
        app = _Rooted(app, decoded(root_path))
    if trusted:
        app = _Proxied(app, list(trusted))
    return app


class _Rooted:
    """Marks a prefix of paths as the place where the application is."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app, self._root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        unknown = scope["type"] != "lifespan" and not scope.get("root_path")
        if unknown and f"{scope['path']}/".startswith(f"{self._root_path}/"):
            scope["root_path"] = self._root_path
        await self._app(scope, receive, send)


class _Proxied(ProxyHeadersMiddleware):
    """Takes what the browser asked for from the headers of a trusted proxy."""

    def __init__(self, app: ASGIApp, trusted: list[str]) -> None:
        inner: Any = app
        super().__init__(inner, _EVERYONE if _EVERYONE in trusted else trusted)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "lifespan":
            client = scope.get("client")
            peer = client[0] if client and client[0] else _UNIX
            if peer in self.trusted_hosts:
                scope["client"] = (peer, client[1] if client else 0)
                scope[FORWARDED_KEY] = True
                _take_address(scope)
        await super().__call__(scope, receive, send)


def _take_address(scope: Scope) -> None:
    """Put the host that the browser named, and the prefix that the proxy took off, into a scope.

    Of several values the last one counts: the nearest proxy wrote it.
    """
    host = prefix = b""
    for name, value in scope["headers"]:
        if name == b"x-forwarded-host":
            host = value
        elif name == b"x-forwarded-prefix":
            prefix = value
    if host := host.rpartition(b",")[2].strip():
        others = [pair for pair in scope["headers"] if pair[0] != b"host"]
        scope["headers"] = [(b"host", host), *others]
    text = prefix.rpartition(b",")[2].strip().rstrip(b"/").decode("latin-1")
    if _PREFIX.fullmatch(text):
        root = decoded(text)
        scope["root_path"] = root + scope.get("root_path", "")
        scope["path"] = root + scope["path"]
        if "raw_path" in scope:
            scope["raw_path"] = text.encode("latin-1") + (scope["raw_path"] or b"")
