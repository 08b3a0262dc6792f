"""The tab *History*: the sources of a module that were live, how two differ, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import ModframeError
from ...runtime.change.plan import diff_of
from ...source import Source
from .. import blocks as ui
from ..asks import Ask, Operation

LIVE, DRAFT = "live", "draft"
_COLUMNS = (
    "Generation",
    "State",
    "Time (UTC)",
    ("From", "cut"),
    "What came of it",
    "Errors",
    "Left behind",
)


def history(ask: Ask, module: str) -> ui.View:
    """Show the entries of a module's history, the newest first, and what is damaged of it."""
    one = ask.app.modules[module]
    entries = one.history
    if not entries:
        return ui.View([ui.Empty("No history", "Nothing of this module was live yet.")])
    digest = _digest_of(one.source)
    running = next((entry for entry in reversed(entries) if entry.digest == digest), None)
    newest_first = list(reversed(entries))
    rows = [_cells(one.id, entry, _state_of(entry, digest, running)) for entry in newest_first]
    keys = ({"module": one.id, "key": key_of(entry)} for entry in newest_first)
    many = f"{len(rows):,} source{'' if len(rows) == 1 else 's'}"
    text = f"{many}, the newest first. Choose one to compare it or to go back to it."
    return ui.View([
        ui.Text(text, "muted", status=True),
        *map(ui.Note, entries.damaged),
        ui.Table("History", _COLUMNS, rows, [ui.Call("generation", key) for key in keys]),
    ])  # fmt: skip


def _digest_of(source: Source | None) -> str:
    return source.full_digest if source is not None else ""


def _state_of(entry: Any, digest: str, running: Any) -> str:
    """Return whether an entry is what runs: the newest one with that text."""
    return "live" if entry is running else "same text" if entry.digest == digest else ""


def _cells(module: str, entry: Any, state: str) -> tuple[ui.Cell, ...]:
    return (
        str(entry.generation),
        ui.State(state) if state else "",
        _time_of(entry),
        entry.origin,
        entry.outcome.replace(f"{module} ", "", 1),
        ui.State("failed", f"{entry.errors:,}") if entry.errors else "",
        ", ".join(entry.leaked),
    )


def _time_of(entry: Any) -> str:
    return str(entry.time.isoformat(" ", "seconds"))[:19]


def generation(ask: Ask, module: str, key: str, *, other: str = "") -> ui.View:
    """Show an entry: how it differs from another source, the way back to it, and its text.

    Args:
        other: ``live``, ``draft`` or the key of another entry; by default the first there is.
    """
    one = ask.app.modules[module]
    entry = entry_named(one, key)
    title = f"Generation {entry.generation}"
    others = list(_others(one, entry))
    before = other if other in dict(others) else next(iter(dict(others)), "")
    head: list[ui.Block] = [ui.Heading(title)]
    if before:
        head.append(ui.Select("other", "Compare with", others, before, title="Compare with"))
    if entry.digest != _digest_of(one.source):
        deed = f"Roll back to generation {entry.generation}"
        looks: dict[str, Any] = {"label": "Plan the way back", "style": "primary", "danger": True}
        head.append(ui.action_button(one.id, "rollback", deed, to=key, **looks))
    head.append(ui.CLOSE)
    nothing = ui.Text("There is nothing to compare it with.", "muted")
    names = ui.Text(f"run {entry.run}, digest {entry.digest}", "mono")
    return ui.View([
        ui.Row(head),
        ui.Diff(diff_of(source_named(one, before), entry.source)) if before else nothing,
        ui.Folded("Its text", call=ui.Call("source", {"module": one.id, "of": key})),
        ui.Folded("Run and digest", [names]),
    ], title)  # fmt: skip


def _others(module: Any, entry: Any) -> Iterator[tuple[str, str]]:
    """Yield what an entry can be compared with and its title: what is live first, if it differs."""
    digest = _digest_of(module.source)
    if module.source is not None and entry.digest != digest:
        yield LIVE, "what is live"
    if module.draft is not None and module.draft.full_digest != digest:
        yield DRAFT, "the draft"
    entries = list(reversed(module.history))
    at = entries.index(entry)
    for one in (*entries[at + 1 :], *entries[:at]):
        yield key_of(one), f"generation {one.generation}, {_time_of(one)}"


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


OPERATIONS: Mapping[str, Operation] = {"history": history, "generation": generation}
