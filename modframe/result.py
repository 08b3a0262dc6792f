"""`Result`: what services of the guide return; and `error_message`, a line for their log.

A `Result` is data: it is never raised, and it has no HTTP status. A phase may return one; an error
`Result` makes the load fail.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, NamedTuple, NoReturn, overload

from .html import code, notice, row, state, tag

_FACTS = ("code", "data", "details", "message")


class Made(NamedTuple):
    """Where an error `Result` was made: the code, the name of its file's module, and the line."""

    code: CodeType
    module: str
    line: int


class _Success:
    """Makes ``Result.success(...)`` on the class a constructor, and ``result.success`` a bool."""

    @overload
    def __get__(self, instance: None, owner: type[Result]) -> Callable[..., Result]: ...
    @overload
    def __get__(self, instance: Result, owner: type[Result]) -> bool: ...
    def __get__(self, instance: Result | None, owner: type[Result]) -> Any:
        return _build_success if instance is None else instance.code is None


class Result:
    """The outcome of an operation: a success with data, or an error with a code and a message.

    Build one with `success` or `error`; read ``success`` (bool), ``data``, ``code``, ``message``
    and ``details``. A result never changes, and it is true when it is a success.

    >>> Result.success(data={"id": 1})
    Result.success({'id': 1})
    >>> Result.error("NOT_FOUND", "No such order").success
    False
    """

    # An error remembers where it was made, and the first boundary that it crosses records it.
    __slots__ = ("_made", "_recorded", *_FACTS)

    data: Any
    code: str | None
    message: str | None
    details: Any
    success = _Success()

    def __init__(
        self,
        data: Any = None,
        *,
        code: str | None = None,
        message: str | None = None,
        details: Any = None,
    ) -> None:
        for name, value in zip(
            ("data", "code", "message", "details"), (data, code, message, details), strict=True
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def error(cls, code: str, message: str, details: Any = None) -> Result:
        """Return an error: a stable code for programs, a message for people, details for both."""
        error = cls(code=code, message=message, details=details)
        caller = sys._getframe(1)
        made = Made(caller.f_code, str(caller.f_globals.get("__name__")), caller.f_lineno)
        object.__setattr__(error, "_made", made)
        return error

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        """Let it be the return type of a route, and a field of a model; its data may be anything.

        A route that returns one answers with its data, or with a problem; as a field it is written
        as ``{"success", "data", "code", "message", "details"}``.
        """
        from pydantic_core import core_schema

        return core_schema.any_schema(
            serialization=core_schema.plain_serializer_function_ser_schema(
                _as_mapping, return_schema=core_schema.any_schema()
            )
        )

    def _facts(self) -> tuple[Any, ...]:
        return (self.data, self.code, self.message, self.details)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Result never changes; build a new one instead of setting {name!r}")

    def __bool__(self) -> bool:
        return self.code is None

    def __eq__(self, other: object) -> bool:
        return self._facts() == other._facts() if isinstance(other, Result) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # data may be anything, so a Result isn't a key

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, self._facts()

    def __repr__(self) -> str:
        if self.success:
            return f"Result.success({self.data!r})"
        details = f", details={self.details!r}" if self.details is not None else ""
        return f"Result.error({self.code!r}, {self.message!r}{details})"

    def _repr_html_(self) -> str:
        if self.success:
            return tag("div", row(state("success"), " ", code(repr(self.data))))
        details = code(repr(self.details)) if self.details is not None else ""
        title = row(state("error"), " ", tag("strong", self.code))
        return notice("bad", title, self.message, details)


def _as_mapping(value: Any) -> Any:
    """Return a result as a mapping; what a route made of one is returned as it is."""
    if not isinstance(value, Result):
        return value
    return {name: getattr(value, name) for name in ("success", *_FACTS)}


def made_at(result: Result) -> Made | None:
    """Return where an error was made; ``None`` for one that came from another process."""
    return getattr(result, "_made", None)


def claim_record(result: Result) -> bool:
    """Return whether an error is still to be recorded; the boundary that asks first does it."""
    claimed = getattr(result, "_recorded", False)
    object.__setattr__(result, "_recorded", True)
    return not claimed


def _build_success(data: Any = None) -> Result:
    """Return a success, with the data that the caller asked for."""
    return Result(data)


def _rebuild(data: Any, code: str | None, message: str | None, details: Any) -> Result:
    return Result(data, code=code, message=message, details=details)


class ErrorMessage(str):
    """A line for the log that knows its facts; one that a module logs lands in `errors.jsonl`.

    Attributes:
        module_id: The module that it is about.
        code: The error type.
        location: The function; may be empty.
        context: Further facts by name.
    """

    __slots__ = ("code", "context", "location", "module_id")

    module_id: str
    code: str
    location: str
    context: Mapping[str, Any]


def error_message(
    module_id: str, error_type: str, details: str, location: str = "", **context: Any
) -> str:
    """Return a line for the log: ``standard.orders - INIT_ERROR in initialize(): no such table``.

    The error type is a stable code, the location a function; the context follows as ``key=value``.
    """
    place = f" in {location}" if location else ""
    facts = "".join(f" {key}={value!r}" for key, value in context.items())
    message = ErrorMessage(f"{module_id} - {error_type}{place}: {details}{facts}")
    message.module_id, message.code = module_id, str(error_type)
    message.location, message.context = str(location), context
    return message
