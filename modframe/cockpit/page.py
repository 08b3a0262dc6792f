"""`Page`: the front end over HTTP. The module, and the messages of each open page.

A page opens a session, reads its lines of JSON from an answer that does not end, and posts its own
messages. The site serves what `apps` lists, behind the guard: all of it needs the token.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from ..errors import FormError
from ..parts.web.problem import ASGIApp, Problem, Receive, Scope, Send
from ..server.status import STATUS_PATH
from .bundle import front_end
from .facts import Facts
from .follow import Follower
from .session import Session

_QUEUED = 1000
"""How many messages wait for a page that reads nothing; at the next one its session ends."""
_UNREAD = 30.0
"""Seconds for which a session waits for its page to read."""
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_STREAM = {**_NO_STORE, "X-Accel-Buffering": "no"}  # a proxy must not wait for more
_NO_SESSION = Problem(404, "There is no such session any more; open the page again")


class Page:
    """Serves the pages of one app.

    Attributes:
        apps: Path → what answers there.
    """

    def __init__(self, facts: Facts, *, follower: Follower) -> None:
        self._facts, self._follower = facts, follower
        self._open: dict[str, _Lines] = {}
        self.apps: Mapping[str, ASGIApp] = {
            f"{STATUS_PATH}cockpit.mjs": _answering("GET", self._module),
            f"{STATUS_PATH}open": _answering("POST", self._begin),
            f"{STATUS_PATH}news": _answering("GET", self._news),
            f"{STATUS_PATH}send": _answering("POST", self._take),
        }

    def close(self) -> None:
        """Tell the open pages that the app stops, and end their answers; on the app loop."""
        for lines in self._open.values():
            lines.session.pause("modframe was stopped")
            lines.end()

    async def _module(self, request: Request) -> Response:
        return Response(
            front_end(),
            headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"},
            media_type="text/javascript",
        )

    async def _begin(self, request: Request) -> Response:
        """Open a session; its name is as hard to guess as the token."""
        name = secrets.token_urlsafe(24)
        lines = self._open[name] = _Lines(give_up=lambda: self._end(name))
        lines.session = Session(self._facts, lines.put, place="page", follower=self._follower)
        asyncio.get_running_loop().call_later(_UNREAD, self._end_unread, name)
        return JSONResponse({"session": name}, 201, _NO_STORE)

    def _end_unread(self, name: str) -> None:
        if (lines := self._open.get(name)) is not None and not lines.read:
            self._end(name)

    def _end(self, name: str) -> None:
        if (lines := self._open.pop(name, None)) is not None:
            lines.session.close()

    async def _news(self, request: Request) -> Response | Problem:
        """Send the lines of a session until its page goes, or the server."""
        name = request.query_params.get("session", "")
        lines = self._open.get(name)
        if lines is None or lines.read:
            return _NO_SESSION
        lines.read = True

        async def content() -> AsyncIterator[bytes]:
            try:
                yield b"\n"  # Firefox hands out an answer only once it has begun
                while (text := await lines.get()) is not None:
                    yield text
            finally:
                self._end(name)

        return StreamingResponse(content(), headers=_STREAM, media_type="application/x-ndjson")

    async def _take(self, request: Request) -> Response | Problem:
        """Take one message of a page."""
        lines = self._open.get(request.query_params.get("session", ""))
        if lines is None:
            return _NO_SESSION
        try:
            message = json.loads(await request.body())
        except (ValueError, RecursionError):
            message = None
        try:
            lines.session.receive(message)
        except FormError as error:
            return Problem(400, error.message)
        if message.get("op") == "bye":
            lines.end()
        return Response(status_code=204, headers=_NO_STORE)


class _Lines:
    """The lines that wait for one page; put in from any thread, taken on the app loop."""

    session: Session

    def __init__(self, *, give_up: Callable[[], None]) -> None:
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED)
        self.read = self._ended = False

    def put(self, line: str) -> None:
        with suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(self._put, f"{line}\n".encode())

    def _put(self, line: bytes | None) -> None:
        if self._waiting.full():  # it reads nothing; once it does, it comes again and is told anew
            self._waiting = asyncio.Queue(_QUEUED)
            self._waiting.put_nowait(None)
            self._give_up()
        else:
            self._waiting.put_nowait(line)

    def end(self) -> None:
        """Let the answer end once all lines were taken; on the app loop."""
        self._loop.call_soon(self._put, None)

    async def get(self) -> bytes | None:
        """Return all that waits, as one piece; ``None`` at the end."""
        if self._ended:
            return None
        pieces: list[bytes] = []
        line = await self._waiting.get()
        while line is not None:
            pieces.append(line)
            if self._waiting.empty():
                break
            line = self._waiting.get_nowait()
        self._ended = line is None
        return b"".join(pieces) or None


def _answering(method: str, answer: Callable[[Request], Awaitable[Response | Problem]]) -> ASGIApp:
    """Return an application that answers requests with one method."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != method:
            allow = {"Allow": method}
            await Problem(405, f"{scope['path']} takes {method}", headers=allow).send(scope, send)
            return
        try:
            found = await answer(Request(scope, receive))
        except ClientDisconnect:
            return
        if isinstance(found, Problem):
            await found.send(scope, send)
        else:
            await found(scope, receive, send)

    return app
