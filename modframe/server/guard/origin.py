"""`own_origin`: the origin of the pages that a server sends itself, by the request's own words.

A page may send what changes something to the server that it came from: same scheme, host and port.
"""

from __future__ import annotations

from ...parts.web.problem import Scope

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_PLAIN = {"ws": "http", "wss": "https"}


def own_origin(scope: Scope, hosts: list[bytes]) -> str | None:
    """Return the origin that a request was sent to, as browsers write it; ``None`` if unknown.

    >>> own_origin({"scheme": "ws"}, [b"LocalHost:8000"]), own_origin({}, [b"a.example:80"])
    ('http://localhost:8000', 'http://a.example')
    """
    if len(hosts) != 1:
        return None
    said: str = scope.get("scheme", "http")
    scheme = _PLAIN.get(said, said)
    host = hosts[0].decode("latin-1").lower().removesuffix(_DEFAULT_PORTS.get(scheme, ""))
    return f"{scheme}://{host}"
