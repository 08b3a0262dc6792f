"""Routes that return a `Result`: its data is the answer, and an error becomes a problem.

Called by `build_web` for the routes of each router. FastAPI gets the data in place of the result,
so that ``response_model``, headers and background tasks work as with any other value.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from fastapi.routing import RouteContext
from starlette.requests import HTTPConnection

from ...observe import record_result
from ...result import Result
from .problem import Problem

DEFAULT_STATUS = 400
"""The status of an error whose code the module gives none."""
_ANSWERS = "__modframe_answers__"


class FailedResultError(Exception):
    """Carries the error that an endpoint returned to the handler that answers it.

    It is raised inside the route, so that dependencies with ``yield`` see that the request failed.
    """

    def __init__(self, result: Result, status: int) -> None:
        super().__init__(f"{result.code}: {result.message}")
        self.result = result
        self.status = status


async def answer_failed_result(connection: HTTPConnection, error: FailedResultError) -> Problem:
    """Answer with the error's message and code; record it with its details, which stay out."""
    scope = connection.scope
    request = f"{scope.get('method', 'WS')} {scope['path']}"
    record_result(error.result, scope["app"].title, request, returned_by=scope.get("endpoint"))
    return Problem(error.status, error.result.message, extra={"code": error.result.code})


def answer_results(routes: Iterable[RouteContext], statuses: Mapping[str, int]) -> None:
    """Let endpoints return a `Result`.

    Args:
        routes: The routes of a module's router, which are changed in place.
        statuses: Code of an error → HTTP status.
    """

    def unwrap(value: Any) -> Any:
        if not isinstance(value, Result):
            return value
        if value.success:
            return value.data
        raise FailedResultError(value, statuses.get(value.code or "", DEFAULT_STATUS))

    for context in routes:
        dependant = getattr(context, "dependant", None)
        call = getattr(dependant, "call", None)
        if dependant is not None and call is not None and not hasattr(call, _ANSWERS):
            dependant.call = _unwrapping(call, unwrap)


def _unwrapping(call: Callable[..., Any], unwrap: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return an endpoint that FastAPI calls in the way in which it would call this one."""

    async def unwrap_later(outcome: Awaitable[Any]) -> Any:
        return unwrap(await outcome)

    @functools.wraps(call)
    def endpoint(**values: Any) -> Any:
        outcome = call(**values)
        return unwrap_later(outcome) if inspect.isawaitable(outcome) else unwrap(outcome)

    setattr(endpoint, _ANSWERS, True)
    return endpoint
