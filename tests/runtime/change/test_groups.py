"""Modules that import from each other, and modules that only call each other."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from tests.fakes import simple

BASE = simple(
    "async def fail(self):\n    raise Missing('x')",
    head="class Missing(Exception):\n    mark = 1\n",
)
TOP = simple(
    """
    async def caught(self):
        try:
            await self.app_context.get_service("base").fail()
        except Missing as error:
            return error.mark
    """,
    head="from modules.standard.base.api import Missing",
)


def test_an_importer_is_rebuilt_with_what_it_imports(app: AppContext) -> None:
    """Both sides of an `except` see the same class after a swap of one."""
    app.load([("base", {"api.py": BASE}), ("top", {"api.py": TOP})])
    assert app.get_service("top").caught().result() == 1
    app.load({"api.py": BASE.replace("mark = 1", "mark = 2")}, id="base")
    assert app.get_service("top").caught().result() == 2
    assert app.modules["top"].generation == 2


def test_a_change_that_breaks_an_importer_changes_nothing(app: AppContext) -> None:
    """The swap is refused as a whole, and both modules stay as they were."""
    app.load([("base", {"api.py": BASE}), ("top", {"api.py": TOP})])
    with pytest.raises(LoadError, match=r"standard\.top.*cannot import name 'Missing'"):
        app.load({"api.py": BASE.replace("Missing", "Gone")}, id="base")
    assert app.get_service("top").caught().result() == 1
    assert [app.modules[name].generation for name in ("base", "top")] == [1, 1]


def test_a_caller_keeps_its_generation_and_reaches_the_new_one(app: AppContext) -> None:
    """A module that only calls another's service isn't rebuilt; its handle leads to the new one."""
    app.load({"api.py": simple("async def get(self):\n    return 1")}, id="base")
    app.load(
        {
            "api.py": simple(
                "async def ask(self):\n    return await self.app_context.get_service('base').get()",
                arguments='requires=["base"]',
            )
        },
        id="caller",
    )
    app.load({"api.py": simple("async def get(self):\n    return 2")}, id="base")
    assert app.get_service("caller").ask().result() == 2
    assert app.modules["caller"].generation == 1


def test_modules_that_load_together_share_no_context(app: AppContext) -> None:
    """What one module's body sets in its context is not seen by the next body."""
    strict = "import decimal\ndecimal.setcontext(decimal.Context(prec=3))\n"
    third = "import decimal\nTHIRD = decimal.Decimal(1) / decimal.Decimal(3)\n"
    answer = simple("async def third(self):\n    return len(str(THIRD))", head=third)
    app.load([("first", {"api.py": simple(head=strict)}), ("second", {"api.py": answer})])
    assert app.get_service("second").third().result() > 20


def test_a_required_module_is_loaded_whose_importer_stays(workspace: Path) -> None:
    """A module that is down, and that a live one imported from, comes back with one that needs it."""
    names = ("base", "importer", "needs")
    folders = {name: workspace / "modules" / "standard" / name for name in names}
    for folder in folders.values():
        folder.mkdir(parents=True)
    broken = workspace / "broken"
    fails = (
        f"import pathlib\nif pathlib.Path({str(broken)!r}).exists():\n    raise OSError('in use')\n"
    )
    start = "async def initialize(self):\n" + indent(fails, "    ")
    base = simple(start, head="class Piece: pass\n", arguments='swap="stop_first"')
    (folders["base"] / "api.py").write_text(base)
    importer = simple(head="from modules.standard.base.api import Piece")
    (folders["importer"] / "api.py").write_text(importer)
    (folders["needs"] / "api.py").write_text(simple(arguments='requires=["base"]'))
    with modframe.start(workspace, ["base", "importer"], ":memory:") as app:
        broken.touch()
        with pytest.raises(LoadError, match="in use"):
            app.load({"api.py": f"{base}\n# changed"}, id="base")
        assert app.modules["base"].state == "FAILED"
        broken.unlink()
        app.load("needs")
        assert [app.modules[name].state for name in names] == ["LIVE", "LIVE", "LIVE"]
