"""The buttons of a module: what one would do (`plan`), and do it (`do`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ...runtime.change.plan import Plan, PlanEntry
from ..asks import Ask, Operation

Action = Literal["reload", "unload", "rollback", "export", "test", "drop"]


def plan(ask: Ask, module: str, action: Action, to: int | None = None) -> dict[str, Any]:
    """Return what `do` would do with the same arguments; nothing changes."""
    app = ask.app
    match action:
        case "rollback":
            raise NotImplementedError(to)
        case "reload" | "test":
            return plan_facts(app.plan(module))
        case _:
            return {"refused": False, "order": [], "entries": []}


def do(ask: Ask, module: str, action: Action, to: int | None = None) -> dict[str, Any]:
    """Do it; return the line that says what came of it."""
    one = ask.app.modules[module]
    match action:
        case "reload":
            one.reload()
        case "unload":
            one.unload()
        case "rollback":
            one.rollback(to)
        case "export":
            return {"text": repr(one.export())}
        case "test":
            ask.app.load(module, test=True)
        case "drop":
            ask.app.drop(module)
    return {"text": str(ask.facts.records[one.id].outcome)}


def plan_facts(planned: Plan) -> dict[str, Any]:
    """Return a plan as JSON-ready data."""
    return {
        "refused": planned.refused,
        "order": planned.order,
        "entries": [_entry_facts(entry) for entry in planned],
    }


def _entry_facts(entry: PlanEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "action": entry.action,
        "why": entry.why,
        "before": entry.before,
        "after": entry.after,
        "error": entry.error,
        "diff": entry.diff,
        "contract": [change.text for change in entry.changes],
        "parts": entry.parts,
        "findings": [{"level": one.level, "text": str(one)} for one in entry.findings],
    }


def watch(ask: Ask, *, on: bool) -> None:
    """Swap modules in when their files are saved, or no longer."""
    watcher = ask.app.watch()
    if not on:
        watcher.stop()


OPERATIONS: Mapping[str, Operation] = {"plan": plan, "do": do, "watch": watch}
