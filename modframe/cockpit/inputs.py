"""The fields of a form: what a person fills in where a JSON schema says what is allowed.

In come schemas as pydantic and the OpenAPI document have them, out go fields as the front end draws
them: ``{name, required, about, type, first, fallback?, kind, nullable?}``, and what the kind
needs: the ``choices`` of a choice, the ``fields`` of an object, the ``item`` of a list, the
``options`` of a union. ``first`` is what its input shows at first. An option is a field with a
``title``; ``takes`` is the JSON type that it has. `sample_of` makes a value that a body of JSON
begins with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..masking import is_secret_name
from .form import Json, first_of

Schema = Mapping[str, Any]

DEEPEST = 6
"""Levels of objects and lists that have inputs of their own; below, a value is JSON."""
_FORMATS = {
    "date": "date",
    "date-time": "datetime",
    "time": "time",
    "password": "secret",
    "binary": "file",
    "base64": "file",
}
_TYPES = {"boolean": "bool", "integer": "int", "number": "float", "string": "text"}
_SAMPLES: Schema = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "someone@example.com",
    "uri": "https://example.com",
    "string": "text",
    "integer": 0,
    "number": 0,
    "boolean": False,
}
"""A format or a type → a value of it."""
_NESTED = ("object", "list", "union")
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a schema stands.

    Attributes:
        name: What its value is called.
        root: What references lead into.
        default: Its value where none is given.
        depth: How many objects and lists are around it.
    """

    name: str
    root: Schema
    default: Any = None
    depth: int = 0


def field_of(
    name: str,
    schema: Schema,
    root: Schema,
    *,
    required: bool,
    fallback: Any = None,
    about: str = "",
) -> Json:
    """Return the field of a value; ``root`` is what the references of its schema lead into.

    Args:
        fallback: Its default, where the schema does not say it.
    """
    field = _field(_Place(name, root, fallback), schema, required=required)
    return field | {"about": about} if about else field


def fields_of(schema: Schema, root: Schema, depth: int = 0) -> list[Json]:
    """Return the fields of the properties of an object's schema."""
    own = resolved(schema, root)
    needed = own.get("required", ())
    return [
        _field(_Place(name, root, depth=depth), given, required=name in needed)
        for name, given in own.get("properties", {}).items()
    ]


def _field(at: _Place, schema: Schema, *, required: bool) -> Json:
    own = resolved(schema, at.root)
    default = own.get("default") if at.default is None else at.default
    field = {
        "name": at.name,
        "required": required,
        "about": own.get("description", ""),
        **({} if default is None else {"fallback": default}),
        **_input(replace(at, default=default), own),
    }
    return {**field, "type": _kind_word(field), "first": first_of(field, default)}


def _kind_word(field: Json) -> str:
    """Return what kind of value a field takes, in words."""
    return f"{field.get('title') or field['kind']}{' or none' if field.get('nullable') else ''}"


def resolved(schema: Schema, root: Schema, steps: int = 20) -> Schema:
    """Return a schema with its references followed; nothing where they go round in a circle."""
    rest = {key: one for key, one in schema.items() if key not in ("$ref", "allOf")}
    parts = schema.get("allOf", ())
    if "$ref" in schema:
        base = _look_up(schema["$ref"], root)
    elif len(parts) == 1:
        base = parts[0]
    else:
        return schema
    return resolved({**base, **rest}, root, steps - 1) if steps else {}


