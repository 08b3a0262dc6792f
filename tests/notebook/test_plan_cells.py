"""``%%module --plan`` and ``--force``: what a cell would do, and a cell that takes away."""

from __future__ import annotations

import pytest

from tests.kernels import Kernel
from tests.notebook.test_cells import API, SERVICES, define

pytestmark = pytest.mark.kernel

USER = """%%module {id}_user
from modframe.decorators import module


@module(requires=["{id}"])
class User:
    async def ask(self):
        return await self.app_context.get_service("{id}").total(2)
"""


def test_a_plan_changes_neither_what_is_live_nor_the_draft(shell: Kernel) -> None:
    """The cell shows what would happen; the next swap knows nothing of it."""
    define(shell, "planned")
    planned = shell.run(
        SERVICES.format(id="planned", price=5).replace("services.py", "services.py --plan")
    )
    assert planned.value.startswith("swap standard.planned 1 → 2 · its text differs\n")
    assert "-    return 1\n" in planned.value
    assert "+    return 5" in planned.value
    assert "+++ services.py, Cell In[" in planned.value
    assert "<strong>plan</strong>" in planned.html
    shown = shell.run(
        "module = app.modules['planned']; (module.generation, module.draft is None, len(module.history))"
    )
    assert shown.value == "(1, False, 1)"
    assert "return 1" in shell.run("print(module.draft.texts['services.py'])").stdout


def test_the_plan_of_a_broken_cell_raises_nothing(shell: Kernel) -> None:
    """The error stands in the plan, with its cell and line."""
    define(shell, "broken")
    planned = shell.run("%%module broken services.py --plan\ndef price(:\n    return 1\n")
    assert planned.value.startswith("refuse standard.broken 1 · its text has faults\n")
    assert "line 2" in planned.value
    assert shell.run("app.modules['broken'].error").value == ""


def test_the_plan_of_a_cell_whose_files_are_missing(shell: Kernel) -> None:
    """Where the cell alone would wait for others, the plan says so."""
    planned = shell.run(API.format(id="early").replace("early\n", "early --plan\n", 1))
    assert planned.stdout == "standard.early would be drafted · would wait for services.py\n"
    assert shell.run("'early' in app.modules").value == "False"


def test_a_traceback_of_the_cell_still_has_its_lines(shell: Kernel) -> None:
    """What the plan loaded is forgotten, and what IPython knows of the cell is not."""
    define(shell, "lines")
    shell.run(SERVICES.format(id="lines", price=5).replace("services.py", "services.py --plan"))
    failing = shell.run("def outer():\n    raise ValueError('mine')\nouter()", fails=True)
    assert "raise ValueError('mine')" in failing.traceback


def test_a_cell_that_takes_away_what_is_used_fails_until_it_is_forced(shell: Kernel) -> None:
    """The error names the user, the cell of the new text and the flag; the flag carries it out."""
    define(shell, "kept")
    shell.run(USER.format(id="kept"))
    changed = (
        API.format(id="kept")
        .replace("async def total", "async def sum")
        .replace(".total(2)", ".sum(2)")
    )
    refused = shell.run(changed, fails=True)
    assert refused.error == "ContractError"
    assert (
        "total() is gone, and live modules use it: standard.kept_user (api.py, Cell In["
        in refused.traceback
    )
    assert "Generation 1 stays live" in refused.traceback
    forced = shell.run(changed.replace("kept\n", "kept --force\n", 1))
    assert "standard.kept 1 → 2 · live in" in forced.stdout
    assert "dropped total()" in forced.stdout


def test_plan_goes_with_no_other_flag(shell: Kernel) -> None:
    """A plan that is to be forced, drafted or tested is a usage error."""
    for flag in ("--force", "--draft", "--test"):
        cell = shell.run(f"%%module flags --plan {flag}\nx = 1\n", fails=True)
        assert "--plan changes nothing" in cell.text


def test_history_and_rollback_in_a_cell(shell: Kernel) -> None:
    """The tuple shows as a table; a rollback is followed by the handle, and by the draft."""
    define(shell, "past")
    shell.run(SERVICES.format(id="past", price=5))
    assert "<table" in shell.run("app.modules['past'].history").html
    rolled = shell.run("app.modules['past'].rollback()")
    assert rolled.value.startswith("<Module standard.past 3 LIVE")
    assert shell.run("await app.get_service('past').total(2)").value == "43"
    assert "return 1" in shell.run("print(app.modules['past'].draft.texts['services.py'])").stdout
