"""`Arguments`: converts plain values to the arguments of a method.

JSON-like data comes in and is converted as the method's annotations say: a dictionary becomes a
dataclass or a pydantic model, a text a member of an Enum or a date. Called when the cockpit
calls a service, and by the tools of assistants.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from ..errors import FormError
from ..load.methods import type_hints
from ..wording import near

_STARS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Arguments:
    """Converts values to the arguments of one method, and keeps what it needs for that.

    Args:
        method: The method, or a function that wraps it.
    """

    def __init__(self, method: Callable[..., Any]) -> None:
        self._hints = type_hints(method)
        self._parameters = inspect.signature(method).parameters
        self._adapters: dict[str, TypeAdapter[Any] | None] = {}
        self._names = [
            name for name, parameter in self._parameters.items() if parameter.kind not in _STARS
        ]
        self._required = {
            name
            for name in self._names
            if self._parameters[name].default is inspect.Parameter.empty
        }

    def check_names(self, names: Set[str]) -> None:
        """Check that there is a value for each required parameter, and none for anything else.

        Raises:
            FormError: If that isn't so; it names all of them.
        """
        if self._required <= names <= set(self._names):
            return
        others = sorted(names - set(self._names))
        hints = (near(name, self._names) or _listed(self._names) for name in others)
        faults = [
            f"there is no argument {name!r}; {hint}".rstrip()
            for name, hint in zip(others, hints, strict=True)
        ]
        missing = [name for name in self._names if name in self._required - names]
        faults += [f"{name!r} is missing" for name in missing]
        places = dict.fromkeys(missing, "is required")
        raise FormError("; ".join(faults), field=next(iter(missing), ""), faults=places)

    def fit(self, values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return positional and keyword arguments for a call.

        Args:
            values: Parameter name → value; parameters without one keep their default.

        Raises:
            FormError: If values don't fit their annotations; it names all of them.
        """
        args: list[Any] = []
        named: dict[str, Any] = {}
        faults: dict[str, ValidationError] = {}
        for name, parameter in self._parameters.items():
            if name not in values:
                continue
            try:
                value = self._convert(name, values[name], parameter.default)
            except ValidationError as error:
                faults[name] = error
                continue
            if parameter.kind is parameter.POSITIONAL_ONLY:
                args.append(value)
            else:
                named[name] = value
        if faults:
            raise _unfitting(faults)
        return args, named

    def _convert(self, name: str, value: Any, default: Any) -> Any:
        hint = self._hints.get(name, Any)
        if hint is Any or type(value) is hint or (value is None and default is None):
            return value
        if name not in self._adapters:
            try:
                self._adapters[name] = TypeAdapter(hint)
            except PydanticUserError:  # pydantic does not know the type: the method decides
                self._adapters[name] = None
        adapter = self._adapters[name]
        try:
            return value if adapter is None else adapter.validate_python(value)
        except PydanticUserError:
            return value


def _unfitting(errors: Mapping[str, ValidationError]) -> FormError:
    """Return the error for arguments that don't fit; ``faults`` has the place of each fault."""
    texts: list[str] = []
    places: dict[str, str] = {}
    for name, error in errors.items():
        faults = error.errors(include_url=False, include_input=False)
        inside = [(".".join(map(str, fault["loc"])), fault["msg"]) for fault in faults]
        says = "; ".join(f"{place}: {text}" if place else text for place, text in inside)
        texts.append(f"{name!r} does not fit: {says}")
        for place, text in inside:
            places.setdefault(f"{name}.{place}".rstrip("."), text)
    return FormError("; ".join(texts), field=next(iter(errors)), faults=places)


def _listed(names: Iterable[str]) -> str:
    listed = ", ".join(map(repr, names))
    return f"there are: {listed}" if listed else "there are none"
