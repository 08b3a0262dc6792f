"""`Measured`: counts each request of a site with its route, its status and how long it took.

It stands right behind the guard, so what that refuses is not counted, and what the application's
middleware answers is. Who answered a request the dispatcher and the pages note in its `Notes`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from ..observe import OTHER, SERVER, AccessLine, EventLog, Numbers
from ..parts.web.problem import ASGIApp, Message, Receive, Scope, Send, request_id
from ..parts.web.routes import template_of
from ..parts.web.streams import EVENTS_KEY

if TYPE_CHECKING:
    from ..runtime.generation import Generation

NOTES_KEY = "modframe.notes"
"""The key of a scope with the `Notes` of the request."""
_WEBSOCKET = "WS"
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"}
)
_SOCKET_STATUSES = {"websocket.accept": 101, "websocket.close": 403}
_LEFT, _FAILED = 499, 500


class Notes:
    """What is known of a request once it was answered; middleware may copy its scope.

    Attributes:
        scope: The scope that the router got. ``outside``: its ``root_path`` before.
        generation: The generation that answered, if one did.
        module_id: The module that answered, or would, if it were live and had routes.
        route: The path of a page of the system.
    """

    # Of the class until something is noted, so that making one costs nothing.
    scope: Scope | None = None
    outside = route = ""
    generation: Generation | None = None
    module_id = SERVER

    def forget(self) -> None:
        """Let go of what would keep a generation in memory."""
        self.scope = self.generation = None

    @property
    def number(self) -> int:
        """The number of the generation; 0 if none answered."""
        return self.generation.number if self.generation is not None else 0

    @property
    def path(self) -> str:
        """The path of the route that answered; empty if none did."""
        return self.route if self.scope is None else template_of(self.scope, self.outside)

    @property
    def is_stream(self) -> bool:
        """Whether the answer was an event stream."""
        return self.scope is not None and EVENTS_KEY in self.scope


def note_generation(scope: Scope, generation: Generation) -> None:
    """Note which generation answers a request, before its routes get it."""
    if (notes := scope.get(NOTES_KEY)) is not None:
        notes.scope, notes.outside = scope, scope.get("root_path", "")
        notes.generation, notes.module_id = generation, generation.module_id


def note_module(scope: Scope, module_id: str) -> None:
    """Note which module a request is for that it can't have."""
    if (notes := scope.get(NOTES_KEY)) is not None:
        notes.module_id = module_id


def note_route(scope: Scope, path: str) -> None:
    """Note which page of the system answers; a client must not be able to choose the path."""
    if (notes := scope.get(NOTES_KEY)) is not None:
        notes.route = path


class Measured:
    """An ASGI application that counts what another one answers.

    Args:
        app: The application.
        numbers: Counts the requests.
        log: Gets a line for each, if it keeps an access log.
    """

    def __init__(self, app: ASGIApp, numbers: Numbers, log: EventLog) -> None:
        self._app = app
        self._numbers = numbers
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it when it has ended."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        status = 0

        def send_and_note(message: Message) -> Awaitable[None]:
            nonlocal status
            if not status:
                status = _status_of(message)
            return send(message)

        notes = scope[NOTES_KEY] = Notes()
        correlation = request_id(scope)  # noted before middleware may copy the scope
        began = time.perf_counter()
        try:
            await self._app(scope, receive, send_and_note)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException:
            status = _FAILED  # also if the answer had begun: it broke off
            raise
        finally:
            now = time.perf_counter()
            socket = scope["type"] == "websocket"
            method = _WEBSOCKET if socket else scope["method"]
            if method not in _METHODS and not socket:
                method = OTHER  # a client may send any word
            answer = notes.path, method, status or _LEFT
            seconds = None if socket or notes.is_stream else now - began
            self._numbers.answered(notes.module_id, answer, seconds, now=now)
            if (access := self._log.access) is not None:
                sent = "" if answer[0] else scope["path"]
                known = notes.module_id, notes.number, answer, sent, now - began, str(correlation)
                access.put(AccessLine(time.time(), *known))
            notes.forget()  # a server keeps the scope of a connection's last request

    def __repr__(self) -> str:
        return f"<Measured: {self._numbers!r}>"


def _status_of(message: Message) -> int:
    """Return the status that a first message tells; 0 if it tells none."""
    status: Any = message.get("status")
    return status or _SOCKET_STATUSES.get(message["type"], 0)
