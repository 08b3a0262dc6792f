"""`Field`: one input of a form, read from a snapshot; and what a person's input means.

In goes what the service part says of a parameter, or the name of a route's parameter; out come
plain facts that `Form` makes inputs of, and, from what was typed, the values to send. No widgets
here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

from ..errors import FormError
from ..parts.service.methods import short_names
from .snapshot import thaw

Kind = Literal[
    "bool", "int", "float", "choice", "date", "datetime", "time", "secret", "text", "json"
]
Place = Literal["argument", "path", "query", "body"]
_KINDS: Mapping[str, Kind] = {"boolean": "bool", "integer": "int", "number": "float"}
_FORMATS: Mapping[str, Kind] = {
    "date": "date",
    "date-time": "datetime",
    "time": "time",
    "password": "secret",
}
_BY_DEFAULT: Mapping[type, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}
_NUMBERS: Mapping[Kind, type] = {"bool": bool, "int": int, "float": float}
_READERS: Mapping[Kind, Callable[[str], Any]] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One input.

    Attributes:
        name: The parameter's name.
        kind: What the input looks like.
        about: Its type as text, as the signature has it.
        required: Whether something has to be given.
        initial: What stands in it at first. Left like that, an optional one isn't sent at all.
        hint: What to show in an empty one.
        choices: What can be chosen.
        place: Where in a request it goes.
    """

    name: str
    kind: Kind = "text"
    about: str = ""
    required: bool = True
    initial: Any = ""
    hint: str = ""
    choices: tuple[Any, ...] = ()
    place: Place = "argument"


def read_field(param: Mapping[str, Any]) -> Field:
    """The input for one parameter of a method, by its schema, else by its default."""
    name, required = str(param["name"]), bool(param["required"])
    about = short_names(str(param["type"]))
    default = thaw(param["default"])
    schema = _one_type(thaw(param["schema"]))
    choices = tuple(schema.get("enum") or ([schema["const"]] if "const" in schema else ()))
    if choices:
        first = default if default in choices else None
        title = str(schema.get("title", ""))  # an Enum has one; a Literal says it all by itself
        return Field(name, "choice", title, required, first, choices=choices)
    kind = _kind_of(schema, default)
    if kind in _READERS:
        start = _read(kind, default)
        if start is None and default is not None:  # with a zone, which its input can't say
            return Field(name, "text", about, required, default)
        return Field(name, kind, about, required, start)
    if kind in _NUMBERS and (required or isinstance(default, int | float)):
        return Field(name, kind, about, required, _NUMBERS[kind](default or 0))
    if kind == "text" and isinstance(default, str):
        return Field(name, kind, about, required, default)
    kind = kind if kind in ("text", "secret") else "json"
    hint = "" if required else f"{default} if left empty"
    return Field(name, kind, about, required, hint=hint or ("JSON" if kind == "json" else ""))


def _one_type(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without what only wraps it: ``| None``, and a name that leads to a definition."""
    found = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    if len(found) != 1:
        return {}
    [only] = found
    name = only.get("$ref", "").removeprefix("#/$defs/")
    named: dict[str, Any] = schema.get("$defs", {}).get(name, {}) if name else only
    return named


def _kind_of(schema: Mapping[str, Any], default: Any) -> Kind:
    if not schema:
        return _BY_DEFAULT.get(type(default), "json")
    if schema.get("type") == "string":
        return _FORMATS.get(schema.get("format", ""), "text")
    return _KINDS.get(schema.get("type", ""), "json")


def _read(kind: Kind, default: Any) -> Any:
    """A default as the input has it; nothing if there is none that it can show."""
    try:
        found = _READERS[kind](default)
    except (TypeError, ValueError):
        return None
    return None if getattr(found, "tzinfo", None) else found


def collect(fields: Iterable[Field], raw: Mapping[str, Any]) -> dict[str, Any]:
    """What to send, from what stands in the inputs.

    Args:
        fields: The form's fields.
        raw: Name → what stands in the input.

    Raises:
        FormError: If a required one is empty, or a text is no JSON.
    """
    values = {}
    for field in fields:
        given = raw[field.name]
        if field.required:
            if given is None or (field.kind in ("json", "text") and not given):
                raise FormError(f"{field.name!r} is required", cure="fill it in", field=field.name)
        elif given == field.initial:
            continue
        values[field.name] = _parsed(field, given) if field.kind == "json" else given
    return values


def _parsed(field: Field, given: str) -> Any:
    try:
        return json.loads(given)
    except ValueError as error:
        raise FormError(
            f"{field.name!r} is no JSON: {error}",
            cure='write it like 3, "text", [1, 2] or {"key": 1}',
            field=field.name,
        ) from None


def route_fields(route: Mapping[str, Any]) -> tuple[Field, ...]:
    """The inputs for a route's try-it: path parameters, query parameters, the JSON body."""
    path = [Field(name, about="in the path", place="path") for name in route["path_params"]]
    query = [
        Field(name, about="in the query", required=False, hint="left out if empty", place="query")
        for name in route["query_params"]
    ]
    body = Field("body", "json", "JSON", required=False, hint="{}", place="body")
    found = (*path, *query, *([body] if route["has_body"] else []))
    return tuple({field.name: field for field in reversed(found)}.values())[::-1]
