"""`Boundary`: turns what a handler raises into an answer; only cancellation passes through.

It is the outermost layer of every sub-application and of the system pages. It also stops
`SystemExit` and `KeyboardInterrupt` from module code, which would end the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.websockets import WebSocketDisconnect

from ...errors import ModframeError
from ...observe import correlation_id as current_correlation_id
from ...observe import get_framework_logger
from ...runtime.loop.bounds import as_overdue
from .error_answers import expected_problem, http_problem, record_unexpected
from .errors import BrokenResponseError, ReconnectError
from .problem import (
    HANDLERS_KEY,
    ASGIApp,
    Message,
    Problem,
    Receive,
    Scope,
    Send,
    correlation_id,
    request_id,
)

_INTERNAL_ERROR = 1011
_NOTHING, _BEGUN, _DONE = range(3)
_UNEXPECTED = 500


class Boundary:
    """An ASGI application that answers the errors of another, and records them by module id.

    What is logged while it answers carries the correlation id of the request. ``generation`` is the
    number of the generation that answers; 0 if it is no module's.
    """

    __slots__ = ("app", "generation", "name")

    def __init__(self, app: Any, name: str, *, generation: int = 0) -> None:
        self.app: ASGIApp = app
        self.name = name
        self.generation = generation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application and answer what it raises.

        Raises:
            BrokenResponseError: If the response had begun; the server then closes the connection.
        """
        state = _NOTHING

        def send_and_track(message: Message) -> Awaitable[None]:
            nonlocal state
            if state == _NOTHING:
                state = _BEGUN
            elif message["type"] == "websocket.close" or (
                message["type"] == "http.response.body" and not message.get("more_body", False)
            ):
                state = _DONE
            return send(message)

        token = current_correlation_id.set(request_id(scope))
        try:
            await self.app(scope, receive, send_and_track)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except (WebSocketDisconnect, ClientDisconnect, ReconnectError):
            return  # the client left, which ended the handler: nothing failed
        except BaseException as error:  # noqa: BLE001  # between module code and the loop
            problem = self._problem(scope, error, answered=state != _NOTHING)
            if scope["type"] == "websocket" and state == _BEGUN:
                await self._close_websocket(scope, send)
            elif state == _NOTHING:
                if not await _answered_otherwise(problem, error, scope, send):
                    await problem.send(scope, send)
            elif state == _BEGUN:
                raise self._broken(scope) from None  # recorded above
            # If it is done, a background task failed after the answer; the log has it.
        finally:
            current_correlation_id.reset(token)

    def _problem(self, scope: Scope, error: BaseException, *, answered: bool) -> Problem:
        """Return the answer to an error; one that no client expects is recorded."""
        if not answered:
            if isinstance(error, HTTPException):  # the author's answer
                return http_problem(error)
            if isinstance(error, ModframeError) and error.answer is not None:
                return expected_problem(scope, self.name, error, error.answer)
        error = as_overdue(error)
        return record_unexpected(scope, self.name, error, generation=self.generation)

    def _broken(self, scope: Scope) -> BrokenResponseError:
        correlation = correlation_id(scope)
        return BrokenResponseError(
            f"{self.name}: the response to {scope.get('method')} {scope['path']} broke off",
            cure=f"see the log under correlation id {correlation}",
            module_id=self.name,
            correlation_id=correlation,
        )

    async def _close_websocket(self, scope: Scope, send: Send) -> None:
        reason = f"failed; the log has the reason under {correlation_id(scope)}"
        try:
            await send({"type": "websocket.close", "code": _INTERNAL_ERROR, "reason": reason})
        except Exception as error:  # noqa: BLE001  # the client or the handler closed it before
            get_framework_logger(self.name).debug("websocket was closed already: %r", error)


async def _answered_otherwise(
    problem: Problem, error: BaseException, scope: Scope, send: Send
) -> bool:
    """Return whether a handler of the application has answered an error that was unexpected."""
    handlers = scope.get(HANDLERS_KEY)
    expected = problem.status != _UNEXPECTED or isinstance(error, HTTPException)
    if handlers is None or expected or scope["type"] != "http":
        return False
    answered: bool = await handlers.answer_unexpected(error, scope, send)
    return answered
