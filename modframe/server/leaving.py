"""`Leaving`: tells open event streams to go when a server stops, so that none holds it up.

Stands between uvicorn and the guard. To a handler it looks as if the client had left (Starlette
ends the stream), to the client as if the stream had come to its end (an EventSource reconnects).
Other responses are left to finish within the grace.
"""

from __future__ import annotations

import asyncio

from ..parts.web.problem import ASGIApp, Message, Receive, Scope, Send


class Leaving:
    """An ASGI application whose event streams end when `begin` is called."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._begun = asyncio.Event()

    def begin(self) -> None:
        """End every event stream, and every one that starts from now on."""
        self._begun.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(self._begun, receive, send)
        await self._app(scope, request.receive, request.send)
        if request.streaming and self._begun.is_set():
            await send({"type": "http.response.body", "body": b""})


class _Request:
    """One request: notices whether it is an event stream, and then listens for the end."""

    __slots__ = ("_begun", "_receive", "_send", "_whole", "streaming")

    def __init__(self, begun: asyncio.Event, receive: Receive, send: Send) -> None:
        self._begun = begun
        self._receive = receive
        self._send = send
        self._whole = False
        self.streaming = False

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self.streaming = any(
                name.lower() == b"content-type" and value.startswith(b"text/event-stream")
                for name, value in message["headers"]
            )
        elif self.streaming and not message.get("more_body", False):
            self.streaming = False
        await self._send(message)

    async def receive(self) -> Message:
        if self._whole:
            return await self._listen()
        message = await self._receive()
        self._whole = not message.get("more_body", False)
        return message

    async def _listen(self) -> Message:
        """The next message after the body, which is the client's leaving, or ours."""
        theirs = asyncio.ensure_future(self._receive())
        ours = asyncio.ensure_future(self._begun.wait())
        try:
            await asyncio.wait({theirs, ours}, return_when=asyncio.FIRST_COMPLETED)
            if not theirs.done() and not self.streaming:
                await asyncio.wait([theirs])
        finally:
            ours.cancel()
            if not theirs.done():
                theirs.cancel()
        return theirs.result() if theirs.done() else {"type": "http.disconnect"}
