"""The sources of a module that were live: the list of them, and how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModframeError
from ...runtime.change.plan import diff_of
from ...source import Source
from ..asks import Ask, Operation

LIVE, DRAFT = "live", "draft"


def history(ask: Ask, module: str) -> dict[str, Any]:
    """Return the entries of a module's history, the newest first, and what is damaged of it.

    ``key`` names an entry in other questions. ``same`` is whether its text is what runs, and
    ``live`` whether it is the entry of what runs: the newest one with that text.
    """
    one = ask.app.modules[module]
    entries, live = one.history, one.source
    digest = live.full_digest if live is not None else ""
    running = next((entry for entry in reversed(entries) if entry.digest == digest), None)
    rows = [
        {
            "key": key_of(entry),
            "time": entry.time.isoformat(timespec="seconds"),
            "generation": entry.generation,
            "origin": entry.origin,
            "outcome": entry.outcome.replace(f"{one.id} ", "", 1),
            "errors": entry.errors,
            "leaked": entry.leaked,
            "run": entry.run,
            "digest": entry.digest,
            "same": entry.digest == digest,
            "live": entry is running,
        }
        for entry in reversed(entries)
    ]
    draft = one.draft is not None and one.draft.full_digest != digest
    return {"entries": rows, "damaged": entries.damaged, "draft": draft, "live": live is not None}


def diff(ask: Ask, module: str, *, before: str = LIVE, after: str = DRAFT) -> dict[str, Any]:
    """Return how two sources differ: keys of entries, ``live`` or ``draft``."""
    one = ask.app.modules[module]
    return {"files": diff_of(source_named(one, before), source_named(one, after))}


def key_of(entry: Any) -> str:
    """Return what names an entry among all of a module's."""
    return f"{entry.run}:{entry.generation}:{entry.digest}"


def entry_named(module: Any, key: str) -> Any:
    """Return the entry of a module's history with a key.

    Raises:
        ModframeError: If it isn't kept any more.
    """
    found = next((one for one in reversed(module.history) if key_of(one) == key), None)
    if found is None:
        raise ModframeError(
            "that entry is kept no more", cure="open the history again", subject=module.id
        )
    return found


def source_named(module: Any, name: str) -> Source:
    """Return a source of a module: what is live, its draft, or that of an entry.

    Raises:
        ModframeError: If there is none.
    """
    if name not in (LIVE, DRAFT):
        source: Source = entry_named(module, name).source
        return source
    found: Source | None = module.source if name == LIVE else module.draft
    if found is None:
        fault = "nothing of it is live" if name == LIVE else "it has no draft"
        raise ModframeError(fault, cure="choose an entry of its history", subject=module.id)
    return found


OPERATIONS: Mapping[str, Operation] = {"history": history, "diff": diff}
