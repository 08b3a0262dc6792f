"""`Snapshot`: everything that runs, as frozen plain data; every view draws from it alone.

`Collector` makes it from Live, the records and the parts. JSON is `Snapshot.to_dict`; the text of a
module is ``str(view)``, which `modframe inspect` prints too; its HTML is ``_repr_html_``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from types import MappingProxyType
from typing import Any

from ..finding import Finding
from ..html import Raw, code, facts, link, more, notice, row, soft, state, table, tag
from ..runtime.part import Detail, Panel
from ..tones import Tone, tone_of
from ..wording import count, one_line

_LATEST = 10
HEADS = ("module", "state", "generation", "what it has", "about")
"""The names of the cells of `Snapshot.rows`."""
_ROWS, _NOTICES, _FAULTS, _LONGEST = 50, 12, 5, 400
"""What a saved display holds at most: rows and notices, faults of each, characters of a text."""
_NOTICED = frozenset({"state", "error", "left behind"})
_CODE = frozenset({"from", "reads", "requires", "overridden"})
"""Labels of facts that are told elsewhere, and of those that are code."""
_SCALARS = frozenset({str, int, float, bool, type(None)})
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_COLLECTIONS = (list, tuple, set, frozenset)
_MAPPINGS = (dict, Mapping)  # a `dict` is recognized at once, without the abstract class


@dataclass(frozen=True, slots=True)
class ModuleView:
    """One module, live or not.

    Attributes:
        state: ``DRAFT STARTING LIVE BLOCKED FAILED STOPPING STOPPED FAILED_UNLOAD``,
            or ``DISABLED``.
        generation: The number of the live generation; 0 if there is none.
        origin: Where the live text comes from: ``cells``, ``folder``, ``mapping`` or ``notebook``.
        reads: The files that it read while it was loaded, and those it declares.
        error: Why the newest attempt failed, or a task of a live module died; empty if none did.
        faults: What the error says, fault by fault, each with its place and its next step.
        outcome: The line that the newest swap left; empty before the first.
        draft: Whether cells hold a text that isn't live.
        in_flight: Calls, requests and streams inside the live generation.
        retired: Replaced generations that still drain: number, calls, streams and jobs of each.
        requires: The modules that must be live before it; while it isn't live, those that its
            newest failed attempt required.
        overridden: Services in whose place callers get something else.
        unsettled: What generations left behind when they were closed.
        parts: Part name → the facts it describes: ``service``, ``settings``, ``web``, ...
        panels: What the parts show of those facts, in the order of the parts; no empty ones.
    """

    id: str
    state: str
    version: str = ""
    description: str = ""
    generation: int = 0
    origin: str = ""
    files: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    error: str = ""
    outcome: str = ""
    draft: bool = False
    in_flight: int = 0
    retired: tuple[Mapping[str, int], ...] = ()
    overridden: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    parts: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    findings: tuple[Finding, ...] = ()
    panels: tuple[Panel, ...] = ()
    faults: tuple[Finding, ...] = ()

    @property
    def routes(self) -> tuple[Mapping[str, Any], ...]:
        """The facts of each route."""
        return tuple(self.parts.get("web", {}).get("routes", ()))

    @property
    def contents(self) -> str:
        """How much of everything there is: ``1 service, 2 routes``."""
        counted = (panel for panel in self.panels if not isinstance(panel, Detail))
        return ", ".join(count(len(panel.rows), panel.noun) for panel in counted)

    def facts(self) -> list[tuple[str, str]]:
        """Return label and text of what is known of the module beside its panels."""
        number = f", generation {self.generation}" if self.generation else ""
        origin = f"{self.origin}: " if self.origin else ""
        rows = [
            ("state", f"{self.state}{number}"),
            ("about", self.description),
            ("error", self.error),
            ("draft", "cells hold a text that is not live" if self.draft else ""),
            ("version", self.version),
            ("from", f"{origin}{', '.join(self.files)}"),
            ("reads", ", ".join(self.reads)),
            ("requires", ", ".join(self.requires)),
            ("overridden", ", ".join(self.overridden)),
            *(("left behind", fault) for fault in self.unsettled[-_LATEST:]),
            *(("finding", f"{one.level}: {one} [{one.label}]") for one in self.findings),
        ]
        return [(label, text) for label, text in rows if text]

    def work(self) -> list[tuple[str, str]]:
        """Return label and text of what goes on inside the module at the moment."""
        calls = [("in flight", str(self.in_flight))] if self.in_flight else []
        return calls + [("still drains", _draining(retired)) for retired in self.retired]

    def told(self) -> list[tuple[str, str]]:
        """Return a label, padded, and a text of one line for each fact and each row."""
        rows = [*self.facts(), *self.work()]
        for panel in self.panels:
            rows += [(panel.noun, "  ".join(filter(None, cells))) for cells in panel.rows]
        width = max(len(label) for label, _ in rows)
        return [(label.ljust(width), one_line(text)) for label, text in rows]

    def lines(self) -> Iterator[str]:
        """Yield the view as text: the module's id, then a line for each fact and each row."""
        yield self.id
        yield from (f"  {label}  {text}" for label, text in self.told())

    def __str__(self) -> str:
        return "\n".join(self.lines())

    @property
    def is_live(self) -> bool:
        """Whether a generation answers."""
        return self.state == "LIVE"

    def notices(self, *, named: bool = True) -> Iterator[Raw]:
        """Yield what needs attention, as HTML: the cause, with its place and the next step.

        ``named`` says whether they name the module, which a display of that module has done.
        """
        name = f"{self.id} · " if named else ""
        if self.error:
            stays = f"generation {self.generation} stays live" if self.is_live else self.state
            tone: Tone = "warn" if self.is_live else "bad"
            title = state(f"{name}{stays}", tone) if named or self.is_live else ""
            faults = [_fault(fault) for fault in self.faults[:_FAULTS]] or [_cut(self.error)]
            yield notice(tone, title, *faults, more(len(self.faults) - _FAULTS, "fault"))
        health = self.parts.get("health", {})
        if health.get("status") in ("degraded", "unhealthy"):
            tone = tone_of(health["status"]) or "bad"
            yield notice(tone, state(f"{name}{health['status']}", tone), _cut(health["detail"]))
        if self.unsettled:
            left_behind = "; ".join(self.unsettled[-_LATEST:])
            yield notice("warn", state(f"{name}left something behind", "warn"), _cut(left_behind))

    def _repr_html_(self) -> str:
        number = f"generation {self.generation}" if self.generation else ""
        told = [
            (label, code(text) if label in _CODE else text)
            for label, text in self.facts()
            if label not in _NOTICED
        ]
        panels = (
            table(panel.rows, head=(panel.title, *panel.heads), most=_ROWS)
            for panel in self.panels
            if not panel.live_only
        )
        top = row(state(self.state), " ", tag("strong", self.id), " ", soft(number))
        return tag("div", row(top, *self.notices(named=False), facts(told), *panels))


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of the log tail; ``correlation_id`` names the request it belongs to, if any."""

    time: str
    level: str
    module_id: str
    message: str
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The running system at one moment.

    Attributes:
        url: Where the API is served; empty if it isn't.
        ready: Whether all modules that should run are live.
        stall: What keeps the app loop from everything else now; empty if nothing does.
        last_stall: What did the last time.
        lag: How long the app loop took to get to something new in the last minutes: ``mean`` of
            each interval of ``step`` seconds, oldest first; ``counts`` how often it was looked at.
        numbers: Kind → what happened in the app in those minutes: ``requests``, ``calls``,
            ``swaps``, ``tasks``, ``events``, ``dead_events``, ``sessions`` and ``checks``.
        log_problem: Why lines don't reach ``app.log``; empty if they do.
        log: The newest events, oldest first.
    """

    time: str
    workspace: str
    data: str
    url: str
    ready: bool
    modules: tuple[ModuleView, ...]
    stall: str = ""
    last_stall: str = ""
    lag: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    numbers: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    log_problem: str = ""
    log: tuple[LogLine, ...] = ()

    def module(self, module_id: str) -> ModuleView | None:
        """Return one module by its full id; ``None`` if there is no such module."""
        return next((view for view in self.modules if view.id == module_id), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the snapshot as JSON-ready data."""
        plain: dict[str, Any] = thaw(self)
        return plain

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the snapshot as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, default=str)

    def __repr__(self) -> str:
        return f"<Snapshot {self.time}: {self.summary}>"

    @property
    def summary(self) -> str:
        """How many modules are live: ``3 of 4 modules live``."""
        live = sum(view.is_live for view in self.modules)
        return f"{live} of {count(len(self.modules), 'module')} live"

    def _by_need(self) -> list[ModuleView]:
        """Return the modules, those that need attention first."""
        return sorted(self.modules, key=lambda view: not view.error)

    def rows(self) -> list[tuple[str, str, int | str, str, str]]:
        """Return a row for each module, those that need attention first; `HEADS` names the cells.

        What ails a module stands in place of its description.
        """
        return [
            (
                view.id, view.state, view.generation or "", view.contents,
                one_line(view.error) or view.description,
            )
            for view in self._by_need()
        ]  # fmt: skip

    def _notices(self) -> list[Raw]:
        """Return what needs attention, the app itself first."""
        system = [("stalled", self.stall), ("the log", self.log_problem)]
        own = [notice("bad", tag("strong", what), said) for what, said in system if said]
        return own + [one for view in self.modules for one in view.notices()]

    def _repr_html_(self) -> str:
        notices = self._notices()
        ready = state(self.summary, "good" if self.ready and not notices else "warn")
        where = link(self.url, self.url, aside=True) if self.url else ""
        rows = [
            (view.id, view.state, view.generation or "", view.contents, _cut(view.description))
            for view in self._by_need()
        ]
        top = tag("div", row(tag("strong", "modframe"), " ", ready, " ", where))
        left = more(len(notices) - _NOTICES, "notice")
        return row(top, *notices[:_NOTICES], left, table(rows, head=HEADS, most=_ROWS))


def _fault(fault: Finding) -> Raw:
    """Return a fault as HTML: where, what, and what to do next."""
    where = row(code(fault.place), " ") if fault.place else Raw()
    cure = f"{fault.cure[:1].upper()}{fault.cure[1:]}"
    return row(where, _cut(fault.message), tag("div", row(soft("next: "), cure)) if cure else "")


def _cut(text: str) -> Raw:
    return row(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _draining(retired: Mapping[str, int]) -> str:
    kinds = ("calls", "call"), ("streams", "stream"), ("jobs", "job")
    inside = [count(retired[key], noun) for key, noun in kinds if retired[key]]
    return f"generation {retired['generation']}: {', '.join(inside) or 'is being closed'}"


def freeze(value: Any) -> Any:
    """Return plain data that can't be changed: read-only mappings and tuples."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, _COLLECTIONS):
        return tuple(map(freeze, value))
    if isinstance(value, _MAPPINGS):
        if not value:
            return _NOTHING
        frozen = {
            str(key): item if type(item) in _SCALARS else freeze(item)
            for key, item in value.items()
        }
        return MappingProxyType(frozen)
    return value if isinstance(value, str | int | float) else repr(value)


def thaw(value: Any) -> Any:
    """Return frozen data as dictionaries and lists, for JSON."""
    if type(value) in _SCALARS:
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: thaw(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [thaw(item) for item in value]
    return value
