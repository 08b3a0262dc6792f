"""The tabs that parts declare: their panels for all modules, and the buttons of a row; *Health*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import FormError, ModframeError
from ...names import full_id
from ...parts.health.health import HEADS, badness
from ...runtime.generation import Generation
from ...runtime.part import Panel, Part
from .. import blocks as ui
from ..asks import Ask, Operation
from ..facts import Facts
from ..panels import panels_of_all


def panels(ask: Ask, tab: str) -> list[dict[str, Any]]:
    """Return the panels under a tab, of all modules; the first cell of a row is the module."""
    return panels_of_all(ask.facts, tab)


def health(ask: Ask) -> list[dict[str, Any]]:
    """Return the health of all modules that run or should run as one panel, the worst first."""
    rows = sorted(ask.app.health().rows(), key=lambda row: -badness(row[1]))
    about = {"noun": "module", "title": "modules", "columns": HEADS, "actions": ()}
    return [{**about, "rows": rows, "detail": False, "tab": "Health"}]


def act(ask: Ask, module: str, *, noun: str, action: str, row: str, plan: bool = False) -> ui.View:
    """Do what a button of a row says, and wait for its end; it goes on if nobody waits any more.

    With ``plan`` only say what it is about, and what it breaks now.

    Raises:
        ModframeError: If the module isn't live, or no panel of it has this button.
    """
    key = full_id(module)
    generation = ask.facts.live.generations.get(key)
    if generation is None:
        raise ModframeError(f"{key} is not live any more", cure="load it again", subject=key)
    part, panel = _declared(ask.facts, generation, noun)
    if action not in (one.name for one in panel.actions):
        raise FormError(f"no {noun} has a button {action!r}", field="")
    if row not in (cells[0] for cells in panel.rows):
        raise ModframeError(
            f"{key} has no {noun} {row!r} any more", cure="choose another one", subject=key
        )
    if plan:
        warning = part.warn(generation, action, row)
        return ui.View([ui.Text(f"The {noun} {row} of {key}. {warning}".rstrip())])
    ask.start(lambda: part.act(generation, action, row), f"{action}: {row}").result()
    return ui.View([ui.Note(f"{action}: {row}: done", "good")])


def _declared(facts: Facts, generation: Generation, noun: str) -> tuple[Part[Any], Panel]:
    """Return the part that shows rows of a noun and does what their buttons say, and the panel."""
    described = facts.seen.module(generation.module_id).parts
    for part in facts.parts.defining("act"):
        known = described.get(part.name)
        for panel in part.panels(known) if known else ():
            if panel.noun == noun:
                return part, panel
    raise ModframeError(
        f"{generation.module_id} has no {noun} with buttons", cure="choose another one"
    )


OPERATIONS: Mapping[str, Operation] = {"panels": panels, "health": health, "act": act}
