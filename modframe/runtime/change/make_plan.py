"""`make_plan`: loads the sources of a change, compares them with Live, and gives a `Plan`.

The swap calls it on the app loop with a batch that is discarded afterwards. Module bodies run, but
no phase does: no service is made, no setting is resolved and no database is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Any

from ...errors import BlockedError, LoadError
from ...finding import Finding
from ...load import clear_typing_caches
from ...source import linecache_texts
from ..contract.breaks import contract_changes
from ..failure import as_load_error
from ..generation import Generation
from ..live import Live
from ..part import Part
from .account import missing
from .batch import Batch
from .graph import Graph
from .plan import Action, PartChange, Plan, PlanEntry, diff_of

_STEPS = {
    "check": "its text has faults",
    "disabled": "it is disabled",
    "requirements": "what it requires is not installed",
    "import": "one of its files can't be run",
    "read": "what it says about itself has faults",
    "contract": "live modules use what it takes away",
}

_AGAIN = "its text is what is live, and it is loaded again"


async def make_plan(
    batch: Batch, live: Live, parts: Sequence[Part[Any]], *, asked: Sequence[str]
) -> Plan:
    """Load and connect a batch, and return what publishing it would do.

    Args:
        batch: A batch that is not loaded yet. Call `discard_plan` with it afterwards.
        live: What runs.
        parts: What generations are made of.
        asked: The ids that the plan is asked about, whether their source differs or not.
    """
    await batch.load(_note_nothing)
    graph = batch.connect()
    outlines = _outlines(batch, parts)
    entries = {
        key: _entry(one, batch, live, asked=asked, outlines=outlines, parts=parts)
        for key, one in batch.generations.items()
    }
    same = [key for key in asked if key not in entries]
    entries |= {key: _same(live.generations[key]) for key in same}
    rows = [entries.pop(key) for key in dict.fromkeys(asked) if key in entries]
    rows += entries.values()
    order = () if batch.failed or batch.blocked else _order(graph)
    listed = {one.id for one in rows}
    rows += [one for one in _bystanders(live, batch) if one.id not in listed]
    return Plan(tuple(rows), order)


def _note_nothing(_: Generation) -> None:
    """Do nothing: a module that is loaded for a plan is not being built."""


async def discard_plan(batch: Batch) -> None:
    """Discard everything that was loaded for a plan, texts included."""
    generations = list(batch.generations.values())
    await batch.discard(batch.generations)
    for generation in generations:
        linecache_texts.forget(generation.source.files.values())
    clear_typing_caches()


def _outlines(batch: Batch, parts: Sequence[Part[Any]]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return module id → part → what it will have. A module whose outline raises has failed."""
    outlines: dict[str, dict[str, tuple[str, ...]]] = {}
    for key, generation in batch.going.items():
        outlines[key] = {}
        for part in parts:
            try:
                names = part.outline(generation) if part.noun else None
            except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
                batch.failed[key] = as_load_error(generation.source, part.name, error)
                break
            if names is not None:
                outlines[key][part.name] = names
    return outlines


def _entry(
    generation: Generation,
    batch: Batch,
    live: Live,
    *,
    asked: Sequence[str],
    outlines: Mapping[str, Mapping[str, tuple[str, ...]]],
    parts: Sequence[Part[Any]],
) -> PlanEntry:
    key = generation.module_id
    old = live.generations.get(key)
    before = old.number if old else 0
    diff = diff_of(old.source, generation.source) if old is not None else ()
    error = batch.failed.get(key) or batch.blocked.get(key)
    loaded = {one: each for one, each in batch.generations.items() if each.loaded}
    contract = contract_changes(live, loaded, key) if key in loaded else ()
    if error is not None or batch.failed or batch.blocked:
        return PlanEntry(
            key,
            "refuse",
            _refusal(error, batch),
            before,
            before,
            diff,
            contract,
            findings=_findings(error) if error else tuple(generation.findings),
            error=str(error or ""),
        )
    changes = {
        part.name: change
        for part in parts
        if (change := _change(part, old, outlines[key].get(part.name)))
    }
    action, why = _action(generation, live, asked, batch=batch)
    if old is not None:
        why = "; ".join((why, *(text for part in parts if (text := part.remark(old, generation)))))
    return PlanEntry(
        key,
        action,
        why,
        before,
        generation.number,
        diff,
        contract,
        MappingProxyType(changes),
        tuple(generation.findings),
    )


def _action(
    generation: Generation, live: Live, asked: Sequence[str], *, batch: Batch
) -> tuple[Action, str]:
    key = generation.module_id
    if key not in live.generations:
        if key in asked:
            return "start", "it isn't live"
        by = [one for one, each in batch.generations.items() if key in each.spec.required_ids]
        return "start", f"{', '.join(by)} requires it, and it lies below modules/"
    if key in asked:
        same = generation.source.digest == live.generations[key].source.digest
        return ("rebuild", _AGAIN) if same else ("swap", "its text differs")
    sources = [one for one in generation.spec.imports_modules if one in batch.generations]
    return "rebuild", f"it imports from {', '.join(sources)}"


def _refusal(error: BaseException | None, batch: Batch) -> str:
    for one in (error, error.__cause__ if error is not None else None):
        if isinstance(one, BlockedError):
            return f"blocked by {', '.join(one.by)}"
    if isinstance(error, LoadError):
        return _STEPS.get(error.step, f"its {error.step} fails")
    if error is not None:
        return "what it requires can't be met"
    return f"nothing goes live while {', '.join(batch.failed or batch.blocked)} fails"


def _findings(error: BaseException) -> tuple[Finding, ...]:
    if isinstance(error, LoadError):
        return error.findings
    message = getattr(error, "message", str(error))
    return (Finding("graph", "error", message, cure=getattr(error, "cure", "")),)


def _change(
    part: Part[Any], old: Generation | None, after: tuple[str, ...] | None
) -> PartChange | None:
    if after is None or (old is None and not part.vanishes):
        return None  # unknown, or only the database itself could tell
    before = part.outline(old) if old is not None else ()
    added = tuple(missing(after, before))
    removed = tuple(missing(before, after)) if part.vanishes else ()
    return PartChange(part.noun, added, removed) if added or removed else None


def _same(generation: Generation) -> PlanEntry:
    number = generation.number
    return PlanEntry(generation.module_id, "stay", "its text is what is live", number, number)


def _bystanders(live: Live, batch: Batch) -> list[PlanEntry]:
    """Return the entries of live modules that use a changed module and are not changed."""
    used: dict[str, list[str]] = {}
    for key in batch.generations:
        for user in live.all_dependents(key):
            if user not in batch.generations:
                used.setdefault(user, []).append(key)
    return [
        PlanEntry(
            key,
            "stay",
            f"it calls {', '.join(others)}, and reaches what is new through its handles",
            live.generations[key].number,
            live.generations[key].number,
        )
        for key, others in used.items()
    ]


def _order(graph: Graph) -> tuple[str, ...]:
    try:
        return tuple(TopologicalSorter(graph.waits).static_order())
    except CycleError:  # reported as an error of the modules in it
        return ()
