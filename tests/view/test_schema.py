"""What the service part says of parameters."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import pytest

from tests import inside

TEXT = """
from __future__ import annotations
import enum
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Literal
from pydantic import BaseModel, Field, SecretStr
from modframe.decorators import module

class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"

class Order(BaseModel):
    item: str
    key: SecretStr = SecretStr("sk-secret")

class Odd:
    def __repr__(self):
        raise RuntimeError("no repr")

@module
class Shop:
    def paint(self, colour: Colour = Colour.RED, how: Literal["thin", "thick"] = "thin"):
        return f"{colour!r} {how}"
    def until(self, day: date, at: datetime | None = None):
        return f"{day!r} {at!r}"
    def place(self, order: Order, count: Annotated[int, Field(gt=0)] = 1):
        return count
    def odd(self, it: Odd = Odd(), other=None, *rest):
        return 1
"""
SERVICE = "standard.shop.service"


def params(app: Any) -> dict[str, Any]:
    """Method and parameter → what is said of it."""
    view = app.snapshot().to_dict()["modules"]
    [about] = [one["parts"]["service"][SERVICE] for one in view if one["id"] == "standard.shop"]
    return {
        f"{method['name']}.{one['name']}": one
        for method in about["methods"]
        for one in method["params"]
    }


@pytest.fixture
def shop(app: Any) -> Any:
    """An app with the module."""
    app.load({"api.py": TEXT}, id="shop")
    return app


def test_parameters_have_a_schema_and_a_plain_default(shop: Any) -> None:
    """Types come as JSON Schema, defaults as JSON; a type that has no schema has an empty one."""
    found = params(shop)
    assert found["paint.colour"] == {
        "name": "colour",
        "type": "Colour",
        "schema": {"enum": ["red", "blue"], "title": "Colour", "type": "string"},
        "required": False,
        "default": "red",
    }
    assert found["paint.how"]["schema"] == {"enum": ["thin", "thick"], "type": "string"}
    assert found["until.day"]["schema"] == {"format": "date", "type": "string"}
    assert found["place.count"]["schema"] == {"exclusiveMinimum": 0, "type": "integer"}
    assert list(found["place.order"]["schema"]["properties"]) == ["item", "key"]
    assert (found["odd.it"]["schema"], found["odd.it"]["default"]) == ({}, "<Odd>")
    assert (found["odd.other"]["schema"], found["odd.other"]["default"]) == ({}, None)
    assert "odd.rest" not in found
    assert "sk-secret" not in json.dumps(found)


def test_annotations_that_lead_nowhere_leave_the_rest(app: Any) -> None:
    """A name that is there for the type checker alone makes no snapshot fail."""
    text = TEXT.replace("it: Odd = Odd()", "it: Nowhere = 3").replace(
        "class Colour", "if TYPE_CHECKING:\n    from elsewhere import Nowhere\n\nclass Colour", 1
    )
    app.load({"api.py": text}, id="shop")
    found = params(app)
    assert (found["odd.it"]["schema"], found["odd.it"]["default"]) == ({}, 3)
    assert found["paint.colour"]["schema"]["enum"] == ["red", "blue"]


def test_it_is_made_once_for_a_generation(shop: Any) -> None:
    """Looking again costs nothing, a swap has it made anew, and the old one keeps nothing alive."""
    first, second = (shop.snapshot().module("standard.shop") for _ in range(2))
    assert first.parts["service"] is second.parts["service"]
    assert first.panels[0] is second.panels[0]
    generation = inside.generation(shop, "shop")
    old = weakref.ref(type(generation.module))
    shop.load({"api.py": TEXT.replace('"thick"', '"broad"')}, id="shop")
    assert params(shop)["paint.how"]["schema"]["enum"] == ["thin", "broad"]
    del generation
    inside.settle(shop)
    gc.collect()
    assert old() is None
