"""Timers: what a module's code scheduled with ``loop.call_later`` and ``call_at`` ends with it.

What ``activate`` scheduled is cancelled when the generation is replaced, the rest at its end.
"""

from __future__ import annotations

import asyncio

from ..observe import get_framework_logger
from ..runtime.generation import Generation
from ..runtime.owner import activating
from ..runtime.ownership import callable_name, callable_package
from ..runtime.part import Part
from ..wording import count


class TimersPart(Part[None]):
    """Cancels the timers of each generation at its end, and logs their names."""

    name = "timers"

    async def leave(self, generation: Generation) -> None:
        if names := _cancel(generation.package_name):
            get_framework_logger(generation.module_id).info(
                "%s of generation %d cancelled at its end: %s",
                count(len(names), "timer"), generation.number, ", ".join(names),
            )  # fmt: skip

    async def retire(self, generation: Generation) -> None:
        """Cancel what ``activate`` scheduled, for the successor is about to schedule the same."""
        _cancel(generation.package_name, consumers=True)


def _cancel(package: str, *, consumers: bool = False) -> list[str]:
    """Cancel a package's timers; return the names of what they would have called.

    With ``consumers``, cancel only those that ``activate`` scheduled, or that they did.
    """
    names = []
    # asyncio's own list; other loops have none, and their timers are left alone.
    for handle in list(getattr(asyncio.get_running_loop(), "_scheduled", ())):
        if consumers and handle._context.get(activating) != package:
            continue  # the quick question first: a loop may have thousands of timers
        callback = getattr(handle, "_callback", None)
        if callback is None or handle.cancelled() or callable_package(callback) != package:
            continue
        names.append(callable_name(callback))
        handle.cancel()
    return sorted(names)
