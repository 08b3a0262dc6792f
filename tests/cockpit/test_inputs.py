"""Which input a schema gets; the schemas are those that pydantic makes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modframe.cockpit.inputs import field_of, fields_of, resolved

INT, TEXT, NONE = {"type": "integer"}, {"type": "string"}, {"type": "null"}
COLOUR = {"title": "Colour", "enum": ["red", "blue"], "type": "string"}
DECIMAL = {"anyOf": [{"type": "number"}, TEXT]}
ORDER = {
    "title": "Order",
    "type": "object",
    "required": ["item"],
    "properties": {
        "item": {**TEXT, "description": "What is wanted"},
        "amount": {**INT, "default": 1},
        "password": {**TEXT, "default": ""},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "default": []},
        "next": {"anyOf": [{"$ref": "#/$defs/Order"}, NONE], "default": None},
    },
}
LINE = {"title": "Line", "type": "object", "properties": {"price": DECIMAL}}
ROOT = {"$defs": {"Order": ORDER, "Line": LINE, "Colour": COLOUR}}


def field(schema: dict[str, Any], fallback: Any = None) -> dict[str, Any]:
    """Return the field of a parameter."""
    return field_of("x", schema, ROOT, required=fallback is None, fallback=fallback)


@pytest.mark.parametrize(
    ("schema", "fallback", "kind"),
    [
        ({"type": "boolean"}, True, "bool"),
        (INT, None, "int"),
        ({"type": "number"}, 1.5, "float"),
        (TEXT, "all", "text"),
        ({"anyOf": [TEXT, NONE]}, None, "text"),
        ({"anyOf": [INT, NONE]}, 3, "int"),
        ({"anyOf": [{"type": "boolean"}, NONE]}, False, "choice"),
        ({"type": ["integer", "null"]}, None, "int"),
        ({}, 3, "int"),
        ({}, "a", "text"),
        ({}, None, "json"),
        ({"type": "object", "additionalProperties": INT}, None, "json"),
        (COLOUR, "blue", "choice"),
        ({"anyOf": [{"$ref": "#/$defs/Colour"}, NONE]}, None, "choice"),
        ({"allOf": [{"$ref": "#/$defs/Colour"}]}, None, "choice"),
        ({"const": "a", "type": "string"}, None, "choice"),
        ({**TEXT, "format": "date"}, "2024-02-29", "date"),
        ({**TEXT, "format": "date-time"}, None, "datetime"),
        ({**TEXT, "format": "date-time"}, "2024-02-29T12:00:00Z", "text"),
        ({**TEXT, "format": "time"}, "08:30:00", "time"),
        ({**TEXT, "format": "password"}, None, "secret"),
        ({**TEXT, "format": "binary"}, None, "file"),
        ({**TEXT, "contentMediaType": "application/octet-stream"}, None, "file"),
        ({**TEXT, "format": "uuid"}, None, "text"),
        (DECIMAL, "1.50", "decimal"),
        ({"type": "array", "items": INT}, [1, 2], "list"),
        ({"anyOf": [INT, {"type": "array", "items": INT}]}, None, "union"),
        ({"anyOf": [{"type": "array", "items": INT}, NONE]}, None, "union"),
    ],
)
def test_kinds(schema: dict[str, Any], fallback: Any, kind: str) -> None:
    """The input follows the schema, else the default."""
    made = field(schema, fallback)
    assert (made["kind"], made.get("fallback")) == (kind, fallback)


def test_models() -> None:
    """A model has a field for each of its own; a name that means a secret makes one."""
    order = field({"$ref": "#/$defs/Order"})
    item, amount, password, lines, follower = order["fields"]
    assert (order["kind"], order["title"], item["about"]) == ("object", "Order", "What is wanted")
    assert (item["required"], amount["fallback"], password["kind"]) == (True, 1, "secret")
    assert [one["kind"] for one in lines["item"]["fields"]] == ["decimal"]
    assert [one["title"] for one in follower["options"]] == ["none", "Order"]
    assert follower["options"][1]["takes"] == "object"
    own = fields_of({"$ref": "#/$defs/Order"}, ROOT)
    assert [one["name"] for one in own] == ["item", "amount", "password", "lines", "next"]
    kinds = field({"anyOf": [INT, {"type": "array", "items": INT}]})["options"]
    assert [one["title"] for one in kinds] == ["integer", "list of integer"]


def test_schemas_that_refer_to_themselves_come_to_an_end() -> None:
    """A reference that leads to itself says nothing, and a model in itself ends as JSON."""
    assert resolved({"$ref": "#/$defs/B"}, {"$defs": {"B": {"$ref": "#/$defs/B"}}}) == {}
    loop = {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/A"}}}
    deep = field_of("x", loop, {"$defs": {"A": loop}}, required=True)
    assert 5 < json.dumps(deep).count('"kind": "object"') < 8
