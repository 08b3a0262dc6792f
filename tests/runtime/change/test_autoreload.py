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
    """What a method answers once the edit is live."""
    app.load({"api.py": edits.before(name)}, id="thing")
    getattr(app.get_service("thing"), method)().result()
    app.load({"api.py": edits.after(name)}, id="thing")
    return getattr(app.get_service("thing"), method)().result()


def test_a_changed_base_class_counts(app: AppContext) -> None:
    """The methods are those of the base that the text names now."""
    assert edited(app, "base class", "name") == "second"


def test_an_added_dataclass_field_reaches_the_constructor(app: AppContext) -> None:
    """Whatever a decorator makes of a class is made anew."""
    assert edited(app, "dataclass field", "row") == "Row(name='a', amount=2)"


def test_of_a_file_that_fails_half_way_nothing_is_live(app: AppContext) -> None:
    """What stands above the line that fails is no more live than what stands below it."""
    with pytest.raises(LoadError, match="ZeroDivisionError"):
        edited(app, "half a file", "both")
    assert app.get_service("thing").both().result() == (False, False)
    assert app.modules["thing"].generation == 1


def test_declared_state_survives_any_statement(app: AppContext) -> None:
    """What is to be kept is said, and kept whatever else the text says."""
    assert edited(app, "state", "count") == 2


def test_a_running_coroutine_keeps_its_helpers(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on with what it began with, while a new call finds everything new."""
    gate: Any = ModuleType("tests_gate")
    monkeypatch.setitem(sys.modules, "tests_gate", gate)

    async def scenario() -> tuple[Any, Any]:
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

    old, new = app.run(scenario())
    assert old == (("old", "old"), ("old", "old"))
    assert new == (("new", "new"), ("new", "new"))


def test_autoreload_gets_all_five_wrong(tmp_path: Path) -> None:
    """The same edits given to IPython's own; should it mend one, this list is to be shortened."""
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
