"""`Field`: one input of a form; made from the facts of a parameter, read by `Form`.

The facts of a method's parameter, or the name of a route's, come in; `Field`s go out, of which
`Form` makes widgets. `collect` turns what was typed into the values to send. No widgets here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

from ..errors import FormError
from ..masking import is_secret_name
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
        required: Whether it must be filled in.
        initial: Its first value. An optional field that still has it is not sent.
        hint: What an empty input shows.
        choices: The values that can be chosen.
        place: The part of a request that it goes to.
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
    """Return the field for a parameter of a method, by its schema or else its default."""
    name, required = str(param["name"]), bool(param["required"])
    about = short_names(str(param["type"]))
    default = thaw(param["default"])
    schema = _main_schema(thaw(param["schema"]))
    choices = tuple(schema.get("enum") or ([schema["const"]] if "const" in schema else ()))
    if choices:
        first = default if default in choices else None
        title = str(schema.get("title", ""))  # an Enum has one; a Literal says it all by itself
        return Field(name, "choice", title, required, first, choices=choices)
    kind = _kind_of(schema, default)
    if kind == "text" and is_secret_name(name):
        kind = "secret"
    if kind in _READERS:
        start = _read_default(kind, default)
        if start is None and default is not None:  # it has a zone, for which there is no input
            return Field(name, "text", about, required, default)
        return Field(name, kind, about, required, start)
    if kind in _NUMBERS and (required or isinstance(default, int | float)):
        return Field(name, kind, about, required, _NUMBERS[kind](default or 0))
    if kind == "text" and isinstance(default, str):
        return Field(name, kind, about, required, default)
    kind = kind if kind in ("text", "secret") else "json"
    hint = "" if required else f"{default} if left empty"
    return Field(name, kind, about, required, hint=hint or ("JSON" if kind == "json" else ""))


def _main_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without ``| None``, and the definition if it only names one."""
    alternatives = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    if len(alternatives) != 1:
        return {}
    [only] = alternatives
    name = only.get("$ref", "").removeprefix("#/$defs/")
    named: dict[str, Any] = schema.get("$defs", {}).get(name, {}) if name else only
    return named


def _kind_of(schema: Mapping[str, Any], default: Any) -> Kind:
    if not schema:
        return _BY_DEFAULT.get(type(default), "json")
    if schema.get("type") == "string":
        return _FORMATS.get(schema.get("format", ""), "text")
    return _KINDS.get(schema.get("type", ""), "json")


def _read_default(kind: Kind, default: Any) -> Any:
    """Return a default as the input's value; ``None`` if the input can't show it."""
    try:
        value = _READERS[kind](default)
    except (TypeError, ValueError):
        return None
    return None if getattr(value, "tzinfo", None) else value


def collect(fields: Iterable[Field], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values to send.

    Args:
        fields: The form's fields.
        raw: Name → value of the input.

    Raises:
        FormError: If a required field is empty, or a text is no JSON.
    """
    values = {}
    for field in fields:
        value = raw[field.name]
        if field.required:
            if value is None or (field.kind in ("json", "text") and not value):
                raise FormError(f"{field.name!r} is required", cure="fill it in", field=field.name)
        elif value == field.initial:
            continue
        values[field.name] = _parse_json(field, value) if field.kind == "json" else value
    return values


def _parse_json(field: Field, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise FormError(
            f"{field.name!r} is no JSON: {error}",
            cure='write it like 3, "text", [1, 2] or {"key": 1}',
            field=field.name,
        ) from None


def route_fields(route: Mapping[str, Any]) -> tuple[Field, ...]:
    """Return the fields of a route: path parameters, query parameters, the JSON body."""
    path = [Field(name, about="in the path", place="path") for name in route["path_params"]]
    query = [
        Field(name, about="in the query", required=False, hint="left out if empty", place="query")
        for name in route["query_params"]
    ]
    body = Field("body", "json", "JSON", required=False, hint="{}", place="body")
    fields = (*path, *query, *([body] if route["has_body"] else []))
    return tuple({field.name: field for field in reversed(fields)}.values())[::-1]
