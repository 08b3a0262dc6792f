"""Files that an editor saves while a kernel runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import ORDERS
from tests.kernels import kernel

pytestmark = pytest.mark.kernel

UNTIL = """
import asyncio
async def until(value):
    for _ in range(3000):
        if "orders" in app.modules and app.modules["orders"].state == "LIVE":
            if await app.get_service("orders").total() == value:
                return "there"
        await asyncio.sleep(0.01)
"""


def test_a_saved_file_is_live_in_the_kernel(workspace: Path) -> None:
    """Whatever cells run meanwhile, nothing is printed under them; the kernel ends as ever."""
    with kernel(workspace) as shell:
        shell.run("%load_ext modframe")
        assert shell.run("watcher = app.watch()\nwatcher").value == (
            f"<Watcher {workspace}/modules: 0 swaps>"
        )
        shell.run(UNTIL)
        path = workspace / "modules/standard/orders/api.py"
        path.parent.mkdir(parents=True)
        path.write_text(ORDERS)
        assert shell.run("await until(40)").value == "'there'"
        path.write_text(ORDERS.replace("self.count = 40", "self.count = 50"))
        seen = shell.run("await until(50)")
        assert (seen.value, seen.stdout, seen.stderr) == ("'there'", "", "")
        cell = "%%module orders\n" + ORDERS.replace("self.count = 40", "self.count = 60")
        assert shell.run(cell).stdout.startswith("standard.orders 2 → 3 · live in ")
        path.write_text(ORDERS.replace("self.count = 40", "self.count = 70"))
        assert shell.run("await until(70)").value == "'there'"
        assert shell.run("app.stop()\nwatcher").value.startswith("<Watcher stopped, ")
