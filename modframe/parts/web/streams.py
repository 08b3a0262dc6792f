"""`Streams`: knows which responses are streams, and tells them to go when what serves them ends.

Stands around each generation's routes, and between uvicorn and the guard. To a handler it looks
as if the client had left. An event stream's client gets the end of the stream (and a ``retry``), a
websocket's the close code 1012; both then connect anew. Other responses are left to finish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from .errors import ReconnectError
from .problem import ASGIApp, Message, Receive, Scope, Send

_EVENTS = b"text/event-stream"
_RETRY = b"retry: 500\n\n"
_SERVICE_RESTART = 1012
_REASON = "what answers here was replaced; connect again"


class Counts(Protocol):
    """Who wants to know that a request turned out to be a stream."""

    def count_as_stream(self) -> None:
        """It has begun."""

    def count_as_call(self) -> None:
        """It has ended."""


class Streams:
    """An ASGI application whose open streams can be told to go.

    Args:
        app: The application.
        counts: Told of every stream.
        retry: Whether event streams end with a ``retry``: something newer answers already.
        stays: Whether the stream of a request goes on where only those are told that want to be.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        counts: Counts | None = None,
        retry: bool = True,
        stays: Callable[[Scope], bool] = lambda _: False,
    ) -> None:
        self._app = app
        self.counts = counts
        self.retry = retry
        self._stays = stays
        self.open: set[_Request] = set()
        self.ended = False

    def reconnect(self) -> None:
        """Tell those streams to go that want to know at once of something newer."""
        for one in [one for one in self.open if not self._stays(one.scope)]:
            one.tell()

    def end(self) -> None:
        """Tell every stream to go, and every one that begins from now on."""
        self.ended = True
        for one in list(self.open):
            one.tell()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application."""
        request = _Request(self, scope, receive, send)
        try:
            await self._app(scope, request.receive, request.send)
        finally:
            await request.leave()

    def __repr__(self) -> str:
        return f"<Streams: {len(self.open)} open>"


class _Request:
    """One request: notices whether it is a stream, and from then on can be told to go."""

    def __init__(self, owner: Streams, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._owner = owner
        self._receive = receive
        self._send = send
        self._socket = scope["type"] == "websocket"
        self._whole = self._socket
        self._events = self._stream = False
        self._between_events = True
        self._told: asyncio.Future[None] | None = None
        self._goodbye: asyncio.Task[None] | None = None
        self._sending: asyncio.Lock | None = None

    # -- what the application sends -------------------------------------------------------

    async def send(self, message: Message) -> None:
        """Pass a message on.

        Raises:
            ReconnectError: If it was told to go; nothing more reaches the client.
        """
        if self._sending is None:
            await self._send(message)
            self._look(message)
            return
        async with self._sending:
            if self._goodbye is not None:
                raise ReconnectError(_REASON)
            body: bytes = message.get("body", b"")
            if body:
                self._between_events = body.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))
            if not self._socket and not message.get("more_body", False):
                self._end()
            await self._send(message)

    def _look(self, message: Message) -> None:
        """Whether this message makes a stream of it."""
        kind = message["type"]
        if kind == "http.response.start":
            self.scope["modframe.begun"] = True
            self._events = any(
                name.lower() == b"content-type" and value.startswith(_EVENTS)
                for name, value in message["headers"]
            )
        if self._events or kind == "websocket.accept" or message.get("more_body", False):
            self._begin()

    def _begin(self) -> None:
        self._stream, self._sending = True, asyncio.Lock()
        self._owner.open.add(self)
        if self._owner.counts is not None:
            self._owner.counts.count_as_stream()
        if self._owner.ended:
            self.tell()

    def _end(self) -> None:
        if self._stream:
            self._stream = False
            self._owner.open.discard(self)
            if self._owner.counts is not None:
                self._owner.counts.count_as_call()

    # -- the goodbye ----------------------------------------------------------------------

    def tell(self) -> None:
        """Tell client and handler to go; nothing for a response that is no stream of events."""
        if self._goodbye is None and self._stream and (self._socket or self._events):
            self._goodbye = asyncio.ensure_future(self._say_goodbye())
            if self._told is not None and not self._told.done():
                self._told.set_result(None)

    async def _say_goodbye(self) -> None:
        assert self._sending is not None  # noqa: S101  # a stream has one
        async with self._sending:  # what is on its way goes first
            if self._socket:
                close = {"type": "websocket.close", "code": _SERVICE_RESTART, "reason": _REASON}
                await self._send(close)
            else:
                last = _RETRY if self._between_events and self._owner.retry else b""
                await self._send({"type": "http.response.body", "body": last, "more_body": False})

    async def leave(self) -> None:
        """The application is through."""
        self._end()
        if self._goodbye is not None:
            await asyncio.wait({self._goodbye})
            if not self._goodbye.cancelled():
                self._goodbye.exception()  # the client left before it was told

    # -- what the application receives ----------------------------------------------------

    async def receive(self) -> Message:
        """The next message; once it was told to go, that the client has left."""
        if self._whole:
            return await self._listen()
        message = await self._receive()
        self._whole = not message.get("more_body", False)
        return message

    async def _listen(self) -> Message:
        if self._goodbye is not None:
            return self._left()
        theirs = asyncio.ensure_future(self._receive())
        told = self._told = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait({theirs, told}, return_when=asyncio.FIRST_COMPLETED)
            return theirs.result() if theirs.done() else self._left()
        finally:
            told.cancel()
            if not theirs.done():
                theirs.cancel()

    def _left(self) -> Message:
        if self._socket:
            return {"type": "websocket.disconnect", "code": _SERVICE_RESTART, "reason": _REASON}
        return {"type": "http.disconnect"}


def stays_by(policy: str, name: str) -> Callable[[Scope], bool]:
    """Which streams stay, by what a module says and what its endpoints say themselves.

    Args:
        policy: The module's.
        name: The attribute of an endpoint that has one of its own.
    """

    def stays(scope: Scope) -> bool:
        own: Any = getattr(scope.get("endpoint"), name, policy)
        return bool(own == "finish")

    return stays
