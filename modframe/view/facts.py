"""Snapshot → escaped HTML: the pages of the widget view that only show. No widgets here.

Whatever stands in a snapshot is text, a module's `<script>` too, and goes out escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..html import text
from .snapshot import LogLine, ModuleView, Snapshot, thaw

_TONES = {"LIVE": "ok", "FAILED": "bad", "FAILED_UNLOAD": "bad", "BLOCKED": "bad",
          "STARTING": "busy", "STOPPING": "busy"}  # fmt: skip
_MARKS = {"ok": "●", "bad": "✕", "busy": "◐", "": "○"}
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
    failure = f" <span class='mf-bad-text'>{text(note)}</span>" if note else ""
    if module_id is not None:
        view = snapshot.module(module_id) or ModuleView(module_id, "not there")
        number = f" generation {view.generation}" if view.generation else ""
        return f"<b>{text(module_id)}</b>{_state(view)}{number}{failure}"
    live = sum(one.state == "LIVE" for one in snapshot.modules)
    url = text(snapshot.url) if snapshot.url else "not served"
    return (
        f"<b>modframe</b>{live} of {len(snapshot.modules)} modules live "
        f"<span class='mf-dim'>· {url} · {text(snapshot.workspace)}</span>{failure}"
    )


def modules_html(snapshot: Snapshot) -> str:
    """All modules, a row each."""
    rows = [
        (
            text(one.id.removeprefix("standard.")),
            _state(one),
            text(one.generation or ""),
            text(one.origin),
            text(len(one.routes) or ""),
            _trouble(one) or f"<span class='mf-dim'>{text(one.description)}</span>",
        )
        for one in snapshot.modules
    ]
    return _table(rows, head=("module", "state", "generation", "from", "routes", ""))


def overview_html(view: ModuleView) -> str:
    """One module's facts."""
    number = f", generation {view.generation}" if view.generation else ""
    rows = [("state", f"{_state(view)}{number}")]
    if view.description:
        rows.append(("what it is", text(view.description)))
    if view.error:
        rows.append(("error", f"<pre class='mf-pre mf-bad-text'>{text(view.error)}</pre>"))
    if view.draft:
        rows.append(("draft", "cells hold a text that is not live"))
    origin = f"{view.origin}: {', '.join(view.files)}" if view.origin else ", ".join(view.files)
    rows += [("version", text(view.version)), ("from", text(origin))]
    rows += [
        ("service", f"{text(name)} <span class='mf-dim'>{text(about['class'])}</span>")
        for name, about in view.parts.get("service", {}).items()
    ]
    rows.append(("requires", text(", ".join(view.requires))))
    rows.append(("in flight", text(view.in_flight or "")))
    rows += [("finding", text(f"{one.level}: {one}")) for one in view.findings]
    rows += [
        (text(name), _brief(fact))
        for name, fact in view.parts.items()
        if name not in _SHOWN_ELSEWHERE
    ]
    return _facts([row for row in rows if row[1]])


def settings_html(view: ModuleView) -> str:
    """Settings with the source of each; secrets came masked."""
    rows = [
        (text(name), text(one["source"]),
         f"<span class='mf-mono'>{text(_plain(one['value']))}</span>")
        for name, one in view.parts.get("settings", {}).items()
    ]  # fmt: skip
    if not rows:
        return nothing("It has no settings.")
    return _table(rows, head=("setting", "source", "value"))


def log_html(lines: Sequence[LogLine], *, module_id: str | None = None) -> str:
    """The tail of the log, newest last and in view; of one module, or of all."""
    shown = [one for one in lines if module_id is None or one.module_id == module_id]
    if not shown:
        return nothing("Nothing was logged lately.")
    rows = "".join(_log_row(one, named=module_id is None) for one in shown)
    return f"<div class='mf-log'><div>{rows}</div></div>"


def nothing(sentence: str) -> str:
    """What stands where there is nothing to show."""
    return f"<span class='mf-dim'>{text(sentence)}</span>"


def _log_row(line: LogLine, *, named: bool) -> str:
    level = {"ERROR": "bad", "CRITICAL": "bad", "WARNING": "busy"}.get(line.level, "")
    who = f"<span>{text(line.module_id)}</span>" if named else ""
    return (
        f"<div class='mf-row{'' if named else ' mf-one'}'>"
        f"<span class='mf-dim'>{text(line.time[11:19])}</span>"
        f"<span class='mf-{level}'><b>{text(line.level)}</b></span>"
        f"{who}<span>{text(line.message)}</span></div>"
    )


def _state(view: ModuleView) -> str:
    tone = _TONES.get(view.state, "")
    return f"<span class='mf-{tone}'><b>{_MARKS[tone]} {text(view.state)}</b></span>"


def _trouble(view: ModuleView) -> str:
    if view.error:
        return f"<span class='mf-bad-text'>{text(view.error)}</span>"
    return "a draft is not live" if view.draft else ""


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(thaw(value), ensure_ascii=False)


def _brief(fact: Any) -> str:
    """What another part says of itself; empty if it is nothing."""
    if isinstance(fact, Mapping):
        kept = {key: one for key, one in fact.items() if one not in ((), "", None)}
        return "<br>".join(f"{text(key)}: {text(_joined(one))}" for key, one in kept.items())
    return text(_joined(fact)) if fact else ""


def _joined(fact: Any) -> str:
    if isinstance(fact, list | tuple) and all(isinstance(one, str) for one in fact):
        return ", ".join(fact)
    return _plain(fact)


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    """A table of name and value; both are HTML already."""
    body = "".join(f"<tr><td class='mf-key'>{key}</td><td>{one}</td></tr>" for key, one in rows)
    return f"<table class='mf-table'><tbody>{body}</tbody></table>"


def _table(rows: Iterable[Sequence[str]], *, head: Sequence[str]) -> str:
    """A table of cells that are HTML already; the last column takes the room there is."""
    top = "".join(f"<th>{text(name)}</th>" for name in head)
    body = "".join(
        "<tr>"
        + "".join(f"<td class='mf-tight'>{one}</td>" for one in row[:-1])
        + f"<td>{row[-1]}</td></tr>"
        for row in rows
    )
    return f"<table class='mf-table'><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
