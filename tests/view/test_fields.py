"""Fields: which input a parameter gets, and what an input means."""

from __future__ import annotations

from typing import Any

import pytest

from modframe.view.errors import FormError
from modframe.view.fields import Field, collect, read_field, route_fields


def param(kind: str = "", *, required: bool = False, default: Any = None) -> dict[str, Any]:
    """A parameter as the service part describes it."""
    return {"name": "x", "type": kind, "required": required, "default": default}


@pytest.mark.parametrize(
    ("described", "kind", "initial"),
    [
        (param("bool", default=True), "bool", True),
        (param("int", required=True), "int", 0),
        (param("float", default=1.5), "float", 1.5),
        (param("str", default="all"), "text", "all"),
        (param("str", required=True), "text", ""),
        (param("str | None"), "text", ""),
        (param("Optional[str]"), "text", ""),
        (param("int | None"), "json", ""),
        (param("int"), "json", ""),
        (param("list[int]", required=True), "json", ""),
        (param(default=3), "int", 3),
        (param(default="a"), "text", "a"),
        (param(required=True), "json", ""),
        (param("Literal['a', 'b']", default="b"), "choice", "b"),
        (param("typing.Literal['a', 2]", required=True), "choice", None),
    ],
)
def test_the_input_follows_annotation_and_default(
    described: dict[str, Any], kind: str, initial: Any
) -> None:
    """Every parameter gets the input that its annotation, else its default, asks for."""
    field = read_field(described)
    assert (field.kind, field.initial) == (kind, initial)


def test_a_default_that_stands_is_not_sent() -> None:
    """What a person left as it was is left out, so that the method's own default counts."""
    fields = [read_field(param("list[int]", default=(1, 2)))]
    assert collect(fields, {"x": ""}) == {}
    assert collect(fields, {"x": "[3]"}) == {"x": [3]}


def test_a_required_field_has_to_be_filled_in() -> None:
    """An empty required field is named, and nothing is sent."""
    with pytest.raises(FormError, match="'x' is required"):
        collect([read_field(param("dict", required=True))], {"x": ""})


def test_text_that_is_no_json_is_refused() -> None:
    """The error names the field, says what is wrong and how to write it."""
    with pytest.raises(FormError, match=r"'x' is no JSON: .*Write it like 3, \"text\"") as caught:
        collect([read_field(param("dict", required=True))], {"x": "{a: 1}"})
    assert caught.value.field == "x"


def test_types_have_short_names_and_no_generation() -> None:
    """A field is equal in the next generation, so that what was typed can stay."""
    first, second = (
        read_field(param(f"list[modules.standard.orders~{number}.api.Order]", required=True))
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
