"""Fields: which input a parameter gets, and what an input means."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest

from modframe.errors import FormError
from modframe.view.fields import Field, collect, read_field, route_fields
from modframe.view.forms import make_input
from modframe.view.snapshot import freeze

INT, TEXT = {"type": "integer"}, {"type": "string"}
NONE = {"type": "null"}
DAY = {"type": "string", "format": "date"}
MOMENT = {"type": "string", "format": "date-time"}
COLOUR = {"title": "Colour", "enum": ["red", "blue"], "type": "string"}
MAYBE_COLOUR = {"anyOf": [{"$ref": "#/$defs/Colour"}, NONE], "$defs": {"Colour": COLOUR}}
MODEL = {"title": "Order", "type": "object", "properties": {"item": TEXT}}


def param(
    schema: Any = None, *, required: bool = False, default: Any = None, kind: str = ""
) -> dict[str, Any]:
    """A parameter as the service part describes it."""
    return {
        "name": "x",
        "type": kind,
        "schema": freeze(schema or {}),
        "required": required,
        "default": freeze(default),
    }


@pytest.mark.parametrize(
    ("described", "kind", "initial"),
    [
        (param({"type": "boolean"}, default=True), "bool", True),
        (param(INT, required=True), "int", 0),
        (param({"type": "number"}, default=1.5), "float", 1.5),
        (param(TEXT, default="all"), "text", "all"),
        (param(TEXT, required=True), "text", ""),
        (param({"anyOf": [TEXT, NONE]}), "text", ""),
        (param({"anyOf": [INT, NONE]}), "json", ""),
        (param({"anyOf": [INT, NONE]}, default=3), "int", 3),
        (param({"anyOf": [INT, TEXT]}, required=True), "json", ""),
        (param(INT), "json", ""),
        (param(INT, default="three"), "json", ""),
        (param({"type": "array", "items": INT}, required=True), "json", ""),
        (param(MODEL, required=True), "json", ""),
        (param({"$ref": "#/$defs/Order", "$defs": {"Order": MODEL}}, required=True), "json", ""),
        (param(default=3), "int", 3),
        (param(default="a"), "text", "a"),
        (param(required=True), "json", ""),
        (param({"enum": ["a", "b"], "type": "string"}, default="b"), "choice", "b"),
        (param({"enum": ["a", 2]}, required=True), "choice", None),
        (param({"const": "a", "type": "string"}, required=True), "choice", None),
        (param(COLOUR, default="blue"), "choice", "blue"),
        (param(MAYBE_COLOUR), "choice", None),
        (param(DAY, required=True), "date", None),
        (param(DAY, default="2024-02-29"), "date", date(2024, 2, 29)),
        (param({"anyOf": [DAY, NONE]}), "date", None),
        (param(MOMENT, default="2024-02-29T12:00:00"), "datetime", datetime(2024, 2, 29, 12)),
        (param(MOMENT, default="2024-02-29T12:00:00Z"), "text", "2024-02-29T12:00:00Z"),
        (param({"type": "string", "format": "time"}, default="08:30:00"), "time", time(8, 30)),
        (param({"type": "string", "format": "password"}, required=True), "secret", ""),
        (param({"type": "string", "format": "uuid"}, required=True), "text", ""),
    ],
)
def test_the_input_follows_schema_and_default(
    described: dict[str, Any], kind: str, initial: Any
) -> None:
    """Every parameter gets the input that its type, else its default, asks for."""
    field = read_field(described)
    assert (field.kind, field.initial) == (kind, initial)
    assert make_input(field).value == initial


def test_a_default_that_stands_is_not_sent() -> None:
    """What a person left as it was is left out, so that the method's own default counts."""
    fields = [read_field(param({"type": "array"}, default=(1, 2)))]
    assert collect(fields, {"x": ""}) == {}
    assert collect(fields, {"x": "[3]"}) == {"x": [3]}


def test_a_required_field_has_to_be_filled_in() -> None:
    """An empty required field is named, and nothing is sent."""
    with pytest.raises(FormError, match="'x' is required"):
        collect([read_field(param(MODEL, required=True))], {"x": ""})
    for schema in (COLOUR, DAY):
        with pytest.raises(FormError, match="'x' is required"):
            collect([read_field(param(schema, required=True))], {"x": None})


def test_text_that_is_no_json_is_refused() -> None:
    """The error names the field, says what is wrong and how to write it."""
    with pytest.raises(FormError, match=r"'x' is no JSON: .*Write it like 3, \"text\"") as caught:
        collect([read_field(param(MODEL, required=True))], {"x": "{a: 1}"})
    assert caught.value.field == "x"


def test_types_have_short_names_and_no_generation() -> None:
    """A field is equal in the next generation, so that what was typed can stay."""
    first, second = (
        read_field(param(kind=f"list[modules.standard.orders~{number}.api.Order]", required=True))
        for number in (1, 2)
    )
    assert first == second
    assert first.about == "list[Order]"


def test_a_route_has_its_path_query_and_body() -> None:
    """A try-it asks for what the route takes, each name once."""
    route = {"path_params": ("id",), "query_params": ("id", "page"), "has_body": True}
    assert [(one.name, one.place, one.required) for one in route_fields(route)] == [
        ("id", "path", True),
        ("page", "query", False),
        ("body", "body", False),
    ]
    assert route_fields({"path_params": (), "query_params": (), "has_body": False}) == ()
    assert Field("id").kind == "text"
