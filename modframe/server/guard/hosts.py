"""Which host names mean this machine, and which addresses need a token.

The guard calls it with `Host` headers, the site with the address to bind.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from ...errors import ServeError
from ..tokens import SHORTEST


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


_AUTHORITY = re.compile(
    r"(\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*))(:[0-9]{0,5})?"
)
"""What a browser can send: a name or an IPv4 address, or an IPv6 address without a zone."""


def host_of(authority: str) -> str | None:
    """Return the host in a `Host` header, lower case, without port and brackets; None if bad.

    >>> host_of("LocalHost:8000"), host_of("[::1]:80"), host_of("a b"), host_of("evil:80@localhost")
    ('localhost', '::1', None, None)
    >>> host_of("127.0.0.1%.evil.com"), host_of("[localhost]")
    (None, None)
    """
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return None
    if (inner := found["address"]) is not None:
        try:
            return str(ipaddress.IPv6Address(inner))
        except ValueError:
            return None
    return found["name"].rstrip(".").lower()


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
    """Return the token that was given to serve with; empty if none was, on loopback.

    Raises:
        ServeError: If the address is not loopback and no token was given, or if it is too short.
    """
    if token and len(token) < SHORTEST:
        raise ServeError(
            f"the token has {len(token)} characters, and can be guessed",
            cure=f"give one of at least {SHORTEST}, such as `openssl rand -hex 24` prints",
            host=host,
        )
    if not token and not is_loopback(host):
        raise ServeError(
            f"{host!r} is not a loopback address, so whoever reaches it needs a token",
            cure="pass token=... (`--token-file`, `--token` or MODFRAME_TOKEN in a shell), or "
            "serve on '127.0.0.1'",
            host=host,
        )
    return token or ""
