"""The tab *Graph*: how long each module took to start, and in which order they did.

Who requires whom is in the rows already, which every front end has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from ...names import full_id
from ...runtime.generation import Generation
from ..asks import Ask, Operation


def startup(ask: Ask, module: str = "") -> dict[str, Any]:
    """Return what started together: with a module, or if none is named, the most modules at once.

    Only generations that are live are known: one that was replaced or that failed took its times
    with it.

    Returns:
        ``at``, when it began; ``took``, until the last one was ready; ``modules`` in the order in
        which they began, each with ``began``, ``ended``, ``took`` (without waiting for others), its
        ``steps`` likewise, and ``number``, its generation; ``others``, how many live modules
        started at another time. All but ``at`` are milliseconds from the beginning.
    """
    live = ask.facts.live.generations.values()
    groups = list(_started_together(one for one in live if one.timeline))
    key = full_id(module) if module else ""
    wanted = [one for one in groups if not key or any(each.module_id == key for each in one)]
    if not wanted:
        return {"at": "", "took": 0, "modules": [], "others": len(live)}
    group = max(reversed(wanted), key=len)  # of equal ones the newest
    begins = _begins(group[0])
    modules = [_times(each, begins) for each in group]
    return {
        "at": datetime.fromtimestamp(min(each.built_at for each in group), UTC).isoformat(),
        "took": max(one["ended"] for one in modules),
        "modules": modules,
        "others": len(live) - len(group),
    }


def _started_together(generations: Iterable[Generation]) -> Iterator[list[Generation]]:
    """Yield generations in groups, oldest first: each began before another one of it had ended."""
    group: list[Generation] = []
    ends = 0.0
    for generation in sorted(generations, key=_begins):
        if group and _begins(generation) > ends:
            yield group
            group = []
        group.append(generation)
        ends = max(ends, generation.timeline[-1][1])
    if group:
        yield group


def _begins(generation: Generation) -> float:
    return generation.timeline[0][1]


def _times(generation: Generation, zero: float) -> dict[str, Any]:
    """Return what a module did from when to when; between two steps it waited for others."""
    steps: list[dict[str, Any]] = [
        {
            "what": what,
            "began": _ms(began - zero),
            "ended": _ms(ended - zero),
            "took": _ms(ended - began),
        }
        for (what, began), (_, ended) in pairwise(generation.timeline)
        if what
    ]
    return {
        "id": generation.module_id,
        "number": generation.number,
        "began": steps[0]["began"],
        "ended": steps[-1]["ended"],
        "took": round(sum(step["took"] for step in steps), 3),
        "steps": steps,
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


OPERATIONS: Mapping[str, Operation] = {"startup": startup}
