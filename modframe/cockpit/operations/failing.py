"""A module's error, as its overview shows it: what failed and where, what it blocks, the way on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...errors import ModframeError, TaskDiedError
from ...view.collect import faults_of
from .. import blocks as ui
from ..asks import Ask, Operation
from ..rows import blockers_of, error_facts
from .history import LIVE
from .source import find_source, lines_of

_AROUND = 4
"""Lines above and below the one that failed."""
_WAY_ON = "Once it is mended, it goes live when its cell is run, or the file saved while watched."


def failure(ask: Ask, module: str) -> ui.View:
    """Show the error of a module; nothing if it has none."""
    one, records = ask.app.modules[module], ask.facts.records
    error = records.error(one.id)
    if error is None:
        return ui.View([])
    facts = error_facts(error)
    live = one.state == "LIVE"
    stays = ui.State("live", f"generation {one.generation} stays live")
    blocked = [key for key in ask.facts.seen.ids() if one.id in blockers_of(records.error(key))]
    foot = ui.Row((
        stays if live else ui.Text("Nothing of it is live."),
        *_links("It blocks", blocked),
        *_links("Blocked by", blockers_of(error)),
        ui.Text(_WAY_ON, "muted about"),
        ui.action_button(one.id, "reload", "Reload", style="primary"),
    ))  # fmt: skip
    others = facts.get("findings", ())[1:]  # the first one is in the box
    return ui.View([
        ui.Section("What failed", (
            ui.Error(facts, blocks=tuple(_lines(ask, one, error))),
            *([ui.Findings(others)] if others else []),
            *facts.get("blocks", ()),
            foot,
        )),
    ])  # fmt: skip


def _lines(ask: Ask, module: Any, error: BaseException) -> Iterator[ui.Lines]:
    """Yield the lines around the one that failed, where there are any."""
    fault = faults_of(error)[0]
    died = isinstance(error, TaskDiedError) and module.state == "LIVE"
    try:
        source = find_source(ask, module, LIVE if died else "failed")
        shown = lines_of(source, fault.file, fault.line, _AROUND)
    except ModframeError:
        return
    if fault.line and shown.lines:
        yield shown


def _links(title: str, modules: Iterable[str]) -> list[ui.Block]:
    links = list(map(ui.Link, modules))
    return [ui.Row((ui.Text(title), *links))] if links else []


OPERATIONS: Mapping[str, Operation] = {"failure": failure}
