"""``%modframe errors`` in a kernel: what failed, by kind, and what a code means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import modframe
from tests.kernels import Kernel, kernel

pytestmark = pytest.mark.kernel

SHOP = """%%module shop
from core.error_utils import Result, error_message
from core.logging import get_framework_logger
from modframe.decorators import module

@module
class Shop:
    async def refuse(self, item):
        return Result.error("SOLD_OUT", f"no {item}")

    async def log(self):
        get_framework_logger("shop").error(error_message("standard.shop", "LOW", "nearly empty"))
"""


def test_errors_are_shown_below_a_cell(tmp_path: Path) -> None:
    """With the cell and line where they were made, as text and as a table; also by kind."""
    with kernel(tmp_path) as run:
        first = run.run("%load_ext modframe").stdout.splitlines()
        assert first[0].endswith(f" · workspace {tmp_path.name!r} · 0 modules in it · not started")
        assert first[1].startswith("next: run a %%module cell")
        run.run("modules = app.modules")
        run.run(SHOP)
        assert run.run("%modframe errors").stdout == "no error was recorded\n"
        run.run(
            "for item in ('tea', 'cup'):\n    refused = await app.get_service('shop').refuse(item)"
        )
        run.run("await app.get_service('shop').log()")
        shown = run.run("%modframe errors shop --since 1h")
        assert (
            " standard.shop · SOLD_OUT · api.py, Cell In[3], line 9 · generation 1 · "
            in shown.value
        )
        assert " standard.shop · LOW · api.py, Cell In[3], line 12 · generation 1 · " in shown.value
        assert "<table" in shown.html
        kinds = run.run("%modframe errors --groups --text sold_out")
        assert kinds.value.startswith("2 times standard.shop · SOLD_OUT · ")
        page = run.run("%modframe errors --explain SETTINGS_UNAVAILABLE")
        assert page.stdout.startswith("SETTINGS_UNAVAILABLE\n")
        wrong = run.run("%modframe errors --sinse 1h", fails=True)
        assert "%modframe errors [MODULE]" in wrong.text
        assert "no time" in run.run("%modframe errors --since noon", fails=True).text
        assert (
            "give one module" in run.run("%modframe errors shop -m core.settings", fails=True).text
        )
        _commands_show_what_the_shell_prints(run)
        again = run.run("%reload_ext modframe").stdout.splitlines()
        assert again[0] == f"modframe {modframe.__version__} · 4 of 4 modules live · not served"
        run.run("app.stop()")


def _commands_show_what_the_shell_prints(run: Kernel) -> None:
    """In rows below a head, as text and as a table; the module is a word or ``--module``."""
    status = run.run("%modframe status")
    assert status.value.startswith("4 of 4 modules live\nmodule ")
    rows = [line.split()[:5] for line in status.value.splitlines()]
    assert ["standard.shop", "LIVE", "1", "1", "service,"] in rows
    assert "● LIVE" in re.sub("<[^>]*>", "", status.html)
    assert run.run("%modframe status -m shop").value.startswith("standard.shop\n  state ")
    health = run.run("%modframe health shop").value
    assert [line.split() for line in health.splitlines()] == [
        ["module", "status", "detail"],
        ["standard.shop", "unknown", "it", "has", "no", "health", "check"],
    ]
    logs = run.run("%modframe logs --module shop --level error").stdout
    assert " ERROR standard.shop standard.shop - LOW" in logs
    assert (
        run.run("%modframe logs -n 1 --level critical").stdout == "no event like that was logged\n"
    )
    assert "%modframe errors [MODULE]" in run.run("%modframe help").value
    for wrong in ("status nothing", "health nothing", "logs --level loud", "logs 'x", "help me x"):
        assert run.run(f"%modframe {wrong}", fails=True).error == "UsageError"
    assert "did you mean" in run.run("%modframe health shopp", fails=True).text
