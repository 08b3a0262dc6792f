"""Snapshot → escaped HTML: the tabs of the widget view that only show. No widgets here.

Whatever stands in a snapshot is text, a module's `<script>` too, and goes out escaped.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..html import Raw, row, table, tag
from ..runtime.part import Panel
from .snapshot import LogLine, ModuleView, Snapshot

_TONES = {"LIVE": "ok", "FAILED": "bad", "FAILED_UNLOAD": "bad", "BLOCKED": "bad",
          "STARTING": "busy", "STOPPING": "busy"}  # fmt: skip
_MARKS = {"ok": "●", "bad": "✕", "busy": "◐", "": "○"}


def tone_of(view: ModuleView) -> str:
    """Return ``ok`` for a module that is live and fine, ``bad``, ``busy``, or nothing."""
    tone = _TONES.get(view.state, "")
    return "busy" if tone == "ok" and (view.error or view.draft) else tone


def label_of(view: ModuleView) -> str:
    """Return a module's line in the list: ``● orders  3``."""
    number = f"  {view.generation}" if view.generation else ""
    return f"{_MARKS[tone_of(view)]} {view.id.removeprefix('standard.')}{number}"


def head_html(snapshot: Snapshot, *, module_id: str | None = None, note: str = "") -> str:
    """Return the line above everything, about all modules or about one."""
    failure = row(" ", tag("span", note, classes="mf-bad-text")) if note else ""
    if module_id is not None:
        view = snapshot.module(module_id) or ModuleView(module_id, "not there")
        number = f" generation {view.generation}" if view.generation else ""
        return row(tag("b", module_id), _state_html(view), number, failure)
    live = sum(view.state == "LIVE" for view in snapshot.modules)
    where = f"· {snapshot.url or 'not served'} · {snapshot.workspace}"
    counted = f"{live} of {len(snapshot.modules)} modules live "
    return row(tag("b", "modframe"), counted, _dim(where), failure)


def modules_html(snapshot: Snapshot) -> str:
    """Return all modules, a row each."""
    rows = [
        (
            view.id.removeprefix("standard."),
            _state_html(view),
            view.generation or "",
            view.origin,
            view.contents,
            _trouble_html(view) or _dim(view.description),
        )
        for view in snapshot.modules
    ]
    head = ("module", "state", "generation", "from", "what it has", "")
    return table(rows, head=head, classes="mf-table")


def overview_html(view: ModuleView, panels: Sequence[Panel]) -> str:
    """Return one module's facts and these panels."""
    rows: list[tuple[str, object]] = [
        (label, _fact_html(view, label, text)) for label, text in [*view.facts(), *view.work()]
    ]
    rows += [(panel.title, panel_html(panel)) for panel in panels]
    return table(rows, classes="mf-table mf-facts")


def panel_html(panel: Panel) -> Raw:
    """Return what a part shows as a table."""
    return table(panel.rows, head=panel.columns, classes="mf-table")


def log_html(lines: Sequence[LogLine], *, module_id: str | None = None) -> str:
    """Return the tail of the log, of one module or of all; the newest line last and in view."""
    shown = [line for line in lines if module_id is None or line.module_id == module_id]
    if not shown:
        return nothing("Nothing was logged lately.")
    rows = row(*(_log_row(line, named=module_id is None) for line in shown))
    return tag("div", tag("div", rows), classes="mf-log")


def nothing(sentence: str) -> str:
    """Return what stands where there is nothing to show."""
    return _dim(sentence)


def _log_row(line: LogLine, *, named: bool) -> Raw:
    level = {"ERROR": "bad", "CRITICAL": "bad", "WARNING": "busy"}.get(line.level, "")
    cells = row(
        _dim(line.time[11:19]),
        tag("span", tag("b", line.level), classes=f"mf-{level}"),
        tag("span", line.module_id) if named else "",
        tag("span", row(line.message, _dim(f" {line.correlation_id}".rstrip()))),
    )
    return tag("div", cells, classes="mf-row" if named else "mf-row mf-one")


def _fact_html(view: ModuleView, label: str, text: str) -> Raw | str:
    if label == "state":
        return row(_state_html(view), text.removeprefix(view.state))
    return tag("pre", text, classes="mf-pre mf-bad-text") if label == "error" else text


def _state_html(view: ModuleView) -> Raw:
    tone = _TONES.get(view.state, "")
    return tag("span", tag("b", f"{_MARKS[tone]} {view.state}"), classes=f"mf-{tone}")


def _trouble_html(view: ModuleView) -> str:
    if view.error:
        return tag("span", view.error, classes="mf-bad-text")
    return "a draft is not live" if view.draft else ""


def _dim(content: object) -> Raw:
    return tag("span", content, classes="mf-dim")
