"""Tasks that a module starts: said when they die, named in views."""

from __future__ import annotations

import asyncio

from modframe.app import AppContext
from tests.fakes import simple

PATIENCE = 60
TEXT = simple(
    """
    async def initialize(self):
        self.dies = asyncio.create_task(self.work())
        self.asked = asyncio.create_task(self.work())
        try:
            await self.asked
        except ValueError:
            pass

    async def work(self):
        raise ValueError("the wire is loose")
    """,
    head="import asyncio",
)


def test_a_task_that_dies_is_logged_while_it_is_held(app: AppContext) -> None:
    """Once, with the module's id; one whose failure the module handles is not."""
    app.load({"api.py": TEXT}, id="thing")

    def said() -> list[str]:
        return [one.message for one in app.snapshot().log if one.level == "ERROR"]

    async def until_said() -> None:
        while not said():
            await asyncio.sleep(0.01)

    app.run(asyncio.wait_for(until_said(), PATIENCE))
    app.modules["thing"].unload()
    assert said() == ["task Thing.work died, and nobody awaits it"]
