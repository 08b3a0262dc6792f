"""Parts that build without waiting, and parts whose `outline` fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.runtime.generation import Generation
from modframe.runtime.part import Part
from tests import inside

SHOP = (
    "from modframe.decorators import module\n\n@module\nclass Shop:\n    def get(self): return {}\n"
)
BROKEN = SHOP + "    def initialize(self): raise ValueError('closed')\n"


class CounterPart(Part[list[str]]):
    """Notes what it built and left; lists nothing, by an error."""

    name = "counter"
    noun = "count"

    def __init__(self) -> None:
        self.steps: list[str] = []

    def build(self, generation: Generation) -> list[str]:
        self.steps.append(f"build {generation.number}")
        return [f"of {generation.number}"]

    async def leave(self, generation: Generation) -> None:
        self.steps.append(f"leave {generation.number}")

    def outline(self, generation: Generation) -> tuple[str, ...]:
        raise ValueError("lost count")


@pytest.fixture
def counter() -> CounterPart:
    return CounterPart()


@pytest.fixture
def app(tmp_path: Path, counter: CounterPart) -> Iterator[AppContext]:
    with modframe.start(tmp_path, modules=[], data=":memory:", parts=[counter]) as app:
        counter.steps.clear()
        app.load({"api.py": SHOP.format(1)}, id="shop")
        yield app


def test_what_is_built_is_found_and_left_at_the_end(app: AppContext, counter: CounterPart) -> None:
    """Each generation has its own; the old one is left once it was replaced."""
    app.load({"api.py": SHOP.format(2)}, id="shop")
    inside.settle(app)
    generation: Any = inside.generation(app, "shop")
    assert counter.of(generation) == ["of 2"]
    assert counter.steps == ["build 1", "build 2", "leave 1"]


def test_a_failed_load_leaves_what_it_built(app: AppContext, counter: CounterPart) -> None:
    """A phase that fails further on leaves the part of the generation that did not go live."""
    with pytest.raises(LoadError, match="closed"):
        app.load({"api.py": BROKEN.format(2)}, id="shop")
    assert counter.steps == ["build 1", "build 2", "leave 2"]


def test_a_part_that_can_not_list_does_not_stop_a_change(
    app: AppContext, caplog: pytest.LogCaptureFixture
) -> None:
    """The change is whole, and so is its line; the log names the part."""
    app.load({"api.py": SHOP.format(2).replace("get", "give")}, id="shop")
    inside.settle(app)
    assert app.get_service("shop").give().result() == 2
    assert "dropped get()" in app.modules["shop"].history[-1].outcome
    assert "part 'counter' lists nothing: lost count" in caplog.text
