"""Which host names mean this machine, and which addresses need a token.

The guard calls it with `Host` and `Origin` headers, the site with the address to bind.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable

from ..errors import ServeError


def is_loopback(host: str) -> bool:
    """Return whether an address or name, without a port, can only mean this machine.

    >>> is_loopback("localhost"), is_loopback("127.8.0.1"), is_loopback("::1")
    (True, True, True)
    >>> is_loopback("0.0.0.0")
    False
    """
    host = host.strip().rstrip(".").lower().strip("[]")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def host_of(authority: str) -> str | None:
    """Return the host in a `Host` header, lower case, without port and brackets; None if bad.

    >>> host_of("LocalHost:8000"), host_of("[::1]:80"), host_of("a b"), host_of("evil:80@localhost")
    ('localhost', '::1', None, None)
    """
    if not authority or not authority.isascii() or any(c in authority for c in " \t@/?#\\,"):
        return None
    if authority.startswith("["):
        host, bracket, port = authority[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return None
        port = port[1:]
    else:
        host, _, port = authority.partition(":")
    if not host or not (port.isdigit() or not port):
        return None
    return host.rstrip(".").lower()


class AllowedHosts:
    """The hosts that requests may name: this machine, and further names.

    Args:
        names: ``*.example.com`` allows all names below it, ``*`` allows any.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        allowed = {name.strip().rstrip(".").lower().strip("[]") for name in names if name.strip()}
        self._any = "*" in allowed
        self._exact = frozenset(name for name in allowed if "*" not in name)
        self._below = tuple(name[1:] for name in allowed if name.startswith("*."))

    def __contains__(self, host: object) -> bool:
        return isinstance(host, str) and (
            self._any
            or host in self._exact
            or is_loopback(host)
            or any(host.endswith(tail) for tail in self._below)
        )

    def __repr__(self) -> str:
        count = len(self._exact) + len(self._below)
        return f"<AllowedHosts: loopback and {'any' if self._any else count}>"


def reachable(host: str) -> str:
    """Return the host for a URL, used on this machine, of a server that is bound to ``host``.

    >>> reachable("0.0.0.0"), reachable("::1")
    ('127.0.0.1', '[::1]')
    """
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104  # compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def check_token(host: str, token: str | None) -> str:
    """Return the token to serve with: ``token``, or on loopback a new one of 192 random bits.

    Raises:
        ServeError: If the address is not loopback and no token was given.
    """
    if token:
        return token
    if not is_loopback(host):
        raise ServeError(
            f"{host!r} is not a loopback address, so whoever reaches it needs a token",
            cure="pass token=... (`--token` or MODFRAME_TOKEN in a shell), or serve on '127.0.0.1'",
            host=host,
        )
    return secrets.token_urlsafe(24)
