"""`with_safe_headers`: two headers that every answer has, so that browsers guess and frame nothing.

The outermost layer of a site calls it for each HTTP request. A module's own header of the same name
stays as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable

from ...parts.web.problem import Message, Send

_SNIFF = (b"x-content-type-options", b"nosniff")
_FRAME = (b"content-security-policy", b"frame-ancestors 'self'")


def with_safe_headers(send: Send) -> Send:
    """Return a ``send`` that adds ``nosniff`` and ``frame-ancestors`` to an answer without them."""

    def send_safely(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            names = {name.lower() for name, _ in headers}
            message["headers"] = headers + [one for one in (_SNIFF, _FRAME) if one[0] not in names]
        return send(message)

    return send_safely
