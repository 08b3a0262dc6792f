"""What went wrong in a handler → what the client is told, and what the log keeps.

Called by the sub-application. An author's `HTTPException` is shown; a validation error is shown
without what was sent; everything else is a 500 with a correlation id, its text only in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, get_args

from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.utils import is_body_allowed_for_status_code
from pydantic_core.core_schema import ErrorType
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from ...wording import count
from .problem import Problem, Scope, correlation_id, phrase

# Of an error's context only what the schema says; the rest may repeat the input.
_SCHEMA_FACTS = frozenset(
    {"gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern"}
    | {"expected", "expected_tags", "discriminator", "max_digits", "decimal_places"}
    | {"whole_digits", "expected_schemes", "tz_expected"}
)
# Their message is the author's, or repeats the input.
_SPEAKING = frozenset({"value_error", "assertion_error", "union_tag_invalid"})
_SHORTEST_ECHO = 3
_LONGEST_SEARCH = 500
_POLICY_VIOLATION = 1008


def of_http(error: HTTPException) -> Problem:
    """The problem that an `HTTPException` stands for."""
    # FastAPI takes any JSON for a detail; Starlette, whose class this is, says text.
    detail: object = error.detail
    shown_as = phrase(error.status_code) if detail is None else jsonable_encoder(detail)
    return Problem(error.status_code, shown_as, headers=dict(error.headers or {}))


def of_validation(error: RequestValidationError) -> Problem:
    """The problem that a request makes which does not fit the route; nothing of it is repeated."""
    faults = count(len(error.errors()), "error")
    detail = f"The request does not fit this route: {faults}"
    return Problem(422, detail, extra={"errors": shown(error.errors())})


def unexpected(scope: Scope, module_id: str, error: BaseException) -> Problem:
    """Log a fault with its traceback; the problem that names the log line and nothing else."""
    known = correlation_id(scope)
    method = scope.get("method", "WS")
    logging.getLogger(module_id).error(
        "%s %s failed with %s (correlation id %s)",
        method,
        scope["path"],
        type(error).__name__,
        known,
        exc_info=error,
        extra={"correlation_id": known},
    )
    return Problem(500, f"This request failed; the log has the reason under {known}")


class ProblemResponse(Response):
    """A `Problem` as a Starlette response, for the hooks that want one."""

    def __init__(self, problem: Problem, scope: Scope) -> None:
        allowed = is_body_allowed_for_status_code(problem.status)
        body = problem.body(scope) if allowed else b""
        super().__init__(body, status_code=problem.status)
        if allowed:
            self.raw_headers = list(problem.raw_headers(scope, body))
        else:
            self.headers.update(problem.headers)


async def _http(connection: HTTPConnection, error: HTTPException) -> Response:
    return ProblemResponse(of_http(error), connection.scope)


async def _validation(request: Request, error: RequestValidationError) -> Response:
    return ProblemResponse(of_validation(error), request.scope)


async def _websocket(socket: WebSocket, error: WebSocketException) -> None:
    await socket.close(code=error.code, reason=error.reason)


async def _websocket_validation(socket: WebSocket, error: WebSocketRequestValidationError) -> None:
    names = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
    reason = f"does not fit this route: {names}".encode()[:120].decode("utf-8", "ignore")
    await socket.close(code=_POLICY_VIOLATION, reason=reason)


HANDLERS: dict[Any, Any] = {
    HTTPException: _http,
    RequestValidationError: _validation,
    WebSocketException: _websocket,
    WebSocketRequestValidationError: _websocket_validation,
}


# -- validation errors without what was sent ---------------------------------------------------


def shown(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Validation errors with their place, kind, message and limits, and nothing of the input."""
    rows = []
    for error in errors:
        kind = error.get("type", "")
        message = error.get("msg", "")
        if kind in _SPEAKING or kind not in _known_kinds():
            message = _without(message, error.get("input"))
        row = {"type": kind, "loc": list(error.get("loc", ())), "msg": message}
        limits = {
            key: value if isinstance(value, (int, float, str, bool)) else str(value)
            for key, value in (error.get("ctx") or {}).items()
            if key in _SCHEMA_FACTS
        }
        rows.append({**row, "ctx": limits} if limits else row)
    return rows


@cache
def _known_kinds() -> frozenset[str]:
    return frozenset(get_args(ErrorType)) | {"json_invalid", "missing"}


def _without(message: str, given: Any) -> str:
    """A message with every value that was sent replaced by an ellipsis."""
    found = (value for value in _values(given) if len(value) >= _SHORTEST_ECHO)
    for value in sorted(set(found), key=len, reverse=True):
        message = message.replace(value, "…")
    return message


def _values(given: Any) -> Iterator[str]:
    waiting, seen = [given], 0
    while waiting and seen < _LONGEST_SEARCH:
        one = waiting.pop()
        seen += 1
        if isinstance(one, Mapping):
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple, set, frozenset)):
            waiting.extend(one)
        elif isinstance(one, bytes):
            yield one.decode("utf-8", "replace")
        elif one is not None and not isinstance(one, bool):
            yield str(one)
