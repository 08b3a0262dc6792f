"""Requirements to an order: what is missing, what goes in circles, what comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from ...errors import GraphError
from ...spec import ModuleSpec, module_of_service


@dataclass(frozen=True, slots=True)
class Graph:
    """The modules of a change and what each waits for, among themselves and what is live.

    Attributes:
        waits: Module id → the ids, within the change, that come before it.
        error: Everything that can't be met, or nothing.
    """

    waits: Mapping[str, tuple[str, ...]]
    error: GraphError | None

    def blocked_by(self, failed: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Those that can't start once ``failed`` have failed, each with what holds it up."""
        bad = set(failed)
        blocked: dict[str, tuple[str, ...]] = {}
        while True:
            more = {
                key: held
                for key, waits in self.waits.items()
                if key not in bad and (held := tuple(one for one in waits if one in bad))
            }
            if not more:
                return blocked
            blocked |= more
            bad |= set(more)


def plan_graph(
    specs: Mapping[str, ModuleSpec],
    present: Callable[[str], ModuleSpec | None],
    known: Iterable[str] = (),
) -> Graph:
    """The graph of a change.

    Args:
        specs: The modules of the change.
        present: Gives what is live already, by id.
        known: Modules of the change that failed before; they are not missing, they block.
    """

    def everything(module_id: str) -> ModuleSpec | None:
        return specs.get(module_id) or present(module_id)

    failed = set(known)
    missing: dict[str, tuple[str, ...]] = {}
    waits: dict[str, tuple[str, ...]] = {}
    for key, spec in specs.items():
        lacks = [
            name
            for name in (*spec.requires_services, *spec.requires_modules, *spec.imports_modules)
            if not _provided(name, everything, failed)
        ]
        if lacks:
            missing[key] = tuple(dict.fromkeys(lacks))
        before = (*spec.required_ids, *spec.after_modules)
        inside = [one for one in before if (one in specs or one in failed) and one != key]
        waits[key] = tuple(dict.fromkeys(inside))
    cycles = _cycles({key: set(one) & set(specs) for key, one in waits.items()})
    error = GraphError(missing, cycles) if missing or cycles else None
    return Graph(waits, error)


def _provided(name: str, specs: Callable[[str], ModuleSpec | None], failed: set[str]) -> bool:
    module_id = module_of_service(name)
    if module_id in failed:
        return True
    spec = specs(module_id)
    if spec is None:
        return False
    is_service = name.count(".") > 1
    return not is_service or (spec.service is not None and spec.service.name == name)


def _cycles(edges: Mapping[str, set[str]]) -> list[tuple[str, ...]]:
    """Every group that goes in circles, once, as a path of "requires" that ends where it began."""
    left = {key: set(one) for key, one in edges.items()}
    found = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            path = list(reversed(error.args[1]))[:-1]
            first = path.index(min(path))
            path = path[first:] + path[:first]
            found.append((*path, path[0]))
            left = {key: one - set(path) for key, one in left.items() if key not in path}
        else:
            return found


def reach(
    begin: Iterable[str], candidates: Iterable[str], joins: Callable[[str, set[str]], bool]
) -> list[str]:
    """The candidates that go with these, directly or not, the nearer ones first.

    Args:
        begin: Where it begins; none of them is among those given back.
        candidates: Those that may join.
        joins: Whether one goes with a group.
    """
    group = set(begin)
    candidates = list(candidates)
    found: list[str] = []
    while more := [one for one in candidates if one not in group and joins(one, group)]:
        found += more
        group.update(more)
    return found


def stop_waits(specs: Mapping[str, ModuleSpec]) -> dict[str, tuple[str, ...]]:
    """Module id → those that must have stopped before it: its dependents."""
    waits: dict[str, list[str]] = {key: [] for key in specs}
    for key, spec in specs.items():
        for one in (*spec.required_ids, *spec.after_modules):
            if one in waits and one != key:
                waits[one].append(key)
    return {key: tuple(one) for key, one in waits.items()}
