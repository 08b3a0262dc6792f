"""`Graph`: which module waits for which, what is missing, and what requires itself in a circle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from ...errors import GraphError, Missing
from ...spec import ModuleSpec, module_of_service
from ...wording import near, nearest, otherwise
from ..record import Records


@dataclass(frozen=True, slots=True)
class Graph:
    """The order among the modules of a change.

    Attributes:
        waits: Module id → the modules of the change that come before it.
        error: All requirements that can't be met; ``None`` if there are none.
    """

    waits: Mapping[str, tuple[str, ...]]
    error: GraphError | None

    def blocked_by(self, failed: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the modules that can't start, each with the modules that block it.

        Args:
            failed: The modules that failed by themselves.
        """
        down = set(failed)
        blocked: dict[str, tuple[str, ...]] = {}
        while True:
            newly_blocked = {
                key: blockers
                for key, waits in self.waits.items()
                if key not in down
                and (blockers := tuple(other for other in waits if other in down))
            }
            if not newly_blocked:
                return blocked
            blocked |= newly_blocked
            down |= set(newly_blocked)


def plan_graph(
    specs: Mapping[str, ModuleSpec],
    present: Callable[[str], ModuleSpec | None],
    known: Iterable[str] = (),
    *,
    about: Callable[[str, Set[str]], Missing] = lambda *_: Missing(),
) -> Graph:
    """Return the graph of a change.

    Args:
        specs: The modules of the change.
        present: Gives the spec of a module that is live already, by id.
        known: Modules of the change that failed before; they are not missing, they block.
        about: Returns what is known of a missing module or service that some modules require.
    """

    def spec_of(module_id: str) -> ModuleSpec | None:
        return specs.get(module_id) or present(module_id)

    failed = set(known)
    missing: dict[str, tuple[str, ...]] = {}
    waits: dict[str, tuple[str, ...]] = {}
    for key, spec in specs.items():
        unmet = [
            name
            for name in (*spec.requires_services, *spec.requires_modules, *spec.imports_modules)
            if not _provided(name, spec_of, failed)
        ]
        if unmet:
            missing[key] = tuple(dict.fromkeys(unmet))
        before = (*spec.required_ids, *spec.after_modules)
        inside = [other for other in before if (other in specs or other in failed) and other != key]
        waits[key] = tuple(dict.fromkeys(inside))
    edges = {key: set(others) & set(specs) for key, others in waits.items() if others}
    cycles = _cycles(edges) if edges else []
    error = None
    if missing or cycles:
        users: dict[str, set[str]] = {}
        for key, names in missing.items():
            for name in names:
                users.setdefault(name, set()).add(key)
        about_each = {name: about(name, asking) for name, asking in users.items()}
        error = GraphError(missing, cycles, known=about_each)
    return Graph(waits, error)


def about_missing(name: str, users: Set[str], records: Records, names: Iterable[str]) -> Missing:
    """Return what is known of a module or service that is required and not live.

    Args:
        name: Its name.
        users: The modules that require it, none of which can be meant.
        records: What is known of each module.
        names: The names of all modules and services there are, to suggest the nearest.
    """
    module_id = module_of_service(name)
    record = records.get(module_id)
    state = records.state(module_id)
    if record is not None and state == "DRAFT" and record.draft is not None:
        return Missing(
            "which is a draft and not live yet",
            f"run the cells of {module_id} first, or load both with app.load([id, id])",
        )
    if record is not None and state in ("FAILED", "BLOCKED", "FAILED_UNLOAD"):
        return Missing(f"which is {state}", f"mend {module_id} first; its own error says why")
    if record is not None and state not in ("DRAFT", "LIVE"):
        return Missing(f"which is {state}", f"load {module_id} first")
    cure = Missing().cure
    others = {each for each in names if module_of_service(each) not in users} - {name}
    similar = {each for each in others if nearest(_own_part(name), [_own_part(each)])}
    return Missing(cure=otherwise(near(name, similar), cure))


def _own_part(name: str) -> str:
    """Return a name without the type before it and the ``.service`` that most services end with."""
    return name.removesuffix(".service").partition(".")[2] or name


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
    """Return each cycle once, as a path of requirements that ends where it began."""
    remaining = {key: set(others) for key, others in edges.items()}
    cycles = []
    while True:
        try:
            TopologicalSorter(remaining).prepare()
        except CycleError as error:
            path = list(reversed(error.args[1]))[:-1]
            first = path.index(min(path))
            path = path[first:] + path[:first]
            cycles.append((*path, path[0]))
            remaining = {
                key: others - set(path) for key, others in remaining.items() if key not in path
            }
        else:
            return cycles


def stop_waits(specs: Mapping[str, ModuleSpec]) -> dict[str, tuple[str, ...]]:
    """Return module id → its dependents, which must have stopped before it."""
    waits: dict[str, list[str]] = {key: [] for key in specs}
    for key, spec in specs.items():
        for required in (*spec.required_ids, *spec.after_modules):
            if required in waits and required != key:
                waits[required].append(key)
    return {key: tuple(dependents) for key, dependents in waits.items()}
