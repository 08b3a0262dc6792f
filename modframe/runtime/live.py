"""`Live`: the one table of what runs, module id → generation; replaced as a whole to publish."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .generation import Generation


class Live:
    """Holds one mapping that never changes; publishing assigns a new one.

    A reader takes ``generations`` once and works on what it got. Who depends on whom is kept
    beside it, for the app loop alone: a change looks at no module it has nothing to do with.
    """

    __slots__ = ("_dependents", "_importers", "_optional", "generations")

    def __init__(self) -> None:
        self.generations: Mapping[str, Generation] = {}
        self._dependents: dict[str, set[str]] = {}
        self._importers: dict[str, set[str]] = {}
        self._optional: dict[str, set[str]] = {}

    def publish(self, changes: Mapping[str, Generation | None]) -> dict[str, Generation]:
        """Put generations in, or take ids out, all at once; those that were replaced."""
        before = self.generations
        merged = {**before, **changes}
        for key in [key for key, one in changes.items() if one is None]:
            merged.pop(key)
        self.generations = merged  # type: ignore[assignment]  # what is None was popped
        replaced = {key: before[key] for key in changes if key in before}
        self._index(replaced, changes)
        return replaced

    def _index(self, gone: Mapping[str, Generation], come: Mapping[str, Generation | None]) -> None:
        for key, one in gone.items():
            for index, others in self._edges(one):
                for other in others:
                    index[other].discard(key)
                    if not index[other]:
                        del index[other]
        for key, new in come.items():
            if new is not None:
                new.stage = "live"
                for index, others in self._edges(new):
                    for other in others:
                        index.setdefault(other, set()).add(key)

    def _edges(self, one: Generation) -> Iterable[tuple[dict[str, set[str]], Iterable[str]]]:
        yield self._dependents, one.spec.required_ids
        yield self._importers, dict.fromkeys(one.spec.imports_modules)
        yield self._optional, dict.fromkeys(one.spec.after_modules)

    def dependents(self, module_id: str) -> list[str]:
        """The live modules that require one, by its id, its service or an import; sorted."""
        return sorted(self._dependents.get(module_id, ()))

    def users(self, module_id: str) -> list[str]:
        """Its dependents, and those that use it where it is there; sorted."""
        optional = self._optional.get(module_id, set())
        return sorted({*self._dependents.get(module_id, ()), *optional} - {module_id})

    def importers(self, module_ids: Iterable[str]) -> list[str]:
        """The live modules, beside these, that import from one of them, or from one that does."""
        return reach(module_ids, lambda key: sorted(self._importers.get(key, ())))

    def __repr__(self) -> str:
        return f"<Live: {len(self.generations)} modules>"


def reach(begin: Iterable[str], next_to: Callable[[str], Iterable[str]]) -> list[str]:
    """Return the ids that lead back to ``begin``, directly or not: each once, the nearest first.

    Args:
        begin: Where it begins; none of these is in the result.
        next_to: Id → the ids one step further.
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
