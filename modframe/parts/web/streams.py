"""`Streams`: knows which responses are streams, and ends them when their generation ends.

It wraps each generation's routes, and the guard inside uvicorn. A handler sees the same as when its
client leaves. The client of an event stream gets the end of the stream (and a ``retry``), that of a
websocket the close code 1012; both then connect again. Other responses finish by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from .errors import ReconnectError
from .problem import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from ...runtime.generation import Generation

EVENTS_KEY = "modframe.events"
"""The key of a scope whose answer is an event stream."""
_EVENTS = b"text/event-stream"
_RETRY = b"retry: 500\n\n"
_SERVICE_RESTART = 1012
_PATIENCE = 0.4
"""Seconds in which a client has to take the end of its stream, once the handler has returned."""
_REASON = "what answers here was replaced; connect again"


class Streams:
    """An ASGI application whose open streams can be ended.

    Args:
        app: The application.
        counts: The generation that counts them.
        retry: Whether event streams end with a ``retry``, because a successor answers already.
        stays: Returns whether the stream of a request stays open in `reconnect`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        counts: Generation | None = None,
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
        """End the streams that are to reconnect as soon as there is a successor."""
        for request in [request for request in self.open if not self._stays(request.scope)]:
            request.ask_to_end()

    def end(self) -> None:
        """End every stream, also those that begin later."""
        self.ended = True
        for request in list(self.open):
            request.ask_to_end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _Request(self, scope, receive, send)
        try:
            await self._app(scope, request.receive, request.send)
        finally:
            if request.is_stream:
                await request.finish()

    def __repr__(self) -> str:
        return f"<Streams: {len(self.open)} open>"


def _is_event_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    for name, value in headers:  # `any` would take four times as long
        if value.startswith(_EVENTS) and name.lower() == b"content-type":
            return True
    return False


class _Request:
    """One request: notices when its response is a stream, which can then be ended."""

    def __init__(self, owner: Streams, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._owner = owner
        self._receive = receive
        self._send = send
        self._socket = scope["type"] == "websocket"
        self._whole = self._socket
        self._events = self._stream = False
        self._between_events = True
        self._asked: asyncio.Future[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._sending: asyncio.Lock | None = None

    # -- what the application sends -------------------------------------------------------

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a message on.

        Raises:
            ReconnectError: If it was asked to end; nothing more reaches the client.
        """
        if self._sending is not None:
            return self._send_in_turn(self._sending, message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            return self._send(message)  # a whole answer, and no stream
        return self._send_and_notice(message)

    async def _send_and_notice(self, message: Message) -> None:
        await self._send(message)
        self._notice_stream(message)

    async def _send_in_turn(self, turn: asyncio.Lock, message: Message) -> None:
        async with turn:
            if self._ending is not None:
                raise ReconnectError(_REASON)
            body: bytes = message.get("body", b"")
            if body:
                self._between_events = body.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))
            if not self._socket and not message.get("more_body", False):
                self._end()
            await self._send(message)

    def _notice_stream(self, message: Message) -> None:
        """Begin the stream if this message shows that the response is one."""
        kind = message["type"]
        if kind == "http.response.start":
            self.scope["modframe.begun"] = True
            if _is_event_stream(message["headers"]):
                self._events = self.scope[EVENTS_KEY] = True
        if self._events or kind == "websocket.accept" or message.get("more_body", False):
            self._begin()

    def _begin(self) -> None:
        self._stream, self._sending = True, asyncio.Lock()
        self._owner.open.add(self)
        if self._owner.counts is not None:
            self._owner.counts.count_as_stream()
        if self._owner.ended:
            self.ask_to_end()

    def _end(self) -> None:
        if self._stream:
            self._stream = False
            self._owner.open.discard(self)
            if self._owner.counts is not None:
                self._owner.counts.count_as_call()

    @property
    def is_stream(self) -> bool:
        """Whether it is a stream, or was one that was asked to end."""
        return self._stream or self._ending is not None

    # -- the end asked for --------------------------------------------------------------

    def ask_to_end(self) -> None:
        """Tell client and handler that the stream ends; does nothing for other responses."""
        if self._ending is None and self._stream and (self._socket or self._events):
            self._ending = asyncio.ensure_future(self._send_end())
            if self._asked is not None and not self._asked.done():
                self._asked.set_result(None)

    async def _send_end(self) -> None:
        assert self._sending is not None  # noqa: S101  # a stream has one
        async with self._sending:  # what is on its way goes first
            if self._socket:
                close = {"type": "websocket.close", "code": _SERVICE_RESTART, "reason": _REASON}
                await self._send(close)
            else:
                last = _RETRY if self._between_events and self._owner.retry else b""
                await self._send({"type": "http.response.body", "body": last, "more_body": False})

    async def finish(self) -> None:
        """End the stream: the application has returned."""
        self._end()
        if self._ending is not None:
            await asyncio.wait({self._ending}, timeout=_PATIENCE)
            if not self._ending.done():  # the client reads nothing
                self._ending.cancel()
                self.scope.get("modframe.abort", lambda: None)()
                await asyncio.wait({self._ending}, timeout=_PATIENCE)
            if self._ending.done() and not self._ending.cancelled():
                self._ending.exception()  # the client left before

    # -- what the application receives ----------------------------------------------------

    async def receive(self) -> Message:
        """Return the next message; once the stream was asked to end, that the client has left."""
        if self._whole:
            return await self._listen()
        message = await self._receive()
        self._whole = not message.get("more_body", False)
        return message

    async def _listen(self) -> Message:
        if self._ending is not None:
            return self._left()
        message = asyncio.ensure_future(self._receive())
        asked = self._asked = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait({message, asked}, return_when=asyncio.FIRST_COMPLETED)
            return message.result() if message.done() else self._left()
        finally:
            asked.cancel()
            if not message.done():
                message.cancel()

    def _left(self) -> Message:
        if self._socket:
            return {"type": "websocket.disconnect", "code": _SERVICE_RESTART, "reason": _REASON}
        return {"type": "http.disconnect"}
