"""Modules written in cells: drafts, outcomes, tracebacks, what module code sees and prints."""

from __future__ import annotations

import re

import pytest

from tests.kernels import Kernel

pytestmark = pytest.mark.kernel

API = """%%module {id}
from modframe.decorators import module
from fastapi import APIRouter
from core.app_context import app_context
from .services import price

router = APIRouter()


@router.get("/total")
async def total():
    return {{"total": await app_context.get_service("{id}").total(2)}}


@module
class Orders:
    async def initialize(self):
        print("starting")
        self.count = 40

    async def total(self, plus: int = 0) -> int:
        print("adding", plus)
        return self.count + plus + price()

    async def boom(self):
        from .services import broken
        return broken()
"""
SERVICES = """%%module {id} services.py
def price():
    return {price}

def broken():
    return 1 / 0
"""


def define(shell: Kernel, id: str, price: int = 1) -> None:
    shell.run(API.format(id=id))
    shell.run(SERVICES.format(id=id, price=price))


def test_cells_come_in_any_order_and_the_draft_waits(shell: Kernel) -> None:
    """A module whose file is missing only drafts, and says what it waits for."""
    first = shell.run(API.format(id="waits"))
    assert first.stdout == "standard.waits drafted · waits for services.py\n"
    second = shell.run(SERVICES.format(id="waits", price=1))
    assert re.fullmatch(
        r"starting\nstandard\.waits 1 · live in [\d.]+ m?s · 1 route\n", second.stdout
    ), second.stdout
    assert shell.run("await app.get_service('waits').total(1)").value == "42"


def test_all_in_one_cell_with_only_the_magic_above(shell: Kernel) -> None:
    """One cell is api.py and may hold everything."""
    cell = shell.run(
        "%%module alone\nfrom modframe.decorators import module\n\n\n@module\nclass Alone:\n"
        "    async def answer(self) -> int:\n        return 42\n"
    )
    assert cell.stdout.startswith("standard.alone 1 · live in ")
    assert shell.run("await app.get_service('alone').answer()").value == "42"


def test_a_rerun_swaps_and_equal_text_is_unchanged(shell: Kernel) -> None:
    """Running a changed cell makes the next generation; running it again changes nothing."""
    define(shell, "again")
    changed = shell.run(SERVICES.format(id="again", price=10))
    assert "standard.again 1 → 2 · live in " in changed.stdout
    assert shell.run(SERVICES.format(id="again", price=10)).stdout == (
        "standard.again unchanged, generation 2\n"
    )
    assert shell.run("await app.get_service('again').total()").value == "50"


def test_a_failing_cell_leaves_the_old_one_serving(shell: Kernel) -> None:
    """The error names cell and line; the draft is kept, and another cell can mend it."""
    define(shell, "fails")
    bad = shell.run("%%module fails services.py\nimport os\nprice = 1 / 0\n", fails=True)
    assert bad.error == "LoadError"
    assert re.search(
        r"standard\.fails: services\.py, Cell In\[\d+\], line 3: ZeroDivisionError: division by "
        r"zero\. Correct it\.",
        bad.traceback,
    )
    assert "Generation 1 stays live; the draft keeps services.py as this cell says it" in (
        bad.traceback
    )
    assert "----> 3 price = 1 / 0" in bad.traceback
    assert "importlib" not in bad.traceback
    assert "modframe/" not in bad.traceback
    assert shell.run("await app.get_service('fails').total()").value == "41"
    shell.run(SERVICES.format(id="fails", price=2))
    assert shell.run("await app.get_service('fails').total()").value == "42"


def test_a_syntax_error_points_at_its_line(shell: Kernel) -> None:
    """The excerpt shows the cell's own lines, counted as the cell counts them."""
    define(shell, "syntax")
    bad = shell.run("%%module syntax services.py\ndef price():\n    return 1 +\n", fails=True)
    assert "---->    3     return 1 +" in bad.traceback
    assert "line 3: invalid syntax" in bad.traceback


@pytest.mark.parametrize("first", ["api", "services"])
def test_a_rename_across_two_cells_in_both_orders(shell: Kernel, first: str) -> None:
    """The first cell of the two fails and names the other; the second makes both live."""
    name = f"rename_{first}"
    define(shell, name)
    cells = {
        "api": API.format(id=name).replace("price", "cost"),
        "services": SERVICES.format(id=name, price=2).replace("price", "cost"),
    }
    second = "services" if first == "api" else "api"
    bad = shell.run(cells[first], fails=True)
    assert "cannot import name" in bad.traceback
    assert "~" not in bad.traceback.splitlines()[-2]
    assert shell.run(f"await app.get_service('{name}').total()").value == "41"
    assert f"standard.{name} 1 → 2" in shell.run(cells[second]).stdout
    assert shell.run(f"await app.get_service('{name}').total()").value == "42"


def test_notebook_variables_are_not_visible_and_that_is_said(shell: Kernel) -> None:
    """A name that exists only in the notebook is an error at load."""
    shell.run("only_here = 3")
    bad = shell.run(
        "%%module outer\nfrom modframe.decorators import module\n\n@module\nclass Outer:\n"
        "    def get(self):\n        return only_here\n",
        fails=True,
    )
    assert "line 7: 'only_here' exists only in the notebook" in bad.traceback


