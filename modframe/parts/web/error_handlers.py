"""`ErrorHandlers`: what an application says about its errors, in place of modframe's problems.

The server puts it into each scope. Modules' routes find their handlers of exceptions here, and a
`Problem` that is about to be sent, from a module, a page, the guard or a path where nothing is,
asks here for the handler of its status.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ...observe import record_failure
from ...runtime.ownership import callable_name
from .error_answers import HANDLERS
from .problem import HANDLERS_KEY, Message, Problem, Scope, Send, correlation_id

Handler = Callable[..., Any]
_SERVER_FAULT = 500


class ProblemError(HTTPException):
    """What the handler of a status gets: the refusal that modframe was about to send.

    Attributes:
        extra: Further members of the problem, such as ``errors`` of a 422.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status, problem.detail, dict(problem.headers) or None)
        self.extra: Mapping[str, Any] = dict(problem.extra)


class ErrorHandlers:
    """The handlers of one application, by exception class and by status; never changed.

    Attributes:
        starlette: What a router's requests look handlers up in: modframe's own, and those by class.
    """

    def __init__(self, handlers: Mapping[type | int, Handler]) -> None:
        self._by_status = {key: one for key, one in handlers.items() if isinstance(key, int)}
        self._by_class = {key: one for key, one in handlers.items() if not isinstance(key, int)}
        expected = {key: one for key, one in self._by_class.items() if key is not Exception}
        self.starlette: tuple[dict[Any, Any], dict[int, Any]] = ({**HANDLERS, **expected}, {})

    async def answer_problem(self, problem: Problem, scope: Scope, send: Send) -> bool:
        """Send what the handler of a refusal's status, or of `HTTPException`, makes of it.

        Headers that belong to the status, such as ``Allow``, are added to the answer. Returns
        whether there was a handler that could.
        """
        handler = self._by_status.get(problem.status) or self._by_class.get(HTTPException)
        error = ProblemError(problem)
        return handler is not None and await self._answer(handler, error, scope, send)

    async def answer_unexpected(self, error: BaseException, scope: Scope, send: Send) -> bool:
        """Send what the handler of status 500, or of `Exception`, makes of an error.

        Returns whether there was one that could.
        """
        handler = self._by_status.get(_SERVER_FAULT) or self._by_class.get(Exception)
        return handler is not None and await self._answer(handler, error, scope, send)

    @staticmethod
    async def _answer(handler: Handler, error: BaseException, scope: Scope, send: Send) -> bool:
        handlers = scope.pop(HANDLERS_KEY)  # what fails here is answered without them
        request = Request(scope, _nothing_more)
        try:
            if inspect.iscoroutinefunction(handler):
                response = await handler(request, error)
            else:
                response = await run_in_threadpool(handler, request, error)
            if not callable(response):
                raise TypeError(f"it returned {response!r}, which is no Response")
        except Exception as fault:  # noqa: BLE001  # the client still gets modframe's own answer
            record_failure(
                "modframe.server",
                f"the exception handler {callable_name(handler)}() failed: {fault}",
                fault,
                correlation_id=correlation_id(scope),
            )
            return False
        scope[HANDLERS_KEY] = handlers
        if isinstance(error, ProblemError) and isinstance(response, Response):
            for name, value in (error.headers or {}).items():
                response.headers.setdefault(name, value)
        await response(scope, _nothing_more, send)
        return True

    def __repr__(self) -> str:
        names = [str(key) for key in self._by_status]
        names += [key.__name__ for key in self._by_class]
        return f"<ErrorHandlers: {', '.join(names)}>"


async def _nothing_more() -> Message:
    """Wait for ever: an answer to an error doesn't read the request."""
    await asyncio.Event().wait()
    raise AssertionError
