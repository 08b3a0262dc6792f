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
from ..html import section, table
from ..runtime.part import Detail, Panel
from ..wording import count, one_line

_LATEST = 10
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
        outcome: The line that the newest swap left; empty before the first.
        draft: Whether cells hold a text that isn't live.
        in_flight: Calls, requests and streams inside the live generation.
        retired: Replaced generations that still drain: number, calls, streams and jobs of each.
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

    def lines(self) -> Iterator[str]:
        """Yield the view as text: the module's id, then a line for each fact and each row."""
        rows = [*self.facts(), *self.work()]
        for panel in self.panels:
            rows += [(panel.noun, "  ".join(filter(None, cells))) for cells in panel.rows]
        width = max(len(label) for label, _ in rows)
        yield self.id
        for label, text in rows:
            yield f"  {label.ljust(width)}  {one_line(text)}"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        panels = (
            section(panel.title, table(panel.rows, head=panel.columns))
            for panel in self.panels
            if not panel.live_only
        )
        return section(self.id, table(self.facts()) + "".join(panels))


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
        live = sum(view.state == "LIVE" for view in self.modules)
        return f"<Snapshot {self.time}: {live} of {len(self.modules)} modules live>"

    def _repr_html_(self) -> str:
        rows = [
            (view.id, view.state, view.generation or "", view.contents, view.error)
            for view in self.modules
        ]
        head = ("module", "state", "generation", "what it has", "error")
        return section("modframe", table(rows, head=head), note=f"{self.time} {self.url}")


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
        return MappingProxyType({str(key): freeze(item) for key, item in value.items()})
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
