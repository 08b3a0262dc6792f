"""Snapshot → escaped HTML: the pages of the widget view that only show. No widgets here.

Whatever stands in a snapshot is text, a module's `<script>` too, and goes out escaped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..html import Raw, row, table, tag
from ..wording import count
from .snapshot import LogLine, ModuleView, Snapshot, thaw

_TONES = {"LIVE": "ok", "FAILED": "bad", "FAILED_UNLOAD": "bad", "BLOCKED": "bad",
          "STARTING": "busy", "STOPPING": "busy"}  # fmt: skip
_MARKS = {"ok": "●", "bad": "✕", "busy": "◐", "": "○"}
_LATEST = 10
_SHOWN_ELSEWHERE = frozenset({"service", "settings", "web"})


def tone_of(view: ModuleView) -> str:
    """``ok``, ``bad``, ``busy`` or nothing: live and fine, failed, under way, or asleep."""
    tone = _TONES.get(view.state, "")
    return "busy" if tone == "ok" and (view.error or view.draft) else tone


def label_of(view: ModuleView) -> str:
    """A module's line in the list: ``● orders  3``."""
    number = f"  {view.generation}" if view.generation else ""
    return f"{_MARKS[tone_of(view)]} {view.id.removeprefix('standard.')}{number}"


def head_html(snapshot: Snapshot, *, module_id: str | None = None, note: str = "") -> str:
    """The line above everything: about all modules, or about one."""
    failure = row(" ", tag("span", note, classes="mf-bad-text")) if note else ""
    if module_id is not None:
        view = snapshot.module(module_id) or ModuleView(module_id, "not there")
        return row(tag("b", module_id), _state(view), _numbered(" ", view), failure)
    live = sum(one.state == "LIVE" for one in snapshot.modules)
    where = f"· {snapshot.url or 'not served'} · {snapshot.workspace}"
    counted = f"{live} of {len(snapshot.modules)} modules live "
    return row(tag("b", "modframe"), counted, _dim(where), failure)


def modules_html(snapshot: Snapshot) -> str:
    """All modules, a row each."""
    rows = [
        (
            one.id.removeprefix("standard."),
            _state(one),
            one.generation or "",
            one.origin,
            len(one.routes) or "",
            _trouble(one) or _dim(one.description),
        )
        for one in snapshot.modules
    ]
    head = ("module", "state", "generation", "from", "routes", "")
    return table(rows, head=head, classes="mf-table")


def overview_html(view: ModuleView) -> str:
    """One module's facts."""
    origin = f"{view.origin}: {', '.join(view.files)}" if view.origin else ", ".join(view.files)
    error = tag("pre", view.error, classes="mf-pre mf-bad-text") if view.error else ""
    rows: list[tuple[str, object]] = [
        ("state", row(_state(view), _numbered(", ", view))),
        ("what it is", view.description),
        ("error", error),
        ("draft", "cells hold a text that is not live" if view.draft else ""),
        ("version", view.version),
        ("from", origin),
        ("reads", ", ".join(view.reads)),
    ]
    rows += [
        ("service", row(name, " ", _dim(about["class"])))
        for name, about in view.parts.get("service", {}).items()
    ]
    rows += [
        ("requires", ", ".join(view.requires)),
        ("in flight", view.in_flight or ""),
        ("overridden", ", ".join(view.overridden)),
    ]
    rows += [("still drains", _inside(one)) for one in view.retired]
    rows += [("left behind", one) for one in view.unsettled[-_LATEST:]]
    rows += [("finding", f"{one.level}: {one}") for one in view.findings]
    rows += [
        (name, _brief(fact)) for name, fact in view.parts.items() if name not in _SHOWN_ELSEWHERE
    ]
    return table([one for one in rows if one[1]], classes="mf-table mf-facts")


def _inside(retired: Mapping[str, int]) -> str:
    kinds = ("calls", "call"), ("streams", "stream"), ("jobs", "job")
    what = [count(retired[key], noun) for key, noun in kinds if retired[key]]
    return f"generation {retired['generation']}: {', '.join(what) or 'is being closed'}"


def settings_html(view: ModuleView) -> str:
    """Settings with the source of each; secrets came masked."""
    rows = [
        (name, one["source"], tag("span", _plain(one["value"]), classes="mf-mono"))
        for name, one in view.parts.get("settings", {}).items()
    ]
    if not rows:
        return nothing("It has no settings.")
    return table(rows, head=("setting", "source", "value"), classes="mf-table")


def log_html(lines: Sequence[LogLine], *, module_id: str | None = None) -> str:
    """The tail of the log, newest last and in view; of one module, or of all."""
    shown = [one for one in lines if module_id is None or one.module_id == module_id]
    if not shown:
        return nothing("Nothing was logged lately.")
    rows = row(*(_log_row(one, named=module_id is None) for one in shown))
    return tag("div", tag("div", rows), classes="mf-log")


def nothing(sentence: str) -> str:
    """What stands where there is nothing to show."""
    return _dim(sentence)


def _log_row(line: LogLine, *, named: bool) -> Raw:
    level = {"ERROR": "bad", "CRITICAL": "bad", "WARNING": "busy"}.get(line.level, "")
    cells = row(
        _dim(line.time[11:19]),
        tag("span", tag("b", line.level), classes=f"mf-{level}"),
        tag("span", line.module_id) if named else "",
        tag("span", line.message),
    )
    return tag("div", cells, classes="mf-row" if named else "mf-row mf-one")


def _state(view: ModuleView) -> Raw:
    tone = _TONES.get(view.state, "")
    return tag("span", tag("b", f"{_MARKS[tone]} {view.state}"), classes=f"mf-{tone}")


def _numbered(before: str, view: ModuleView) -> str:
    return f"{before}generation {view.generation}" if view.generation else ""


def _trouble(view: ModuleView) -> str:
    if view.error:
        return tag("span", view.error, classes="mf-bad-text")
    return "a draft is not live" if view.draft else ""


def _dim(content: object) -> Raw:
    return tag("span", content, classes="mf-dim")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(thaw(value), ensure_ascii=False)


def _brief(fact: Any) -> Raw | str:
    """What another part says of itself; empty if it is nothing."""
    if isinstance(fact, Mapping):
        kept = {key: one for key, one in fact.items() if one not in ((), "", None)}
        return row(*(tag("div", f"{key}: {_joined(one)}") for key, one in kept.items()))
    return _joined(fact) if fact else ""


def _joined(fact: Any) -> str:
    if isinstance(fact, list | tuple) and all(isinstance(one, Mapping) for one in fact):
        return "; ".join(map(_named_fact, fact))
    if isinstance(fact, list | tuple) and all(isinstance(one, str) for one in fact):
        return ", ".join(fact)
    return _plain(fact)


def _named_fact(fact: Mapping[str, Any]) -> str:
    """A thing with a name, and what there is to say of it in brackets."""
    about = [f"{key} {_listed(one)}" for key, one in fact.items() if key != "name"]
    return f"{fact.get('name', '')} ({', '.join(about)})"


def _listed(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list | tuple) else _plain(value)
