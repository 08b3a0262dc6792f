"""`OpenRequests`: the requests that a server has under way, and their answer when it is stopped.

It stands inside uvicorn, outside of everything else. A request that is still running at the end of
the server's grace gets 503, unless its answer has begun; also one in a thread, which can't be
cancelled and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from ..parts.web.problem import ASGIApp, Message, Problem, Receive, Scope, Send

_STOPPED = "the server is being stopped, and this request took longer than that"


class OpenRequests:
    """An ASGI application that answers requests which the end of the server cuts short.

    Args:
        app: The application.
        abort: Drops the connection of a client, by its address. Each scope gets it as
            ``modframe.abort``, for a client that reads nothing.
    """

    def __init__(self, app: ASGIApp, abort: Callable[[object], None]) -> None:
        self._app = app
        self._abort = abort
        self._open: set[_Request] = set()
        self._ending = False

    def end(self) -> None:
        """Answer the requests that are cancelled from now on."""
        self._ending = True

    async def cut(self) -> None:
        """Answer those that still run; what they send later is dropped."""
        for request in list(self._open):
            await request.cut()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["modframe.abort"] = partial(self._abort, scope.get("client"))
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope, send)
        self._open.add(request)
        try:
            await self._app(scope, receive, request.send)
        except asyncio.CancelledError:
            if not self._ending:
                raise
            await request.cut()
        finally:
            self._open.discard(request)

    def __repr__(self) -> str:
        return f"<OpenRequests: {len(self._open)} open>"


class _Request:
    """One request that is under way."""

    __slots__ = ("_begun", "_cut", "_scope", "_send")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._begun = self._cut = False

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a message on, unless the request was cut short."""
        if self._cut:
            return _dropped()
        self._begun = True
        return self._send(message)

    async def cut(self) -> None:
        """Answer it with 503, unless its answer has begun."""
        if not self._begun:
            self._begun = self._cut = True
            headers = {"Retry-After": "1", "Connection": "close"}
            await Problem(503, _STOPPED, headers=headers).send(self._scope, self._send)


async def _dropped() -> None:
    """Send nothing."""