def _look_up(reference: str, root: Schema) -> Schema:
    found: Any = root
    for name in reference.split("/")[1:]:
        plain = name.replace("~1", "/").replace("~0", "~")
        found = found.get(plain, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _input(at: _Place, schema: Schema) -> Json:
    """Return the kind of an input, and what that kind needs."""
    kind, many = schema.get("type"), schema.get("anyOf") or schema.get("oneOf")
    if isinstance(kind, list):
        many = [{**schema, "type": one} for one in kind]
    if many:
        return _union(at, schema, [resolved(one, at.root) for one in many])
    if "enum" in schema or "const" in schema:
        return {"kind": "choice", "choices": list(schema.get("enum") or [schema.get("const")])}
    if at.depth >= DEEPEST:
        return {"kind": "json"}
    if kind == "object" and schema.get("properties"):
        fields = fields_of(schema, at.root, at.depth + 1)
        return {"kind": "object", "fields": fields, "title": schema.get("title")}
    if kind == "array" and "items" in schema:
        item = _Place("", at.root, depth=at.depth + 1)
        return {"kind": "list", "item": _field(item, schema["items"], required=True)}
    return _leaf(at, schema)


def _leaf(at: _Place, schema: Schema) -> Json:
    """Return the input of a value without parts; where no type is said, the default has one."""
    if schema.get("type") == "string":
        form = schema.get("format") or ("password" if is_secret_name(at.name) else "")
        kind = "file" if "contentMediaType" in schema else _FORMATS.get(form, "text")
        zoned = kind == "datetime" and _ZONE.search(str(at.default))
        # There is no input for a time with a zone.
        return {"kind": "text" if zoned else kind, "encoded": form == "base64"}
    if schema.keys() & {"type", "properties", "additionalProperties"}:
        return {"kind": _TYPES.get(schema.get("type", ""), "json")}
    kinds = {bool: "bool", int: "int", float: "float", str: "text"}
    return {"kind": kinds.get(type(at.default), "json")}


def _union(at: _Place, outer: Schema, many: list[Schema]) -> Json:
    """Return the input of a value of several kinds; one kind or nothing has that kind's input."""
    others = [one for one in many if one.get("type") != "null"]
    nullable = len(others) < len(many)
    if [one.get("type") for one in others] == ["number", "string"]:
        return {"kind": "decimal", "nullable": nullable}
    if len(others) == 1:
        titled = {"title": outer["title"]} if "title" in outer else {}
        inner = _input(at, {**titled, **others[0]})
        if inner["kind"] == "bool" and nullable:
            return {"kind": "choice", "choices": [True, False], "nullable": True}
        if not nullable or inner["kind"] not in _NESTED:
            return {**inner, "nullable": nullable}
    none = [{"title": "none", "none": True, "first": None}] if nullable else []
    return {"kind": "union", "options": [*none, *(_option(at, one) for one in others)]}


def _option(at: _Place, schema: Schema) -> Json:
    """Return one kind of a union as a field that has no text of its own."""
    field = _field(at, {**schema, "description": ""}, required=True)
    return {**field, "title": _title(schema, at.root), "takes": schema.get("type")}


def _title(schema: Schema, root: Schema) -> str:
    own = resolved(schema, root)
    if "items" in own and not own.keys() & {"title", "format"}:
        return f"list of {_title(own['items'], root)}"
    return str(own.get("title") or own.get("format") or own.get("type", "any"))


def sample_of(schema: Schema, root: Schema, depth: int = 0) -> Any:
    """Return a value that a schema allows: its example, its default, or one that is made up."""
    own = resolved(schema, root)
    for key in ("example", "examples", "default", "const", "enum"):
        if key not in ("examples", "enum") and key in own:
            return own[key]
        if isinstance(listed := own.get(key), list) and listed:
            return listed[0]
    if depth > DEEPEST:
        return None
    if many := own.get("anyOf") or own.get("oneOf") or own.get("allOf"):
        first: Schema = next((one for one in many if one.get("type") != "null"), {})
        return sample_of(first, root, depth + 1)
    if "properties" in own:
        inner = own["properties"].items()
        return {name: sample_of(one, root, depth + 1) for name, one in inner}
    if own.get("type") == "array":
        return [sample_of(own["items"], root, depth + 1)] if "items" in own else []
    if own.get("type") == "object":
        return {}
    by_format = _SAMPLES.get(own.get("format", ""))
    return own.get("minimum", by_format or _SAMPLES.get(str(own.get("type"))))
