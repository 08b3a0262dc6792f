"""The tab *Graph*: who needs whom, as a drawing and in words, and how long each took to start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from operator import itemgetter
from typing import Any

from ...names import full_id, short_id
from ...runtime.generation import Generation
from ..asks import Ask, Operation
from ..facts import Facts
from ..layout import lay_out
from ..rows import blockers_of, urgency_of

_FIRST, _STEPS = 60, 2
"""How many modules are drawn at first, and how far they are from the one in the middle."""
_LAST = 9
"""The rank of a module that needs no attention."""
Links = Mapping[str, tuple[str, ...]]


def graph(ask: Ask, module: str = "", *, whole: bool = False) -> dict[str, Any]:
    """Return who needs whom: around a module, or of all; those in need of attention come first.

    Args:
        whole: Whether all of it is drawn, and not the first ones alone.

    Returns:
        The drawing, as `lay_out` makes it: a node also has the ``state`` of its module and
        ``said``, what follows its name in a list; an edge is ``broken`` where what a module needs
        keeps it from starting. ``total``: how many there are.
    """
    needed = _Needed.of(ask.facts)
    key = full_id(module) if module else ""
    there = needed.around(key) if key else list(needed.users)
    ids = there if whole else needed.first_of(key, there)
    drawing = lay_out({one: needed.needs.get(one, ()) for one in ids})
    for node in drawing["nodes"]:
        node |= {"state": needed.state(node["id"]), "said": needed.sentence(node["id"])}
    for edge in drawing["edges"]:
        edge["broken"] = needed.is_broken(edge["source"], edge["target"])
    return {**drawing, "total": len(there)}


@dataclass(frozen=True, slots=True)
class _Needed:
    """Who needs whom, module id → module ids.

    Attributes:
        needs: What each requires, and what blocks it. ``users``: who needs it; those that are
            required and missing have some, too.
        failed: The modules that have an error.
    """

    facts: Facts
    needs: Links
    users: Links
    failed: frozenset[str]

    @classmethod
    def of(cls, facts: Facts) -> _Needed:
        """Return that of an app as it is now."""
        errors = {key: facts.records.error(key) for key in facts.seen.ids()}
        needs = {
            key: tuple(dict.fromkeys((*_required_by(facts, key), *blockers_of(error))))
            for key, error in errors.items()
        }
        users: dict[str, list[str]] = {key: [] for key in needs}
        for key, others in needs.items():
            for other in others:
                users.setdefault(other, []).append(key)
        failed = frozenset(key for key, error in errors.items() if error is not None)
        return cls(facts, needs, {key: tuple(by) for key, by in users.items()}, failed)

    def around(self, key: str, steps: int | None = None) -> list[str]:
        """Return a module, what it needs and who needs it, as far away as that."""
        sides = (_reach(key, side, steps) for side in (self.needs, self.users))
        return list(dict.fromkeys(one for side in sides for one in side))

    def first_of(self, key: str, there: list[str]) -> list[str]:
        """Return the modules to look at first: what fails or blocks, and what is needed most."""

        def rank(one: str) -> tuple[int, int]:
            urgency = urgency_of(self.facts, one) if one in self.needs else 1
            return (-1 if one == key else urgency or _LAST, -len(self.users.get(one, ())))

        return sorted(self.around(key, _STEPS) if key else there, key=rank)[:_FIRST]

    def state(self, key: str) -> str:
        """Return the state of a module; ``MISSING`` if there is none of that id."""
        return self.facts.records.state(key) if key in self.needs else "MISSING"

    def is_broken(self, key: str, other: str) -> bool:
        """Return whether one module keeps another one from starting."""
        down = self.state(key) != "LIVE" and self.state(other) != "LIVE"
        return down and key in self.failed

    def sentence(self, key: str) -> str:
        """Return what follows a module's name: ``, live, requires stock; is required by shop``."""
        needs = self.needs.get(key, ())
        lists = {
            "requires": needs,
            "is required by": self.users.get(key, ()),
            "is kept down by": [other for other in needs if self.is_broken(key, other)],
        }
        said = [f"{verb} {', '.join(map(short_id, ids))}" for verb, ids in lists.items() if ids]
        state = self.state(key).lower().replace("_", " ")
        return f", {state}, {'; '.join(said) or 'stands alone'}"


def _required_by(facts: Facts, key: str) -> Iterable[str]:
    """Return what a module requires; of one that isn't live, what its newest attempt required."""
    generation = facts.live.generations.get(key)
    if generation is not None:
        return generation.spec.required_ids
    record = facts.records.get(key)
    return record.requires if record is not None else ()


def _reach(key: str, side: Links, steps: int | None) -> Iterable[str]:
    """Return a module and those that links lead to in so many steps, the nearest first."""
    found = {key: 0}
    for one in (queue := [key]):
        if steps is None or found[one] < steps:
            new = [other for other in side.get(one, ()) if other not in found]
            found |= dict.fromkeys(new, found[one] + 1)
            queue += new
    return found


# -- the start -------------------------------------------------------------------------------------


def startup(ask: Ask, module: str = "") -> dict[str, Any]:
    """Return what started together: with a module, or if none is named, the most modules at once.

    Only generations that are live are known: one that was replaced or that failed took its times
    with it.

    Returns:
        ``at``, when it began; ``took``, until the last one was ready; ``modules`` in the order in
        which they began, each with ``began``, ``ended``, ``took`` (without waiting for others), its
        ``steps`` likewise, ``longest``, which of them that was, and ``number``, its generation;
        ``others``, how many live modules started at another time. Times but ``at`` are milliseconds
        from the beginning.
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
        "longest": max(steps, key=itemgetter("took"))["what"],
        "steps": steps,
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


OPERATIONS: Mapping[str, Operation] = {"graph": graph, "startup": startup}
