"""From an error in a handler to the answer for the client, and to a line in the log.

Called by the sub-application. An author's `HTTPException` is shown, and recorded if it is a fault
of the server. A validation error is shown without what was sent. An error of modframe may have an
`Answer`, such as 409 for a conflict in a database. Everything else is a 500 with a correlation id;
its text is only in the log.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import (
    RequestValidationError,
    ResponseValidationError,
    WebSocketRequestValidationError,
)
from pydantic_core.core_schema import ErrorType
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection, Request
from starlette.websockets import WebSocket

from ...errors import Answer, ModframeError
from ...load.body import note_known_cure
from ...observe import find_defined, find_raised, get_framework_logger, record_failure
from ...runtime.ownership import callable_name
from ...wording import count, text_after_colon
from .problem import Problem, Scope, correlation_id, mask_of, phrase
from .results import FailedResultError, answer_failed_result

# The keys of an error's context that the schema gives; others may repeat the input.
_SCHEMA_FACTS = frozenset(
    {"gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern"}
    | {"expected", "expected_tags", "discriminator", "max_digits", "decimal_places"}
    | {"whole_digits", "expected_schemes", "tz_expected"}
)
# Kinds of errors whose message is the author's, or repeats the input.
_OPEN_MESSAGES = frozenset({"value_error", "assertion_error", "union_tag_invalid"})
_KNOWN_KINDS = frozenset(get_args(ErrorType)) | {"json_invalid", "missing"}
_MOST_ERRORS = 100
_SHORTEST_ECHO = 3
_LONGEST_SEARCH = 500
_POLICY_VIOLATION = 1008
_SERVER_FAULT = 500


def http_problem(error: HTTPException) -> Problem:
    # FastAPI accepts any JSON as a detail; Starlette, whose class this is, declares text.
    detail: object = error.detail
    detail = phrase(error.status_code) if detail is None else jsonable_encoder(detail)
    return Problem(error.status_code, detail, headers=dict(error.headers or {}))


def validation_problem(error: RequestValidationError) -> Problem:
    """Return the problem for a request that does not fit its route, without what was sent.

    Of many errors it has the first ones: a short item of a list would cost an answer a long row.
    """
    errors = error.errors()
    shown = errors[:_MOST_ERRORS]
    rest = f"; the first {_MOST_ERRORS} are shown" if len(errors) > _MOST_ERRORS else ""
    detail = f"The request does not fit this route: {count(len(errors), 'error')}{rest}"
    return Problem(422, detail, extra={"errors": without_input(shown)})


def expected_problem(scope: Scope, module_id: str, error: ModframeError, answer: Answer) -> Problem:
    """Return the answer that an error of modframe has for clients; its own text is only logged."""
    get_framework_logger(module_id).warning(
        "%s %s was answered with %d: %s",
        scope.get("method", "WS"),
        scope["path"],
        answer.status,
        error,
    )
    headers = {"Retry-After": str(answer.retry_after)}
    extra = {"code": type(error).__name__}
    return Problem(answer.status, answer.detail, headers=headers, extra=extra)


def record_unexpected(
    scope: Scope, module_id: str, error: BaseException, *, generation: int = 0
) -> Problem:
    """Record an error with its traceback; return a problem that has only the correlation id."""
    note_known_cure(error)
    correlation = correlation_id(scope)
    what = f"{scope.get('method', 'WS')} {scope['path']}"
    place, endpoint = "", scope.get("endpoint")
    if (background := _background_task(error)) is not None:
        what, endpoint = f"the background task {callable_name(background)}() of {what}", background
    if not find_raised(error).place:
        place = find_defined(endpoint)
        if isinstance(error, ResponseValidationError):  # raised behind the endpoint, by FastAPI
            error = error.with_traceback(None)
    record_failure(
        module_id,
        f"{what} failed with {type(error).__name__}{text_after_colon(error)}",
        error,
        generation=generation,
        place=place,
        correlation_id=correlation,
    )
    return Problem(500, f"This request failed; the log has the reason under {correlation}")


def _background_task(error: BaseException) -> Any:
    """Return the function of the background task that raised an error; ``None`` if none did."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is BackgroundTask.__call__.__code__:
            return frame.f_locals["self"].func
    return None


async def _answer_http(connection: HTTPConnection, error: HTTPException) -> Problem:
    if error.status_code >= _SERVER_FAULT:
        scope = connection.scope
        record_failure(
            "",
            f"{scope.get('method', 'WS')} {scope['path']} was answered with {error.status_code}: "
            f"{error.detail}",
            error,
            code=f"HTTP_{error.status_code}",
            correlation_id=correlation_id(scope),
        )
    return http_problem(error)


async def _answer_validation(_: Request, error: RequestValidationError) -> Problem:
    return validation_problem(error)


async def _close_websocket(socket: WebSocket, error: WebSocketException) -> None:
    await socket.close(code=error.code, reason=mask_of(socket.scope)(error.reason or ""))


async def _close_invalid_websocket(
    socket: WebSocket, error: WebSocketRequestValidationError
) -> None:
    names = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
    reason = f"does not fit this route: {names}".encode()[:120].decode("utf-8", "ignore")
    await socket.close(code=_POLICY_VIOLATION, reason=reason)


HANDLERS: dict[Any, Any] = {
    HTTPException: _answer_http,
    FailedResultError: answer_failed_result,
    RequestValidationError: _answer_validation,
    WebSocketException: _close_websocket,
    WebSocketRequestValidationError: _close_invalid_websocket,
}


# -- validation errors without what was sent ---------------------------------------------------


def without_input(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return validation errors with place, kind, message and limits, and nothing of the input."""
    rows = []
    for error in errors:
        kind = error.get("type", "")
        message = error.get("msg", "")
        if kind in _OPEN_MESSAGES or kind not in _KNOWN_KINDS:
            message = _hide_values(message, error.get("input"))
        row = {"type": kind, "loc": list(error.get("loc", ())), "msg": message}
        limits = {
            key: value if isinstance(value, (int, float, str, bool)) else str(value)
            for key, value in (error.get("ctx") or {}).items()
            if key in _SCHEMA_FACTS
        }
        rows.append({**row, "ctx": limits} if limits else row)
    return rows


def _hide_values(message: str, sent: Any) -> str:
    """Replace every value that was sent by an ellipsis."""
    values = {value for value in _values(sent) if len(value) >= _SHORTEST_ECHO}
    for value in sorted(values, key=len, reverse=True):
        message = message.replace(value, "…")
    return message


def _values(sent: Any) -> Iterator[str]:
    """Yield the values in what was sent as text; the first few hundred."""
    waiting, count_seen = [sent], 0
    while waiting and count_seen < _LONGEST_SEARCH:
        value = waiting.pop()
        count_seen += 1
        if isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting.extend(value)
        elif isinstance(value, bytes):
            yield value.decode("utf-8", "replace")
        elif value is not None and not isinstance(value, bool):
            yield str(value)
