"""`run_live`: runs what the app has kept for a module on the generation that is live, as a call.

Event queues and tasks call it. What they run waits at the gate of a hand-over and counts as inside,
so that kept state is exact; what a change cut may be given again, to the next generation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ..generation import Generation, wait_for_gate
from ..stragglers import cancelled_at_deadline, register_entry_point

_PAUSE = 0.1
"""Seconds after the first failure; doubled with each one that follows."""
_LONGEST_PAUSE = 60.0
_MOST_DOUBLINGS = 30


class CutError(Exception):
    """The run was cut by the end of its generation, or there was none to run on."""


async def run_live(
    find: Callable[[], Generation | None],
    run: Callable[[Generation], Any],
    *,
    label: str,  # noqa: ARG001  # read by `_describe`, of a run that is cut
) -> None:
    """Run something on the live generation, once calls may pass.

    Args:
        find: Finds the live generation of the module.
        run: Gets the generation; what it returns is awaited, if it can be.
        label: What messages call the run that a change had to cut.

    Raises:
        CutError: If there is no generation, or the run was cancelled at the deadline of its end.
    """
    seen = await wait_for_gate(find)
    if seen is None:
        raise CutError
    generation = seen  # stragglers.py reads this name
    generation.in_flight += 1
    try:
        outcome = run(generation)
        if hasattr(outcome, "__await__"):
            await outcome
    except asyncio.CancelledError:
        if cancelled_at_deadline(generation):
            raise CutError from None
        raise
    finally:
        generation.release()


def pause_after(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: 0.1, 0.2, ... up to a minute."""
    doubled: float = _PAUSE * 2 ** min(max(failures - 1, 0), _MOST_DOUBLINGS)
    return min(doubled, _LONGEST_PAUSE)


def _describe(variables: Mapping[str, Any]) -> str:
    label: str = variables["label"]
    return label


register_entry_point(run_live, _describe)