def test_prints_land_under_the_cell_that_loads_or_calls(shell: Kernel) -> None:
    """A call's print is under its cell; a background task's goes to the log."""
    define(shell, "prints")
    assert shell.run("await app.get_service('prints').total(5)").stdout == "adding 5\n"
    shell.run(
        "%%module ticks\nimport asyncio\nfrom modframe.decorators import module\n\n@module\n"
        "class Ticks:\n    async def initialize(self):\n        self.once = asyncio.Event()\n"
        "        self.task = asyncio.create_task(self.tick())\n"
        "    async def tick(self):\n        await self.once.wait()\n        print('tick tock')\n"
        "    async def go(self):\n        self.once.set()\n        await self.task\n"
    )
    assert shell.run("await app.get_service('ticks').go()").text == ""
    log = shell.run(
        "[line.message for line in app.snapshot().log if line.module_id == 'standard.ticks']"
    )
    assert "tick tock" in log.value


def test_tracebacks_of_calls_point_at_the_cell(shell: Kernel) -> None:
    """A failing call shows the caller's line and the module's, nothing of modframe."""
    define(shell, "traces")
    bad = shell.run("await app.get_service('traces').boom()", fails=True)
    assert bad.error == "ZeroDivisionError"
    assert re.search(r"Cell In\[\d+\], line 6, in broken\(\)", bad.traceback)
    assert "---->  1 await" in bad.traceback or "----> 1 await" in bad.traceback
    assert "/modframe/" not in bad.traceback


def test_source_pickle_and_hints_of_cell_classes(shell: Kernel) -> None:
    """`inspect.getsource`, dataclasses, pickling and type hints work as for files."""
    shell.run(
        "%%module kinds\nfrom __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from modframe.decorators import module\n\n@dataclass\nclass Item:\n    name: str\n"
        "    parts: list[Item]\n\n@module\nclass Kinds:\n"
        "    async def item(self) -> Item:\n        return Item('a', [])\n"
    )
    shell.run("import inspect, pickle, typing\nfrom modules.standard.kinds.api import Item, Kinds")
    assert shell.run("print(inspect.getsource(Kinds.item))").stdout == (
        "    async def item(self) -> Item:\n        return Item('a', [])\n\n"
    )
    assert shell.run("print(inspect.getsource(Item))").stdout.startswith("@dataclass\nclass Item:")
    assert shell.run("typing.get_type_hints(Item)['parts'] == list[Item]").value == "True"
    assert (
        shell.run(
            "item = await app.get_service('kinds').item()\npickle.loads(pickle.dumps(item)) == item"
        ).value
        == "True"
    )


def test_draft_keeps_without_trying_and_drop_takes_out(shell: Kernel) -> None:
    """``--draft`` swaps nothing; ``%modframe drop`` takes the draft out again."""
    define(shell, "drafts")
    kept = shell.run("%%module drafts services.py --draft\nnonsense(\n")
    assert kept.stdout == "standard.drafts drafted · services.py · 2 files\n"
    assert shell.run("app.modules['drafts'].state").value == "'LIVE'"
    assert "services.py" in shell.run("%modframe drop drafts services.py").stdout
    assert shell.run("%modframe drop drafts").stdout == (
        "standard.drafts: the draft is dropped; generation 1 stays live\n"
    )


def test_bad_magic_arguments_are_usage_errors(shell: Kernel) -> None:
    """A bad id, file or flag says what a good one looks like."""
    assert "is not a module id" in shell.run("%%module Not-An-Id\nx = 1\n", fails=True).text
    assert "can't be a module's file" in shell.run("%%module x ../y.py\nx = 1\n", fails=True).text
    assert "No closing quotation" in shell.run("%%module 'x\nx = 1\n", fails=True).text
    said = shell.run("%%module x --pln\nx = 1\n", fails=True).text
    assert "%%module x --pln: unrecognized arguments: --pln. Did you mean '--plan'? " in said


def test_help_is_the_real_methods(shell: Kernel) -> None:
    """`help`, signature and completion come from the real method."""
    define(shell, "helps")
    shell.run("orders = app.get_service('helps')")
    assert "total(plus: int = 0) -> int" in shell.run("help(orders.total)").stdout
    assert shell.run("dir(orders)").value == "['boom', 'total']"
    assert shell.run("orders").value == "<service standard.helps.service: 2 methods, generation 1>"


def test_the_extension_unloads_and_loads_again(shell: Kernel) -> None:
    """`%unload_ext` takes the magics out, `%reload_ext` brings them back."""
    define(shell, "stays")
    shell.run("%unload_ext modframe")
    shell.run("%%module stays\nx = 1\n", fails=True)
    shell.run("%reload_ext modframe")
    assert "unchanged" in shell.run(SERVICES.format(id="stays", price=1)).stdout


def test_the_same_cell_run_many_times(shell: Kernel) -> None:
    """Thirty runs of other texts leave one generation and no thread, a moment after the last."""
    define(shell, "many")
    shell.run(
        "import sys, threading\nfrom collections import Counter\n"
        "from tests.waiting import wait_for\n"
        "def packages(): return sum('standard.many~' in name for name in list(sys.modules))\n"
        "def threads(): return Counter(thread.name for thread in threading.enumerate())\n"
        "allowed = threads() | Counter(['modframe-collect'])  # one, from the first look on"
    )
    for number in range(30):
        shell.run(SERVICES.format(id="many", price=number + 100))
    assert shell.run("app.modules['many'].generation").value == "31"
    shell.run("wait_for(lambda: packages() == 3)")
    shell.run("wait_for(lambda: not threads() - allowed)")


def test_what_ipython_adds_to_the_builtins_is_not_there(shell: Kernel) -> None:
    """``get_ipython`` works in no module, as it would in no server."""
    bad = shell.run(
        "%%module magic\nfrom modframe.decorators import module\n\n@module\nclass Magic:\n"
        "    def get(self):\n        return get_ipython()\n",
        fails=True,
    )
    assert "line 7: 'get_ipython' exists only in the notebook" in bad.traceback
