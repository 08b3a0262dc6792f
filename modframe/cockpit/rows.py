"""What the front end gets of a module: a row for lists and the graph, or all facts of it.

In go a `ModuleView` and what is known beside it, out comes JSON-ready data, as `session` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from ..errors import BlockedError, FormError, GraphError, LoadError, reason_line
from ..finding import Finding
from ..observe.tracebacks import format_trimmed
from ..parts.health import Health, HealthPart
from ..runtime.generation import Generation
from ..view.collect import faults_of
from ..view.snapshot import ModuleView, thaw
from ..wording import one_line
from . import blocks as ui
from .facts import Facts
from .panels import panels_of
from .plans import tests_blocks
from .values import bounded

_PLAIN = tuple(
    field.name
    for field in fields(ModuleView)
    if field.name not in ("id", "parts", "panels", "findings")
)


def mark_of(facts: Facts, module_id: str) -> tuple[object, ...]:
    """Return what differs once the row of a module may have changed; it is cheap to make."""
    record = facts.records.get(module_id)
    generation = facts.live.generations.get(module_id)
    revision = record.revision if record is not None else 0
    if generation is None:
        return (revision,)
    return (revision, generation.number, generation.revision)


_URGENT = {"FAILED": 1, "FAILED_UNLOAD": 1, "BLOCKED": 4}
_ILL = {"unhealthy": 2, "degraded": 3}


def urgency_of(facts: Facts, module_id: str) -> int:
    """Return how soon someone has to look at a module: 1 is first; 0 if nobody has to."""
    if urgent := _URGENT.get(facts.records.state(module_id)):
        return urgent
    if facts.records.error(module_id) is not None:
        return 2
    health = _health_of(facts.live.generations.get(module_id))
    return _ILL.get(health.verdict, 0) if health is not None else 0


def row_of(facts: Facts, module_id: str) -> dict[str, Any]:
    """Return the row of a module; fields that have nothing to say are left out."""
    view = facts.seen.module(module_id)
    error = facts.records.error(module_id)
    health = _health_of(facts.live.generations.get(module_id))
    services = view.parts.get("service", {})
    row = {
        "state": view.state,
        "urgency": urgency_of(facts, module_id),
        "generation": view.generation,
        "version": view.version,
        "about": view.description,
        "error": facts.secrets.mask(reason_line(error)) if error is not None else "",
        "cause": _brief(error) if error is not None else _ailment(health),
        "draft": view.draft,
        "services": len(services),
        "methods": sum(len(one["methods"]) for one in services.values()),
        "routes": len(view.routes),
        "requires": list(view.requires),
        "health": health.verdict if health is not None else "",
        "outcome": view.outcome,
    }
    return {key: value for key, value in row.items() if value}


def _brief(error: BaseException) -> dict[str, Any]:
    """Return what a list shows of an error: its place, its first line, the next step."""
    cause = _cause_of(error)
    brief = {**cause, "message": one_line(cause["message"]), "blocked_by": blockers_of(error)}
    return {key: value for key, value in brief.items() if value}


def blockers_of(error: BaseException | None) -> tuple[str, ...]:
    """Return the ids of the modules that have to be mended first."""
    if isinstance(error, BlockedError):
        return error.by
    if not isinstance(error, GraphError):
        return ()
    names = (name for missing in error.missing.values() for name in missing)
    return tuple(dict.fromkeys(".".join(name.split(".")[:2]) for name in names))


def _health_of(generation: Generation | None) -> Health | None:
    """Return what the health check of a generation found last; ``None`` if there is no check."""
    check = HealthPart.of(generation)
    return check.health if check is not None else None


def _ailment(health: Health | None) -> dict[str, str]:
    """Return what a list shows of a module that runs, and whose health check finds something."""
    if health is None or health.verdict not in _ILL:
        return {}
    return {
        "message": one_line(health.reasons[0]),
        "cure": "look at its tab Health, where the check can be run again",
    }


def detail_of(facts: Facts, module_id: str) -> dict[str, Any]:
    """Return the facts of one module by name: of its view and its parts, panels and buttons."""
    view = facts.seen.module(module_id)
    error = facts.records.error(module_id)
    return {
        **{name: getattr(view, name) for name in _PLAIN},
        "findings": tuple(one.to_dict() for one in view.findings),
        **dict(_panel_facts(panels_of(facts, view))),
        "actions": tuple(map(ui.facts_of, _actions(view))),
        "failure": error_facts(error) if error is not None else None,
        **{f"parts.{name}": part for name, part in view.parts.items()},
    }


def _panel_facts(panels: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield each panel as two facts, for a swap changes its rows alone."""
    for at, panel in enumerate(panels):
        yield f"panels.{at:02}", {name: one for name, one in panel.items() if name != "rows"}
        yield f"rows.{at:02}", panel["rows"]


def _actions(view: ModuleView) -> Iterator[ui.Button]:
    """Yield the buttons at the head of a module."""
    yield ui.action_button(view.id, "reload", "Reload")
    yield ui.action_button(view.id, "test", "Run tests")
    yield ui.action_button(view.id, "export", "Export")
    if view.draft:
        yield ui.action_button(view.id, "drop_draft", "Drop draft", danger=True)
    yield ui.action_button(view.id, "unload", "Unload", danger=True)


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that differ, as bounded plain data; ``None`` for one that is gone."""
    gone = dict.fromkeys(before.keys() - after.keys())
    new = {
        key: bounded(thaw(value)) for key, value in after.items() if before.get(key, ...) != value
    }
    return gone | new


def error_facts(error: BaseException) -> dict[str, Any]:
    """Return what an error says, where it came from, and what to do next.

    Returns:
        ``type``, ``message``, ``place`` (the file, the cell and the line), ``cure``, ``code``,
        ``step`` (of a load), ``findings``, all of them if there are several, ``blocked_by``,
        ``blocks``, how the module's own tests ended, and ``trace``, the traceback of module code;
        of a form the ``field`` and the ``faults`` by their place. What isn't known is left out.
    """
    findings: tuple[Finding, ...] = error.findings if isinstance(error, LoadError) else ()
    facts: dict[str, Any] = {
        **_cause_of(error),
        "type": type(error).__name__,
        "findings": [one.to_dict() for one in findings] if len(findings) > 1 else [],
        "step": error.step if isinstance(error, LoadError) else "",
        "blocked_by": blockers_of(error),
        "blocks": ui.facts_of(tests_blocks(error.tried)) if isinstance(error, LoadError) else [],
        "trace": format_trimmed(error),
    }
    if isinstance(error, FormError):
        facts |= {"field": error.field, "faults": dict(error.faults), "trace": ""}
    return {key: value for key, value in facts.items() if value}


def _cause_of(error: BaseException) -> dict[str, str]:
    """Return ``message``, ``place``, ``cure`` and ``code``; of several faults, the first one's."""
    first = faults_of(error)[0]
    if isinstance(error, LoadError):
        code = first.code or first.rule
    else:
        code = str(getattr(error, "code", "") or "")
    message = first.message or type(error).__name__
    return {"message": message, "place": first.place, "cure": first.cure, "code": code}
