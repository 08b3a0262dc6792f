"""The header ``X-Modframe-Stale``, which says that a module's newest text isn't live.

The dispatcher adds it to answers of a module whose newest attempt failed. An error's text may
contain private data, so holders of the token get it and, while saved files are watched, clients on
this machine.
"""

from __future__ import annotations

from ..parts.web.problem import Message, Scope, Send
from .guard import is_loopback

Header = tuple[bytes, bytes]
_LONGEST = 400
_BY_PROXIES = (b"forwarded", b"via", b"x-forwarded-", b"x-real-ip", b"cf-", b"true-client-ip")
"""How the names of headers begin that proxies add."""


def is_local(scope: Scope) -> bool:
    """Return whether a request comes from this machine, and not through a proxy that runs on it."""
    client = scope.get("client")
    if not client or not is_loopback(str(client[0])):
        return False
    return not any(name.startswith(_BY_PROXIES) for name, _ in scope["headers"])


def stale_header(module_id: str, number: int, why: str) -> Header:
    """Return ``standard.orders generation 3; newer text failed: api.py, line 7: ...`` as a header.

    The value is one line of at most 400 characters, all of which a header can hold.

    >>> stale_header("standard.a", 3, "api.py, line 1:\\n  no → name")[1]
    b'standard.a generation 3; newer text failed: api.py, line 1: no ? name'
    """
    text = f"{module_id} generation {number}; newer text failed: {' '.join(why.split())}"
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 3]}..."
    plain = "".join(char if char.isprintable() else " " for char in text)
    return b"x-modframe-stale", plain.encode("latin-1", "replace")


def with_header(send: Send, header: Header) -> Send:
    """Return a ``send`` that adds a header to the answer."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), header]}
        await send(message)

    return send_with_header
