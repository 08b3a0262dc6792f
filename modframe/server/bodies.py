"""`BodyLimit`: an ASGI application whose requests have bodies of bounded size and duration.

The site puts it behind the guard. A route's own ``max_body_size=``, FastAPI's, comes first.
A body that is too large is answered with 413 before it was read, if its length is announced, else
as soon as it is too long; one that arrives too slowly with 408.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .limits import Limits

_TOO_LARGE = 413
_TOO_SLOW = 408
_BYTES_PER_SECOND = 1000
_LINGER = 2.0
"""Seconds in which a client may send on after its answer: if the connection were closed at once, it
might not get to read it."""


class BodyLimit:
    """Passes requests on to ``app``, which gets no more of a body than the limits allow."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a request."""
        if scope["type"] == "http" and _may_have_body(scope):
            return _Body(self._app, self._limits)(scope, receive, send)
        return self._app(scope, receive, send)


def _may_have_body(scope: Scope) -> bool:
    if scope.get("http_version", "1.1") not in {"1.1", "1.0"}:
        return True  # a body needs no header to announce it
    for name, value in scope["headers"]:  # `any` would take four times as long
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False


class _Body(RequestBodyLimitResponder):
    """One request with a body. Starlette's class counts, and lets routes change the limit."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(app, limits.max_body)
        self._patience = limits.client_timeout
        self._began = 0.0
        self._whole = self._refused = False

    async def receive_with_limit(self) -> Message:
        """Return the next message.

        Raises:
            HTTPException: 413 if the body is too large, 408 if it arrives too slowly.
        """
        try:
            async with asyncio.timeout_at(self._deadline()):
                message = await super().receive_with_limit()
        except TimeoutError:
            detail = f"the body arrived too slowly: {self.total_size} bytes"
            raise HTTPException(_TOO_SLOW, detail, {"Connection": "close"}) from None
        except HTTPException as error:
            self._refused = True
            size = f"{self.content_length or f'at least {self.total_size}'} bytes"
            error.detail = f"the body has {size}, and at most {self.max_body_size} are taken"
            raise
        self._whole = self._whole or not message.get("more_body", False)
        return message

    def _deadline(self) -> float | None:
        """Return when the next part has to be there; ``None`` once nothing more is to come."""
        if self._whole or not self._patience:
            return None
        now = asyncio.get_running_loop().time()
        self._began = self._began or now
        return self._began + self._patience + self.total_size / _BYTES_PER_SECOND

    async def send_with_limit(self, message: Message) -> None:
        """Send a message; after a refusal, let the client read it before the connection closes."""
        if message["type"] == "http.response.start":
            self.response_started = True
        elif self._refused and not message.get("more_body", False):
            await self.send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self.send(message)

    async def _linger(self) -> None:
        if self._whole or any(name == b"expect" for name, _ in self.scope["headers"]):
            return  # it waits for a sign to send anything
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                while (await self.receive()).get("more_body", False):
                    pass
