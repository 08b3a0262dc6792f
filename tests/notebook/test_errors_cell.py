"""``%modframe errors`` in a kernel: what failed, by kind, and what a code means."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernels import kernel

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
        run.run("%load_ext modframe")
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
        run.run("app.stop()")
