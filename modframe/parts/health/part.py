"""The health part: runs the check of each live generation, and shows what it says.

Changes call it as they call every part. A module without a check costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...observe import Numbers
from ...runtime.generation import Generation
from ...runtime.loop.app_loop import AppLoop
from ...runtime.part import Action, Panel, Part
from .check import Check
from .health import health_row


class HealthPart(Part[Check]):
    """Keeps the check of each generation that has one."""

    name = "health"

    def __init__(self, app_loop: AppLoop, numbers: Numbers) -> None:
        self._app_loop, self._numbers = app_loop, numbers

    def applies(self, generation: Generation) -> bool:
        """Return whether the module has a check."""
        return generation.spec.health.check is not None

    def build(self, generation: Generation) -> Check | None:
        check = generation.spec.health.check
        if check is None:
            return None
        return Check(generation, check, self._app_loop, numbers=self._numbers)

    def confirms(self, generation: Generation) -> bool:
        """Return whether the module goes live only if it is healthy first."""
        return generation.spec.health.first

    async def confirm(self, generation: Generation) -> None:
        """Run the check once; what is not a good verdict is raised."""
        if (check := self.of(generation)) is not None:
            await check.confirm()

    def activates(self, generation: Generation) -> bool:
        """Return whether there is a check to run."""
        return self.name in generation.parts

    async def activate(self, generation: Generation) -> None:
        """Let the check run from now on; nothing waits for it."""
        if (check := self.of(generation)) is not None:
            check.begin()

    async def retire(self, generation: Generation) -> None:
        """End the check; a run that is under way is cancelled, and not waited for."""
        if (check := self.of(generation)) is not None:
            check.end()

    async def leave(self, generation: Generation) -> None:
        """Name a run that does not end."""
        check = generation.parts[self.name]
        check.end()
        await check.settle()

    def describe(self, generation: Generation) -> dict[str, Any]:
        """Return what the check is, and what it said last."""
        check, spec = self.of(generation), generation.spec.health
        if check is None:
            return {}
        times = {"interval": spec.interval, "timeout": spec.timeout, "healthy_first": spec.first}
        return {"check": check.name, **times, **check.health.to_dict()}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        """Show what the check says."""
        failures = facts["failures"]
        status = f"{facts['status']}, {failures} in a row" if failures > 1 else facts["status"]
        every = "until it passes" if facts["group"] == "startup" else f"{facts['interval']:g} s"
        _, at, took, *_ = health_row(facts)
        row = (facts["check"], status, every, at, took, facts["detail"])
        yield Panel("health check", _HEADS, (row,), tab="Health", actions=(Action("Check now"),))

    async def act(self, generation: Generation, action: str, row: str) -> None:
        """Run the check now."""
        if (check := self.of(generation)) is not None:
            await check.run_now()


_HEADS = ("status", "every", "checked at", "took", "detail")
