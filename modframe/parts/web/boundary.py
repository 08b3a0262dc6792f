"""`Boundary`: where what a handler lets out becomes an answer; nothing but cancellation passes.

Stands outermost in every sub-application and around the system pages. `SystemExit` and
`KeyboardInterrupt` from module code end here too: past it they would end the loop.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.websockets import WebSocketDisconnect

from .error_answers import of_http, unexpected
from .errors import BrokenResponseError, ReconnectError
from .problem import ASGIApp, Message, Receive, Scope, Send, correlation_id

_INTERNAL_ERROR = 1011
_NOTHING, _BEGUN, _DONE = range(3)


class Boundary:
    """An ASGI application that answers for the faults of another.

    Args:
        app: The application.
        name: Logger that faults go to: the module's id.
    """

    __slots__ = ("app", "name")

    def __init__(self, app: Any, name: str) -> None:
        self.app: ASGIApp = app
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application and answer for what it lets out.

        Raises:
            BrokenResponseError: When the response had begun: the server closes the connection.
        """
        state = _NOTHING

        async def watched(message: Message) -> None:
            nonlocal state
            if state == _NOTHING:
                state = _BEGUN
            elif message["type"] == "websocket.close" or (
                message["type"] == "http.response.body" and not message.get("more_body", False)
            ):
                state = _DONE
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except (WebSocketDisconnect, ClientDisconnect, ReconnectError):
            return  # the client left, and the handler let that end it: nothing failed
        except HTTPException as error:
            if state != _NOTHING:
                unexpected(scope, self.name, error)
                raise self._broken(scope) from None  # logged a line above
            await of_http(error).send(scope, send)
        except BaseException as error:  # noqa: BLE001  # between module code and the loop
            problem = unexpected(scope, self.name, error)
            if scope["type"] == "websocket" and state == _BEGUN:
                await self._close(scope, send)
            elif state == _NOTHING:
                await problem.send(scope, send)
            elif state == _BEGUN:
                raise self._broken(scope) from None  # logged by `unexpected`
            # Done: a background task failed after the answer; the log has it.

    def _broken(self, scope: Scope) -> BrokenResponseError:
        known = correlation_id(scope)
        return BrokenResponseError(
            f"{self.name}: the response to {scope.get('method')} {scope['path']} broke off",
            cure=f"see the log under correlation id {known}",
            module_id=self.name,
            correlation_id=known,
        )

    async def _close(self, scope: Scope, send: Send) -> None:
        reason = f"failed; the log has the reason under {correlation_id(scope)}"
        try:
            await send({"type": "websocket.close", "code": _INTERNAL_ERROR, "reason": reason})
        except Exception as error:  # noqa: BLE001  # client or handler closed it before
            logging.getLogger(self.name).debug("websocket was closed already: %r", error)
