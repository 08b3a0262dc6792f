"""Parts that bring stored data to what a generation needs, before any phase."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.runtime.generation import Generation
from modframe.runtime.part import Part
from tests.waiting import wait_for

MODULE = "from modframe.decorators import module\n\n\n@module\nclass Shop:\n    def get(self): return {}\n"


class StorePart(Part[str]):
    """Migrates the modules whose text says so, and notes what was called."""

    name = "store"

    def __init__(self) -> None:
        self.steps: list[str] = []

    def migrates(self, generation: Generation) -> bool:
        return "# migrate" in generation.source.files["api.py"].text

    async def migrate(self, generation: Generation) -> None:
        self.steps.append(f"migrate {generation.module_id}")
        await asyncio.sleep(0)
        if "# fail" in generation.source.files["api.py"].text:
            raise ValueError("no room")

    def build(self, generation: Generation) -> str:
        self.steps.append(f"build {generation.module_id}")
        return ""


@pytest.fixture
def store() -> StorePart:
    return StorePart()


@pytest.fixture
def app(tmp_path: Path, store: StorePart) -> Iterator[AppContext]:
    with modframe.start(tmp_path, modules=[], data=":memory:", parts=[store]) as app:
        store.steps.clear()
        yield app


def test_all_modules_of_a_change_are_migrated_before_one_is_built(
    app: AppContext, store: StorePart
) -> None:
    """One after the other, and only those that have something to migrate."""
    texts = {"api.py": MODULE + "# migrate\n"}
    app.load([("a", texts), ("b", texts), ("c", {"api.py": MODULE})])
    assert sorted(store.steps[:2]) == ["migrate standard.a", "migrate standard.b"]
    assert sorted(store.steps[2:]) == ["build standard.a", "build standard.b", "build standard.c"]


def test_a_migration_that_fails_refuses_the_module(app: AppContext, store: StorePart) -> None:
    """Nothing of it is built, and the error is that of the part."""
    with pytest.raises(LoadError, match="no room") as caught:
        app.load({"api.py": MODULE + "# migrate\n# fail\n"}, id="shop")
    assert caught.value.step == "store"
    wait_for(lambda: app.modules["shop"].state == "FAILED")
    assert store.steps == ["migrate standard.shop"]
