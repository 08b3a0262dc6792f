"""Tokens: who needs one, and making one. Called before an address is bound, and by the CLI."""

from __future__ import annotations

import secrets

from .errors import ServeError
from .hosts import is_loopback

_BYTES = 24


def make_token() -> str:
    """A new token, 192 random bits, fit for URLs and headers."""
    return secrets.token_urlsafe(_BYTES)


def needs_token(host: str) -> bool:
    """Whether whoever can reach this address must show a token: it is not loopback."""
    return not is_loopback(host)


def check_token(host: str, token: str | None) -> str:
    """The token to serve with: the one given, or a new one on loopback.

    Raises:
        ServeError: If the address is not loopback and no token was given.
    """
    if token:
        return token
    if needs_token(host):
        raise ServeError(
            f"{host!r} is not a loopback address, so whoever reaches it needs a token",
            cure="pass token=... (`--token` or MODFRAME_TOKEN in a shell), or serve on '127.0.0.1'",
            host=host,
        )
    return make_token()
