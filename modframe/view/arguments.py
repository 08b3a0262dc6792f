"""`fit_arguments`: converts what a form collected to the arguments of a method.

JSON-like data comes in and is converted as the method's annotations say: a dictionary becomes a
dataclass or a pydantic model, a text a member of an Enum or a date. Called by the verbs when a
button calls a service.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from ..errors import FormError
from ..load.methods import type_hints


def fit_arguments(
    method: Callable[..., Any], values: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return positional and keyword arguments for a call.

    Args:
        method: The method, or a function that wraps it.
        values: Parameter name → value from a form; parameters without one keep their default.

    Raises:
        FormError: If a value doesn't fit its annotation.
    """
    hints = type_hints(method)
    args: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if name not in values:
            continue
        value = _convert(name, values[name], hints.get(name, Any))
        if parameter.kind is parameter.POSITIONAL_ONLY:
            args.append(value)
        else:
            named[name] = value
    return args, named


def _convert(name: str, value: Any, hint: Any) -> Any:
    if hint is Any or value is None or type(value) is hint:
        return value
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        faults = "; ".join(
            ".".join(map(str, fault["loc"])) + (": " if fault["loc"] else "") + fault["msg"]
            for fault in error.errors(include_url=False, include_input=False)
        )
        raise FormError(f"{name!r} does not fit: {faults}", field=name) from None
    except PydanticUserError:  # pydantic does not know the type: the method decides
        return value
