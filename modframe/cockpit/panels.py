"""The panels of modules as the front end draws them: those of the parts, and two of the cockpit.

In goes a `ModuleView` and what is known beside it, out comes JSON-ready data, of one module
(`rows`) or of all (`operations.panels`). A panel is a table of a tab, with the buttons of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..runtime.part import Detail, Panel
from ..view.snapshot import ModuleView
from .facts import Facts

_GENERATION = "generation"
_WORK = ("calls", "streams", "jobs")
_IDLE = ("0", "0", "0")


def panels_of(facts: Facts, view: ModuleView) -> tuple[dict[str, Any], ...]:
    """Return the panels of one module."""
    return tuple(map(_drawn, _all_of(facts, view)))


def panels_of_all(facts: Facts, tab: str) -> list[dict[str, Any]]:
    """Return the panels that stand under one tab, of all modules; rows begin with the module."""
    found: dict[str, dict[str, Any]] = {}
    for key in facts.seen.ids():
        for panel in _all_of(facts, facts.seen.module(key)):
            if _tab_of(panel) == tab:
                drawn = found.setdefault(panel.noun, {**_drawn(panel, "module"), "rows": []})
                drawn["rows"] += [(key, *row) for row in panel.rows if not _is_idle(panel, row)]
    return [panel for panel in found.values() if panel["rows"]]


def _is_idle(panel: Panel, row: tuple[str, ...]) -> bool:
    """Return whether a row says that nobody is inside a generation; of all, these are too many."""
    return panel.noun == _GENERATION and row[2:] == _IDLE


def _all_of(facts: Facts, view: ModuleView) -> Iterator[Panel]:
    yield from view.panels
    if view.generation:
        rows = tuple(_generations(facts, view))
        yield Detail(_GENERATION, ("state", *_WORK), rows, tab="Sessions")
    if view.overridden:
        replaced = facts.records[view.id].replacements
        override = tuple((name, _name_of(one)) for name, one in replaced.items())
        yield Panel("override", ("callers get",), override, tab="Overrides")


def _generations(facts: Facts, view: ModuleView) -> Iterator[tuple[str, ...]]:
    """Yield who is inside the live generation, and inside those that still drain."""
    live = facts.live.generations.get(view.id)
    if live is not None:
        inside = (live.in_flight, live.open_streams, len(live.jobs))
        yield (str(live.number), "live", *map(str, inside))
    for one in view.retired:
        yield (str(one["generation"]), "drains", *(str(one[kind]) for kind in _WORK))


def _name_of(replacement: object) -> str:
    """Return what a replacement is; its own text may be anything."""
    kind = replacement if isinstance(replacement, type) else type(replacement)
    return f"{kind.__module__}.{kind.__qualname__}"


def _tab_of(panel: Panel) -> str:
    return panel.tab or f"{panel.title[0].upper()}{panel.title[1:]}"


def _drawn(panel: Panel, *before: str) -> dict[str, Any]:
    return {
        "noun": panel.noun,
        "title": panel.title,
        "columns": (*before, *panel.columns),
        "rows": panel.rows,
        "detail": isinstance(panel, Detail),
        "tab": _tab_of(panel),
        "actions": panel.actions,
    }
