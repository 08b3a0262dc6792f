"""`Measured`: counts each request of a site with its route, its status and how long it took.

It stands between the guard and the dispatcher, so what the guard refuses is not counted. What it
needs to know of a request the dispatcher and the pages leave in its scope, and the router.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from ..observe import OTHER, AccessLine, Answer, EventLog, Numbers
from ..parts.web.problem import ASGIApp, Message, Receive, Scope, Send, request_id
from ..parts.web.routes import template_of
from ..parts.web.streams import EVENTS_KEY

if TYPE_CHECKING:
    from ..runtime.generation import Generation

GENERATION_KEY = "modframe.generation"
"""The key of a scope with the generation that answers."""
MODULE_KEY = "modframe.module"
"""The key with the id of the module that would answer, but is not live or has no routes."""
ROUTE_KEY = "modframe.route"
"""The key with the path of a page of the system."""
SERVER = "modframe.server"
"""Stands in the place of a module's id for the system pages, and for what nothing answers."""
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"}
)
_WEBSOCKET = "WS"
_OPENED, _REFUSED, _LEFT, _FAILED = 101, 403, 499, 500


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

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if not status:
                status = _status_of(message)
            await send(message)

        outside = scope.get("root_path", "")
        began = time.perf_counter()
        try:
            await self._app(scope, receive, send_and_note)
        except (asyncio.CancelledError, GeneratorExit):
            status = status or _LEFT
            raise
        except BaseException:
            status = _FAILED  # also if the answer had begun: it broke off
            raise
        finally:
            self._note(scope, outside, status or _LEFT, time.perf_counter() - began)

    def _note(self, scope: Scope, outside: str, status: int, seconds: float) -> None:
        # Taken out: a server keeps the scope of the last request of each connection.
        generation: Generation | None = scope.pop(GENERATION_KEY, None)
        socket = scope["type"] == "websocket"
        method = _WEBSOCKET if socket else scope["method"]
        if method not in _METHODS and not socket:
            method = OTHER  # a client may send any word
        if generation is not None:
            module_id, route = generation.module_id, template_of(scope, outside)
        else:
            module_id, route = scope.get(MODULE_KEY, SERVER), scope.get(ROUTE_KEY, "")
        self._numbers.requests_of(module_id).add(
            Answer(route, method, status), seconds, lasting=socket or EVENTS_KEY in scope
        )
        if (access := self._log.access) is not None:
            access.put(
                AccessLine(
                    time.time(),
                    module_id,
                    generation.number if generation is not None else 0,
                    method,
                    route,
                    "" if route else scope["path"],
                    status,
                    seconds,
                    str(request_id(scope)),
                )
            )

    def __repr__(self) -> str:
        return f"<Measured: {self._numbers!r}>"


def _status_of(message: Message) -> int:
    """Return the status that a first message tells; 0 if it tells none."""
    status: Any = message.get("status")
    if status is not None:
        return int(status)
    kind = message["type"]
    return {"websocket.accept": _OPENED, "websocket.close": _REFUSED}.get(kind, 0)
