"""`Guard`: decides which requests pass. Pure ASGI, before everything else, HTTP and websockets.

It refuses a `Host` that does not mean this machine (DNS rebinding), a request by a page of another
site that changes something or opens a websocket, and a request without the token where one is
needed. It reads only the raw path and headers, which takes a few microseconds.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Container, Iterable
from urllib.parse import parse_qsl, quote, urlsplit

from ..parts.web.problem import ASGIApp, Problem, Receive, Scope, Send, path_below_root
from .hosts import AllowedHosts, host_of
from .proxies import FORWARDED_KEY

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN = frozenset({"/health/live", "/health/ready", "/health/startup"})
_KNOWN_LIMIT = 256
_BAD_HOST = Problem(
    403,
    "This server answers only under localhost, a loopback address or a name in"
    " MODFRAME_ALLOWED_HOSTS; add the name of the Host header there",
)
_BAD_ORIGIN = Problem(
    403,
    "A page of another site asked for this; add its host to MODFRAME_ALLOWED_HOSTS if it may",
)
_NO_TOKEN = Problem(
    401,
    "A token is needed: send `Authorization: Bearer <token>` or add `?token=<token>`",
    headers={"WWW-Authenticate": 'Bearer realm="modframe"'},
)


class Guard:
    """Passes allowed requests on to ``app``, and answers the others with a problem.

    Args:
        allowed_hosts: Host names besides localhost and the loopback addresses.
        origins: Returns the origins of web pages that may send what changes something.
        token: The server's token; empty if it has none.
        token_required: Whether every request needs it, as on an address that is not loopback.
        token_paths: Paths below which every request that changes something needs it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: Iterable[str] = (),
        origins: Callable[[], Container[str]] = tuple,
        token: str = "",
        token_required: bool = False,
        token_paths: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._hosts = AllowedHosts(allowed_hosts)
        self._origins = origins
        self._known: set[bytes] = set()
        self.token = token
        self.token_required = token_required
        self._token_paths = tuple(token_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a connection, or pass it on."""
        kind = scope["type"]
        if kind != "http" and kind != "websocket":
            await self._app(scope, receive, send)
            return
        host = origin = None
        hosts = 0
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
                hosts += 1
            elif name == b"origin":
                origin = value
        known = hosts == 1 and host in self._known
        if not known and not self._host_passes(scope, host, hosts):
            await _BAD_HOST.send(scope, send)
            return
        reading = kind == "http" and scope["method"] in _READING
        if origin is not None and not reading and not self._origin_passes(origin):
            await _BAD_ORIGIN.send(scope, send)
            return
        if not self._token_passes(scope, reading):
            await _NO_TOKEN.send(scope, send)
            return
        await self._app(scope, receive, send)

    def with_token(self, token: str, *, required: bool) -> Guard:
        """Return a guard of the same application and hosts with another token, for one server."""
        guard = Guard(self._app, origins=self._origins, token=token, token_required=required)
        guard._hosts, guard._token_paths = self._hosts, self._token_paths
        return guard

    def _host_passes(self, scope: Scope, host: bytes | None, hosts: int) -> bool:
        if host is None:
            # HTTP/1.0 has no Host header; browsers, which this check is about, never use it.
            return bool(scope.get("http_version") == "1.0")
        name = host_of(host.decode("latin-1"))
        if hosts > 1 or name is None or name not in self._hosts:
            return False
        if len(self._known) >= _KNOWN_LIMIT:
            self._known.clear()
        self._known.add(host)
        return True

    def _origin_passes(self, origin: bytes) -> bool:
        if origin == b"null":
            return False
        text = origin.decode("latin-1")
        if text in self._origins():
            return True
        try:
            parts = urlsplit(text)
        except ValueError:
            return False
        host = host_of(parts.netloc)
        return host is not None and host in self._hosts

    def _token_passes(self, scope: Scope, reading: bool) -> bool:  # noqa: FBT001  # private
        path: str = path_below_root(scope) if scope.get("root_path") else scope["path"]
        required = self.token_required or FORWARDED_KEY in scope
        if not required and (reading or not path.startswith(self._token_paths)):
            return True
        if path in _OPEN:
            return True
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, token = value.decode("latin-1").partition(" ")
                if scheme.lower() == "bearer" and self._is_token(token.strip()):
                    return True
        return self._take_from_query(scope)

    def _take_from_query(self, scope: Scope) -> bool:
        """Return whether the query has the token, and take it out: no log or handler sees it."""
        query = scope.get("query_string", b"").decode("latin-1")
        if "token=" not in query:
            return False
        pairs = query.split("&")
        rest = [pair for pair in pairs if not self._is_token_pair(pair)]
        if len(rest) == len(pairs):
            return False
        scope["query_string"] = "&".join(rest).encode("latin-1")
        scope["modframe.query_token"] = quote(self.token)
        return True

    def _is_token_pair(self, pair: str) -> bool:
        return any(key == "token" and self._is_token(value) for key, value in parse_qsl(pair))

    def _is_token(self, value: str) -> bool:
        return bool(self.token) and hmac.compare_digest(
            value.encode("utf-8", "replace"), self.token.encode()
        )

    def __repr__(self) -> str:
        need = "for all" if self.token_required else "for changes" if self._token_paths else "none"
        return f"<Guard: {self._hosts!r}, token {need}>"
