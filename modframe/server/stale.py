"""What answers of a module say while its newest text isn't live: one header, for local clients.

Called by the dispatcher, for a module whose newest attempt failed. An error's text may hold what is
nobody else's business, so only whoever sits at this machine gets it.
"""

from __future__ import annotations

from ..parts.web.problem import Message, Scope, Send
from .hosts import is_loopback

Header = tuple[bytes, bytes]
_NAME = b"x-modframe-stale"
_LONGEST = 400
_FORWARDED = frozenset(
    {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"}
)


def is_local(scope: Scope) -> bool:
    """Whether a request comes from this machine, and not through a proxy that stands on it."""
    client = scope.get("client")
    if not client or not is_loopback(str(client[0])):
        return False
    return not any(name in _FORWARDED for name, _ in scope["headers"])


def stale_header(module_id: str, number: int, why: str) -> Header:
    """``X-Modframe-Stale: standard.orders generation 3; newer text failed: api.py, line 7: ...``

    One line, not too long, of characters that a header can hold.

    >>> stale_header("standard.a", 3, "standard.a: api.py, line 1:\\n  no → name")[1]
    b'standard.a generation 3; newer text failed: api.py, line 1: no ? name'
    """
    said = " ".join(why.removeprefix(f"{module_id}: ").split())
    text = f"{module_id} generation {number}; newer text failed: {said}"
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 3]}..."
    plain = "".join(one if one.isprintable() else " " for one in text)
    return _NAME, plain.encode("latin-1", "replace")


def telling(send: Send, header: Header) -> Send:
    """A ``send`` that adds a header to the answer."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), header]}
        await send(message)

    return send_with_header
