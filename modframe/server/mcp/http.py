"""`Endpoint`: the protocol over HTTP, an ASGI application for one path.

The site puts it behind the guard at `/mcp`, and closes it with the app. The SDK's session manager
answers; it runs in a task of its own, which the first request starts.
"""

from __future__ import annotations

import asyncio
from contextvars import Context

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import ClientDisconnect

from ...parts.web.errors import ReconnectError
from ...parts.web.problem import Message, Receive, Scope, Send
from .assistants import Assistants
from .listeners import SESSIONS

_OK = 200


class Endpoint:
    """Answers the requests of assistants; must be on the app loop."""

    def __init__(self, assistants: Assistants) -> None:
        self._assistants = assistants
        # Host and Origin are the guard's.
        self._manager = StreamableHTTPSessionManager(assistants.server, max_sessions=SESSIONS)
        self._started, self._stop = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._task is None:
            # In an empty context, since it outlives the request.
            self._task = asyncio.get_running_loop().create_task(
                self._run(), name="modframe-mcp", context=Context()
            )
        await self._started.wait()
        try:
            if scope["method"] == "GET":
                await self._read_stream(scope, receive, send)
            else:
                await self._manager.handle_request(scope, receive, send)
        except* (ClientDisconnect, ReconnectError):
            pass  # the client left, or was asked to connect again, while something was sent to it
        if scope["method"] == "DELETE":
            self._assistants.listeners.leave(_session_of(scope))

    async def _read_stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let an older client read what it is told; only one stream of a session is opened."""
        listeners, session_id = self._assistants.listeners, _session_of(scope)
        opened = False

        async def send_and_note(message: Message) -> None:
            nonlocal opened
            await send(message)
            if message["type"] == "http.response.start" and message["status"] == _OK:
                opened = True
                listeners.reads(session_id, reads=True)

        try:
            await self._manager.handle_request(scope, receive, send_and_note)
        finally:
            if opened:
                listeners.reads(session_id, reads=False)

    async def _run(self) -> None:
        try:
            async with self._manager.run():
                self._assistants.begin()
                self._started.set()
                await self._stop.wait()
        finally:
            self._started.set()  # no request waits for what failed to start

    async def aclose(self) -> None:
        """End all sessions."""
        self._assistants.end()
        self._stop.set()
        if self._task is not None:
            await asyncio.wait({self._task})


def _session_of(scope: Scope) -> str:
    values = (value for name, value in scope["headers"] if name == b"mcp-session-id")
    return next(values, b"").decode("latin-1")
