"""`Snapshot`: everything that runs, as frozen plain data; every view draws from it alone.

The app collects it from Live, the records and the parts' ``describe``; nothing in it waits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from types import MappingProxyType
from typing import Any

from ..errors import Finding
from ..html import section, table


@dataclass(frozen=True, slots=True)
class ModuleView:
    """One module, live or not.

    Attributes:
        state: ``DRAFT STARTING LIVE BLOCKED FAILED STOPPING STOPPED FAILED_UNLOAD``.
        generation: The number of the live generation; 0 if there is none.
        origin: Where the live text comes from: ``cells``, ``folder``, ``mapping`` or ``notebook``.
        reads: The files that it read while it was loaded, and those it declares.
        error: Why the newest attempt failed; empty if none did.
        outcome: The line that the newest swap left; empty before the first.
        draft: Whether cells hold a text that isn't live.
        in_flight: Calls, requests and streams inside the live generation.
        retired: Replaced generations that still drain: number, calls, streams and jobs of each.
        overridden: Services in whose place callers get something else.
        unsettled: What generations left behind when they were closed.
        parts: Part name → what it describes: ``service``, ``settings``, ``web``, ``tasks``, ...
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
    parts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    findings: tuple[Finding, ...] = ()

    @property
    def routes(self) -> tuple[Mapping[str, Any], ...]:
        """What the web part says of each route."""
        return tuple(self.parts.get("web", {}).get("routes", ()))


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of the log tail."""

    time: str
    level: str
    module_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The running system at one moment.

    Attributes:
        url: Where the API is served; empty if it isn't.
        ready: Whether everything that was meant to run is live.
        log_problem: Why lines don't reach ``app.log``; empty if they do.
        log: The newest events, oldest first.
    """

    time: str
    workspace: str
    data: str
    url: str
    ready: bool
    modules: tuple[ModuleView, ...]
    log_problem: str = ""
    log: tuple[LogLine, ...] = ()

    def module(self, module_id: str) -> ModuleView | None:
        """One module by its full id."""
        return next((one for one in self.modules if one.id == module_id), None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        plain: dict[str, Any] = thaw(self)
        return plain

    def to_json(self, *, indent: int | None = None) -> str:
        """The snapshot as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, default=str)

    def __repr__(self) -> str:
        live = sum(one.state == "LIVE" for one in self.modules)
        return f"<Snapshot {self.time}: {live} of {len(self.modules)} modules live>"

    def _repr_html_(self) -> str:
        rows = [
            (one.id, one.state, one.generation or "", len(one.routes) or "", one.error)
            for one in self.modules
        ]
        head = ("module", "state", "generation", "routes", "error")
        return section("modframe", table(rows, head=head), note=f"{self.time} {self.url}")


def freeze(value: Any) -> Any:
    """Plain data that nobody can change: mappings and tuples all the way down."""
    if isinstance(value, Mapping):
        return MappingProxyType({str(key): freeze(one) for key, one in value.items()})
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(freeze(one) for one in value)
    if isinstance(value, str | int | float | bool | None):
        return value
    return repr(value)


def thaw(value: Any) -> Any:
    """Frozen data as dictionaries and lists, for JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: thaw(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {key: thaw(one) for key, one in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [thaw(one) for one in value]
    return value
