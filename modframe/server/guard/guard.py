"""`Guard`: decides which requests pass. Pure ASGI, before everything else, HTTP and websockets.

It refuses a `Host` that does not mean this machine (DNS rebinding), a request by a page of another
origin that changes something or opens a websocket, and a request without the token where its path
needs one. It reads only the raw path and headers, which takes a few microseconds.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Container, Iterable, Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode

from ...parts.web.problem import ASGIApp, Problem, Receive, Scope, Send, decoded, path_below_root
from ..proxies import FORWARDED_KEY
from .access import HOLDER_KEY, LINK_KEY, Need, holds_token
from .hosts import AllowedHosts, host_of, is_loopback
from .origin import own_origin
from .refusals import Refusals
from .sessions import ONCE, Sessions
from .sign_in import redirect, send_sign_in_page

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_KNOWN_LIMIT = 256
_LENGTHS = frozenset({b"content-length", b"transfer-encoding"})
_FOREIGN_SITES = (b"cross-site", b"same-site")
_BAD_HOST = Problem(
    403,
    "This server answers only under localhost, a loopback address or a name in"
    " MODFRAME_ALLOWED_HOSTS; add the name of the Host header there",
)
_TWO_LENGTHS = Problem(
    400,
    "The request says twice where its body ends, by Content-Length and by Transfer-Encoding",
    headers={"Connection": "close"},
)
_BAD_ORIGIN = Problem(
    403,
    "A page of another origin asked for this; if it may, list its origin in cors"
    " (MODFRAME_CORS, or `modframe serve --cors`)",
)
_NO_TOKEN = Problem(
    401,
    "A token is needed: send it as `Authorization: Bearer ...`, or as `token` in the query",
    headers={"WWW-Authenticate": 'Bearer realm="modframe"'},
)
_NEVER_GIVEN = Problem(
    403,
    "This server is reached from other machines and was given no token, so it serves public"
    " modules alone; set MODFRAME_TOKEN, or say which modules are public",
)


_Headers = Mapping[bytes, list[bytes]]
"""The headers that the guard looks at: name → values."""
_LOOKED_AT = frozenset(
    {b"host", b"origin", b"sec-fetch-site", b"authorization", b"cookie", *_LENGTHS}
)


class Guard:
    """Passes allowed requests on to ``app``, and answers the others with a problem.

    Args:
        need: Returns what a path needs.
        allowed_hosts: Host names besides localhost and the loopback addresses.
        origins: Returns the origins of web pages that may send what changes something.
        token: The token; empty if there is none.
        given: Whether a person gave the token. From elsewhere no other one counts.
        exposed: Whether other machines reach the server; ``None`` looks at the address that each
            connection came to.

    Attributes:
        sessions: The browsers that came by a one-time link.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        need: Callable[[str], Need] = lambda _: Need.TOKEN_FROM_ELSEWHERE,
        allowed_hosts: Iterable[str] = (),
        origins: Callable[[], Container[str]] = tuple,
        token: str = "",
        given: bool = True,
        exposed: bool | None = None,
    ) -> None:
        self._app = app
        self._need = need
        self._hosts = AllowedHosts(allowed_hosts)
        self._origins = origins
        self._known: set[bytes] = set()
        self.token, self.given, self.exposed = token, given, exposed
        self.sessions = Sessions()
        self._refusals = Refusals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a connection, or pass it on."""
        kind = scope["type"]
        if kind != "http" and kind != "websocket":
            await self._app(scope, receive, send)
            return
        _keep_encoded_slashes(scope)
        headers = _headers_of(scope)
        refusal = self._refuse_sender(scope, headers)
        if refusal is not None:
            await refusal.send(scope, send)
            return
        need = self._need(path_below_root(scope) if scope.get("root_path") else scope["path"])
        if need is Need.TOKEN and await self._let_in(scope, send):
            return
        refusal = self._refuse_stranger(scope, headers, need)
        if refusal is None:
            await self._app(scope, receive, send)
        elif need is Need.TOKEN and refusal is _NO_TOKEN and _is_browser(scope):
            await send_sign_in_page(scope, receive, send)
        else:
            await refusal.send(scope, send)

    def with_token(self, token: str, *, given: bool = True, exposed: bool | None = None) -> Guard:
        """Return a guard of the same application and hosts with another token, for one server."""
        guard = Guard(
            self._app,
            need=self._need,
            origins=self._origins,
            token=token,
            given=given,
            exposed=exposed,
        )
        guard._hosts = self._hosts
        return guard

    # -- host and origin --------------------------------------------------------------------

    def _refuse_sender(self, scope: Scope, headers: _Headers) -> Problem | None:
        """Return the answer to a request whose host or origin is not allowed.

        A proxy in front may have taken the length that this server doesn't for that of the body,
        and the rest for a request of somebody else: the connection is closed.
        """
        if b"transfer-encoding" in headers and b"content-length" in headers:
            return _TWO_LENGTHS
        hosts = headers.get(b"host", [])
        known = len(hosts) == 1 and hosts[0] in self._known
        if not known and not self._host_passes(scope, hosts):
            self._refusals.note("host", scope, f"its Host is {_shown(hosts)}")
            return _BAD_HOST
        if scope["type"] == "http" and scope["method"] in _READING:
            return None
        if not self._origin_passes(scope, headers):
            page = headers.get(b"origin") or headers.get(b"sec-fetch-site", [])
            self._refusals.note("origin", scope, f"its Origin is {_shown(page)}")
            return _BAD_ORIGIN
        return None

    def _host_passes(self, scope: Scope, hosts: list[bytes]) -> bool:
        if not hosts:
            # HTTP/1.0 has no Host header; browsers, which this check is about, never use it.
            return bool(scope.get("http_version") == "1.0")
        name = host_of(hosts[0].decode("latin-1"))
        if len(hosts) > 1 or name is None or name not in self._hosts:
            return False
        if len(self._known) >= _KNOWN_LIMIT:
            self._known.clear()
        self._known.add(hosts[0])
        return True

    def _origin_passes(self, scope: Scope, headers: _Headers) -> bool:
        """Return whether what changes something comes from no page, from its own, or a listed one.

        Browsers send ``Origin`` with it, and ``Sec-Fetch-Site``; other clients send neither.
        """
        origins = headers.get(b"origin", [])
        if not origins:
            return not any(site in _FOREIGN_SITES for site in headers.get(b"sec-fetch-site", ()))
        if len(origins) > 1:
            return False
        origin = origins[0].decode("latin-1")
        listed = self._origins()
        if origin in listed or "*" in listed:
            return origin != "null"
        own = own_origin(scope, headers.get(b"host", []))
        return own is not None and origin == own

    # -- tokens -----------------------------------------------------------------------------

    def _refuse_stranger(self, scope: Scope, headers: _Headers, need: Need) -> Problem | None:
        """Return the answer to a request without the token that its path needs."""
        exposed = _is_exposed(scope) if self.exposed is None else self.exposed
        exposed = exposed or FORWARDED_KEY in scope
        if exposed and not self.given:
            if need is Need.OPEN or holds_token(scope):
                return None
            self._refusals.note("token", scope, "no token was given to this server")
            return _NEVER_GIVEN
        is_open = need is Need.OPEN
        if wait := self._refusals.wait_for(scope, is_open=is_open):
            if is_open:
                return None
            return Problem(429, "Too many wrong tokens", headers={"Retry-After": str(wait)})
        if self._holds(scope, headers):
            scope[HOLDER_KEY], scope[LINK_KEY] = True, self.sessions.new_code
            return None
        sent = b"authorization" in headers or b"token=" in scope.get("query_string", b"")
        if sent:
            self._refusals.note_wrong_token(scope, is_open=is_open)
        if is_open or (need is Need.TOKEN_FROM_ELSEWHERE and not exposed):
            return None
        self._refusals.note("token", scope, f"its token is {'wrong' if sent else 'missing'}")
        return _NO_TOKEN

    def _holds(self, scope: Scope, headers: _Headers) -> bool:
        if holds_token(scope):
            return True
        for value in headers.get(b"authorization", ()):
            scheme, _, token = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and self._is_token(token.strip()):
                return True
        if b"cookie" in headers and self.sessions.has(headers[b"cookie"]):
            return True
        return b"token=" in scope.get("query_string", b"") and self._take_from_query(scope)

    def _take_from_query(self, scope: Scope) -> bool:
        """Return whether the query has the token, and take it out: no log or handler sees it."""
        pairs = scope["query_string"].decode("latin-1").split("&")
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

    # -- one-time links ---------------------------------------------------------------------

    async def _let_in(self, scope: Scope, send: Send) -> bool:
        """Give a browser that came by a one-time link its cookie; return whether it did.

        It is then sent to the same page without the code, as also if the code was used before.
        What looks at links before a person does, asks with ``HEAD`` and uses no code up.
        """
        query = scope.get("query_string", b"")
        if b"once=" not in query or scope.get("method") != "GET":
            return False
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        codes = [value for key, value in pairs if key == ONCE]
        rest = [(key, value) for key, value in pairs if key != ONCE]
        cookie = self.sessions.redeem(codes[0]) if codes else None
        if cookie is not None and scope.get("scheme") == "https":
            cookie += "; Secure"
        place = f"{scope['path']}?{urlencode(rest)}" if rest else scope["path"]
        await redirect(place, send, cookie=cookie)
        return True

    def __repr__(self) -> str:
        reached = {None: "by address", True: "exposed", False: "on this machine"}[self.exposed]
        return f"<Guard: {self._hosts!r}, {reached}, {'a' if self.token else 'no'} token>"


def _headers_of(scope: Scope) -> _Headers:
    found: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        if name in _LOOKED_AT:
            found.setdefault(name, []).append(value)
    return found


def _keep_encoded_slashes(scope: Scope) -> None:
    """Leave ``%2f`` in a path as it is: decoded, it would be taken for a separator."""
    raw = scope.get("raw_path") or b""
    if b"%2" in raw and b"%2f" in raw.lower():
        scope["path"] = decoded(raw.decode("latin-1"))


def _is_exposed(scope: Scope) -> bool:
    """Return whether the address that a connection came to can be reached from elsewhere."""
    server = scope.get("server")
    return not server or _is_reached_from_elsewhere(str(server[0]), server[1])


@lru_cache(maxsize=64)
def _is_reached_from_elsewhere(host: str, port: int | None) -> bool:
    """Return whether an address is one that other machines can connect to."""
    is_unix_socket = port is None and host.startswith(("/", "\0", "@"))
    return not (is_unix_socket or is_loopback(host))


def _is_browser(scope: Scope) -> bool:
    """Return whether a person looks at the answer."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _shown(values: list[bytes]) -> str:
    return ", ".join(repr(value.decode("latin-1")[:100]) for value in values) or "missing"
