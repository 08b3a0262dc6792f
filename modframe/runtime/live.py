"""`Live`: the table of what runs, module id → generation; publishing replaces it as a whole.

Written by changes on the app loop; read by handles, the dispatcher and views in any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count

from .gate import Gate
from .generation import Generation


class Live:
    """Holds one immutable mapping; publishing assigns a new one.

    A reader takes ``generations`` once and works on that mapping. The indexes of dependents are for
    the app loop only; with them a change needs to look at no unrelated module.

    Attributes:
        generations: Module id → the live generation.
        closed_gates: The gates that calls wait at now.
        revision: Another number after each publish, and after each `note_change`.
    """

    __slots__ = (
        "_dependents",
        "_importers",
        "_optional",
        "_revisions",
        "closed_gates",
        "generations",
        "revision",
    )

    def __init__(self) -> None:
        self.generations: Mapping[str, Generation] = {}
        self.closed_gates: set[Gate] = set()
        self.revision = 0
        self._revisions = count(1)
        self._dependents: dict[str, set[str]] = {}
        self._importers: dict[str, set[str]] = {}
        self._optional: dict[str, set[str]] = {}

    def publish(self, changes: Mapping[str, Generation | None]) -> dict[str, Generation]:
        """Put generations in, or take out ids given as ``None``, at once; return the old ones."""
        before = self.generations
        merged = {**before, **changes}
        for key in [key for key, generation in changes.items() if generation is None]:
            merged.pop(key)
        self.generations = merged  # type: ignore[assignment]  # what is None was popped
        replaced = {key: before[key] for key in changes if key in before}
        self._index(replaced, changes)
        self.note_change()
        return replaced

    def note_change(self) -> None:
        """Note that what is known of a module has changed, so that who follows all looks again."""
        self.revision = next(self._revisions)  # unlike += safe from several threads

    def _index(
        self, removed: Mapping[str, Generation], added: Mapping[str, Generation | None]
    ) -> None:
        for key, old in removed.items():
            for index, dependency in self._edges(old):
                index[dependency].discard(key)
                if not index[dependency]:
                    del index[dependency]
        for key, new in added.items():
            if new is not None:
                new.stage, new.noted = "live", self.note_change
                for index, dependency in self._edges(new):
                    index.setdefault(dependency, set()).add(key)

    def _edges(self, generation: Generation) -> list[tuple[dict[str, set[str]], str]]:
        spec = generation.spec
        edges = (
            (self._dependents, spec.required_ids),
            (self._importers, spec.imports_modules),
            (self._optional, spec.after_modules),
        )
        return [(index, key) for index, keys in edges for key in dict.fromkeys(keys)]

    def dependents(self, module_id: str) -> list[str]:
        """Return the live modules that require a module, by id, service or import; sorted."""
        return sorted(self._dependents.get(module_id, ()))

    def all_dependents(self, module_id: str) -> list[str]:
        """Return the dependents of a module, with those that need it only optionally; sorted."""
        optional = self._optional.get(module_id, set())
        return sorted({*self._dependents.get(module_id, ()), *optional} - {module_id})

    def importers(self, module_ids: Iterable[str]) -> list[str]:
        """Return the live modules that import from these, directly or through others."""
        if not self._importers:
            return []
        return reach(module_ids, lambda key: sorted(self._importers.get(key, ())))

    def __repr__(self) -> str:
        return f"<Live: {len(self.generations)} modules>"


def reach(begin: Iterable[str], next_to: Callable[[str], Iterable[str]]) -> list[str]:
    """Return the ids reached from ``begin``, without it: each once, the nearest first.

    ``next_to`` returns the ids one step further.
    """
    pending = list(begin)
    known = set(pending)
    reached: list[str] = []
    for key in pending:  # it grows on the way
        for other in next_to(key):
            if other not in known:
                known.add(other)
                reached.append(other)
                pending.append(other)
    return reached
