"""`fit`: what a form collected, fitted to a method's real signature.

In goes plain JSON-like data, out come the arguments as the method's annotations want them: a
dictionary becomes a dataclass or a pydantic model, a text an Enum's member or a date. The verbs
call it where a button calls a service.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from ..errors import FormError
from ..load.methods import type_hints


def fit(method: Callable[..., Any], values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments for a call.

    Args:
        method: What is going to be called, or a function that wraps it.
        values: Parameter name → value from a form; left out ones keep their default.

    Raises:
        FormError: If a value doesn't fit its annotation.
    """
    hints = type_hints(method)
    args: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if name not in values:
            continue
        value = _fitted(name, values[name], hints.get(name, Any))
        if parameter.kind is parameter.POSITIONAL_ONLY:
            args.append(value)
        else:
            named[name] = value
    return args, named


def _fitted(name: str, value: Any, hint: Any) -> Any:
    if hint is Any or value is None or type(value) is hint:
        return value
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        faults = "; ".join(
            ".".join(map(str, one["loc"])) + (": " if one["loc"] else "") + one["msg"]
            for one in error.errors(include_url=False, include_input=False)
        )
        raise FormError(f"{name!r} does not fit: {faults}", field=name) from None
    except PydanticUserError:  # a type that pydantic knows nothing of: the method will say
        return value
