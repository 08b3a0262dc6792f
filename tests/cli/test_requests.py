"""Example bodies: what a schema takes, made from the schema alone."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Literal

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field, TypeAdapter

from modframe.cli.tryout import Request, _body, example


class Colour(StrEnum):
    """A choice."""

    red = "red"


class Inner(BaseModel):
    """A model inside another."""

    amount: float = Field(gt=0)
    kind: Literal["a", "b"]


class Everything(BaseModel):
    """One field of every sort."""

    name: str = Field(min_length=3)
    id: int = Field(ge=7)
    when: datetime
    day: date
    inner: Inner
    many: list[Inner] = Field(min_length=2)
    colour: Colour
    maybe: str | None
    flag: bool
    given: str = Field(examples=["tea"])
    left_out: int = 3


class Item(BaseModel):
    """A model with an example of its author's."""

    model_config = {"json_schema_extra": {"examples": [{"name": "from the model"}]}}
    name: str


def test_an_example_validates() -> None:
    """Every sort of field gets a value that its model takes."""
    schema = Everything.model_json_schema()
    value = example(schema, schema)
    Everything.model_validate(value)
    assert (value["name"], value["id"], value["given"]) == ("name", 7, "tea")
    assert "left_out" not in value


@pytest.mark.parametrize(
    "kind", [int, str, list[int], dict[str, int], bool, float, Literal["x"], int | None]
)
def test_a_plain_type_gets_a_plain_value(kind: type) -> None:
    """Also where no model is around it."""
    adapter: TypeAdapter[object] = TypeAdapter(kind)
    adapter.validate_python(example(adapter.json_schema(), {}))


def test_an_author_s_example_comes_first() -> None:
    """One on the body wins over what the schema would give."""
    app = FastAPI()

    @app.post("/items")
    def add(item: Item) -> None: ...

    document = app.openapi()
    assert _body(document["paths"]["/items"]["post"], document) == {"name": "from the model"}


def test_a_request_as_a_command() -> None:
    """It can be pasted into a shell."""
    assert Request("GET", "/a").curl("http://h:1") == "curl http://h:1/a"
    assert Request("POST", "/a", {"x": "it's"}).curl("http://h:1") == (
        "curl -X POST http://h:1/a -H 'Content-Type: application/json' "
        """-d '{"x": "it'"'"'s"}'"""
    )
