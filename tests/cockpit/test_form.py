"""What an input shows at first, and what is sent of what is typed; fields are as `inputs` has them."""

from __future__ import annotations

from typing import Any

import pytest

from modframe.cockpit.form import Form, first_of
from modframe.cockpit.inputs import field_of
from modframe.cockpit.requests import Request
from modframe.errors import FormError

INT, TEXT, NONE = {"type": "integer"}, {"type": "string"}, {"type": "null"}
INTS = {"type": "array", "items": INT}
COLOUR = {"enum": ["red", "blue"]}
DECIMAL = {"anyOf": [{"type": "number"}, TEXT]}
EITHER = {"anyOf": [INT, INTS]}
FILE = {"type": "string", "format": "binary"}
LINE = {"type": "object", "required": ["price"], "properties": {"price": DECIMAL}}
INNER = {"title": "Inner", "type": "object", "required": ["item"], "properties": {"item": TEXT}}
ORDER = {
    "type": "object",
    "required": ["item"],
    "properties": {
        "item": TEXT,
        "amount": {**INT, "default": 1},
        "password": {**TEXT, "default": ""},
        "lines": {"type": "array", "items": LINE, "default": []},
        "next": {"anyOf": [INNER, NONE]},
    },
}


def field(schema: dict[str, Any], fallback: Any = None, *, must: bool = True) -> dict[str, Any]:
    """Return a field called x; with a default it can be left out."""
    return field_of("x", schema, schema, required=must and fallback is None, fallback=fallback)


def sent(own: dict[str, Any], typed: Any) -> Any:
    """Return the value of a field, or what is wrong with it; `...` if it is left out."""
    try:
        return Form([own], {"x": typed}).values().get("x", ...)
    except FormError as error:
        return error.faults


@pytest.mark.parametrize(
    ("own", "first"),
    [
        (field({"type": "boolean"}, fallback=True), True),
        (field({"type": "boolean"}), False),
        (field(INT), ""),
        (field(INT, 3), "3"),
        (field(COLOUR, "blue"), "1"),
        (field(COLOUR, must=False), ""),
        (field({"anyOf": [{"type": "boolean"}, NONE]}, fallback=False), "1"),
        (field({"const": "a"}), "0"),
        (field({**TEXT, "format": "password"}, "**********"), ""),
        (field(FILE), None),
        (field({}), ""),
        (field(DECIMAL, "1.50"), "1.50"),
        (field(INTS, [1, 2]), ["1", "2"]),
        (field(EITHER), {"at": 0, "typed": ""}),
        (field(EITHER, [7]), {"at": 1, "typed": ["7"]}),
        (field({"anyOf": [INNER, NONE]}, must=False), {"at": 0, "typed": None}),
    ],
)
def test_an_input_shows_the_default_or_nothing(own: dict[str, Any], first: Any) -> None:
    """A default that there is no input for is not shown."""
    assert own["first"] == first


def test_what_was_left_as_it_was_is_not_sent() -> None:
    """So that the default of the method counts."""
    assert sent(field(INTS, [1, 2]), ["1", "2"]) is ...
    assert sent(field(INTS, [1, 2]), ["1", "5"]) == [1, 5]
    assert sent(field(TEXT, "all"), "") == ""
    assert sent(field({"anyOf": [INT, NONE]}, 3), "") is None


def test_models_are_filled_in_field_by_field() -> None:
    """Each fault has its place, in lists and in the options of a union too."""
    own = field(ORDER)
    assert own["first"] == {
        "item": "",
        "amount": "1",
        "password": "",
        "lines": [],
        "next": {"at": 0, "typed": None},
    }
    assert sent(own, own["first"]) == {"x.item": "is required"}
    line, following = own["fields"][3]["item"]["first"], own["fields"][4]["options"][1]["first"]
    faulty = {**own["first"], "item": "tea", "amount": "x", "lines": [line, {"price": "1.50"}]}
    faulty["next"] = {"at": 1, "typed": following}
    assert sent(own, faulty) == {
        "x.amount": "is no whole number",
        "x.lines.0.price": "is required",
        "x.next.Inner.item": "is required",
    }
    assert Form([own], {"x": faulty}).readable()["x"]["item"] == "tea"
    good = {**faulty, "amount": "2", "lines": [{"price": "1.50"}]}
    good["next"] = {"at": 1, "typed": {"item": "more"}}
    assert sent(own, good) == {
        "item": "tea",
        "amount": 2,
        "lines": [{"price": "1.50"}],
        "next": {"item": "more"},
    }


@pytest.mark.parametrize(
    ("schema", "typed", "value"),
    [
        (INT, "1.5", {"x": "is no whole number"}),
        (INT, " 7 ", 7),
        (INT, "12345678901234567890", 12345678901234567890),
        ({"type": "number"}, "x", {"x": "is no number"}),
        ({"type": "number"}, "1e999", {"x": "is no number"}),
        ({"type": "number"}, "2", 2),
        ({"type": "number"}, "nan", "nan"),
        (DECIMAL, "0.10", "0.10"),
        (DECIMAL, "2.5", 2.5),
        (DECIMAL, "NaN", "NaN"),
        (COLOUR, "", {"x": "is required"}),
        (COLOUR, "1", "blue"),
        ({}, '{"a": 1}', {"a": 1}),
        (FILE, {"$bytes": "YQ==", "name": "a.txt", "size": 1}, {"$bytes": "YQ==", "name": "a.txt"}),
        ({**TEXT, "format": "base64"}, {"$bytes": "YQ==", "name": "a.txt", "size": 1}, "YQ=="),
    ],
)
def test_texts_become_values(schema: dict[str, Any], typed: Any, value: Any) -> None:
    """One that does not fit is refused, and no number is rounded."""
    assert sent(field(schema), typed) == value


def test_what_is_no_json_says_how_it_is_written() -> None:
    """Beside what is wrong with it."""
    fault = sent(field({}), "{a: 1}")["x"]
    assert fault.startswith("is no JSON: Expecting property name")
    assert 'Write it like 3, "text"' in fault


def test_a_request_is_filled_in() -> None:
    """A parameter that is none is left out; values other than texts are JSON."""
    request = Request("POST", "/{n}", kind="json").filled(
        {"path": {"n": 7}, "query": {"on": True, "ids": [1, "a"], "none": None}, "body": "{}"}
    )
    assert request.url() == "/7?on=true&ids=1&ids=a"
    assert (request.kind, request.body) == ("json", "{}")
    assert Request("POST", "/", kind="json").filled({}).kind == "none"


def test_a_body_is_a_text_or_fields() -> None:
    """A body that may be left out is, once its text is empty; one that must be there is sent."""
    body = {"name": "x", "kind": "body", "first": "{}", "texts": []}
    assert sent({**body, "required": False}, "{}") == "{}"
    assert sent({**body, "required": False}, "") is ...
    assert sent({**body, "required": True}, "") == ""
    section = {"name": "x", "kind": "section", "required": False, "fields": [field(INT)]}
    assert first_of(section, None) == {"x": ""}
    assert sent(section, {"x": ""}) == {"x.x": "is required"}
