"""The five edits that IPython's ``%autoreload 2`` gets wrong go live here, or change nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError

from . import edits


def edited(app: AppContext, name: str, method: str) -> Any:
    """Return what a method answers once the edit is live."""
    app.load({"api.py": edits.before(name)}, id="thing")
    getattr(app.get_service("thing"), method)().result()
    app.load({"api.py": edits.after(name)}, id="thing")
    return getattr(app.get_service("thing"), method)().result()


def test_a_changed_base_class_counts(app: AppContext) -> None:
    """The methods are those of the new base class."""
    assert edited(app, "base class", "name") == "second"


def test_an_added_dataclass_field_reaches_the_constructor(app: AppContext) -> None:
    """A decorator runs again on the new class."""
    assert edited(app, "dataclass field", "row") == "Row(name='a', amount=2)"


def test_of_a_file_that_fails_half_way_nothing_is_live(app: AppContext) -> None:
    """Neither the lines above the failing one nor those below it are live."""
    with pytest.raises(LoadError, match="ZeroDivisionError"):
        edited(app, "half a file", "both")
    assert app.get_service("thing").both().result() == (False, False)
    assert app.modules["thing"].generation == 1


def test_declared_state_survives_any_statement(app: AppContext) -> None:
    """State that is declared as kept survives whatever else the text says."""
    assert edited(app, "state", "count") == 2


def test_a_running_coroutine_keeps_its_helpers(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running coroutine finishes with the old functions, and a new call uses the new ones."""
    gate: Any = ModuleType("tests_gate")
    monkeypatch.setitem(sys.modules, "tests_gate", gate)

    async def call_before_and_after() -> tuple[Any, Any]:
        gate.GATE = asyncio.Event()
        thing = await load(edits.before("running coroutine"))
        old = asyncio.ensure_future(thing.work())
        await asyncio.sleep(0)
        thing = await load(edits.after("running coroutine"))
        gate.GATE.set()
        return await old, await thing.work()

    async def load(text: str) -> Any:
        await asyncio.to_thread(app.load, {"api.py": text}, id="thing")
        return app.get_service("thing")

    old, new = app.run(call_before_and_after())
    assert old == (("old", "old"), ("old", "old"))
    assert new == (("new", "new"), ("new", "new"))


def test_autoreload_gets_all_five_wrong(tmp_path: Path) -> None:
    """IPython's autoreload gets these edits wrong; if it mends one, shorten this list."""
    run = subprocess.run(
        [sys.executable, edits.__file__, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "IPYTHONDIR": str(tmp_path / "ipython"),
            "PATH": "",
        },
    )
    assert json.loads(run.stdout) == {
        "base class": "first",
        "dataclass field": "Row.__init__() takes 2 positional arguments but 3 were given",
        "half a file": [True, False],
        "state": 1,
        "running coroutine": [["old", "old"], ["old", "new"]],
    }
