"""`Sessions`: browsers that were let in by a one-time link, and need to carry no token themselves.

The guard asks it. A link's code works once and for ten minutes; the browser gets a cookie for it,
which holds until the server ends. Neither of them is the token, so no history or log has that.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")
_LINK_SECONDS = 600.0
_MOST = 256
"""Links, and browsers, that are remembered at a time."""
ONCE = "once"
"""The name of the code in a link's query."""


class Sessions:
    """The one-time links and the browsers of one server."""

    def __init__(self) -> None:
        self.cookie = f"modframe-{secrets.token_hex(4)}"
        self._prefix = f"{self.cookie}=".encode()
        self._codes: dict[str, float] = {}
        self._browsers: dict[bytes, None] = {}

    def new_code(self) -> str:
        """Return a code that lets one browser in."""
        code = secrets.token_urlsafe(18)
        _put(self._codes, code, time.monotonic() + _LINK_SECONDS)
        return code

    def redeem(self, code: str) -> str | None:
        """Return the cookie of a browser that came with a code; ``None`` if it is no good."""
        until = self._codes.pop(code, 0.0)
        if time.monotonic() > until:
            return None
        browser = secrets.token_urlsafe(24)
        _put(self._browsers, browser.encode(), None)
        return f"{self.cookie}={browser}; Path=/; HttpOnly; SameSite=Strict"

    def has(self, cookies: Iterable[bytes]) -> bool:
        """Return whether one of the ``Cookie`` headers is that of a browser that was let in."""
        return any(
            one.strip().startswith(self._prefix)
            and one.strip()[len(self._prefix) :] in self._browsers
            for header in cookies
            for one in header.split(b";")
        )

    def __repr__(self) -> str:
        return f"<Sessions: {len(self._codes)} links, {len(self._browsers)} browsers>"


def _put(entries: dict[K, V], key: K, value: V) -> None:
    """Put an entry in, and drop the oldest one if there are too many."""
    entries[key] = value
    if len(entries) > _MOST:
        del entries[next(iter(entries))]
