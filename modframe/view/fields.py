"""`Field`: one input of a form, read from a snapshot; and what a person's input means.

In goes what the service part says of a parameter, or the name of a route's parameter; out come
plain facts that `Form` makes inputs of, and, from what was typed, the values to send. No widgets
here.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .errors import FormError
from .snapshot import thaw

Kind = Literal["bool", "int", "float", "choice", "text", "json"]
Place = Literal["argument", "path", "query", "body"]
_LONG_NAMES = re.compile(r"(?<![\w.'\"])(?:modules(?:\.[\w~]+)+|modframe(?:\.\w+)*|typing)\.(?=\w)")
_BY_NAME: Mapping[str, Kind] = {"bool": "bool", "int": "int", "float": "float", "str": "text"}


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


def short_names(signature: str) -> str:
    """A signature without the packages of its types, which carry the generation's number.

    >>> short_names("(order: modules.standard.orders~3.api.Order) -> modframe.result.Result")
    '(order: Order) -> Result'
    """
    return _LONG_NAMES.sub("", signature)


def read_field(param: Mapping[str, Any]) -> Field:
    """The input for one parameter of a method, by its annotation and default."""
    name, about, required = (
        str(param["name"]),
        short_names(str(param["type"])),
        bool(param["required"]),
    )
    default = thaw(param["default"])
    choices = _choices(about)
    if choices:
        first = default if default in choices else None
        return Field(name, "choice", "", required, first, choices=choices)
    kind = _BY_NAME.get(about) or _kind_of(default, about)
    if default is None and not required and kind != "text":
        kind = "json"
    if kind in ("bool", "int", "float"):
        start: Any = {"bool": bool, "int": int, "float": float}[kind](default or 0)
        return Field(name, kind, about, required, start)
    if kind == "text" and isinstance(default, str):
        return Field(name, "text", about, required, default)
    hint = "" if required else f"{default} if left empty"
    return Field(name, kind, about, required, hint=hint or ("JSON" if kind == "json" else ""))


def _kind_of(default: Any, about: str) -> Kind:
    """The kind where the annotation alone doesn't say it."""
    bare = {one.strip() for one in about.removeprefix("Optional[").removesuffix("]").split("|")}
    if bare - {"None"} == {"str"}:
        return "text"
    if about:
        return "json"
    kinds: Mapping[type, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}
    return kinds.get(type(default), "json")


def _choices(about: str) -> tuple[Any, ...]:
    head, bracket, rest = about.partition("[")
    if not bracket or head.rpartition(".")[2] != "Literal" or not rest.endswith("]"):
        return ()
    try:
        found = ast.literal_eval(f"({rest[:-1]},)")
    except (ValueError, SyntaxError):
        return ()
    return tuple(found)


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
            if field.kind in ("json", "choice") and given in ("", None):
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
