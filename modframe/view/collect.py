"""Makes a `Snapshot` of Live, the records, and what the parts describe and show.

Called by the engine, from any thread; never waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from ..errors import LoadError, ModframeError, reason_of
from ..finding import Finding
from ..masking import KnownSecrets
from ..names import MODULE_TYPES
from ..observe import Event, EventLog, Numbers, Watchdog, find_raised
from ..runtime.generation import Generation
from ..runtime.live import Live
from ..runtime.part import Description, Panel, Part, Parts
from ..runtime.record import Record, Records
from .catalogue import Services, find_services
from .snapshot import LogLine, ModuleView, Snapshot, freeze

LOG_TAIL = 50
"""How many events of the log a snapshot has."""


class Collector:
    """Collects the snapshots of one app.

    Args:
        live: What runs.
        records: What is known of each module beside it.
        parts: Describe what runs.
        log: The event log, for its tail.
        watchdog: Knows what keeps the app loop. ``numbers``: what is counted.
        secrets: Those of the app, which no snapshot shows.
        workspace: The workspace's folder.
        data: The data folder.
    """

    def __init__(
        self,
        live: Live,
        records: Records,
        parts: Parts,
        *,
        log: EventLog,
        watchdog: Watchdog,
        numbers: Numbers,
        secrets: KnownSecrets,
        workspace: str,
        data: str,
    ) -> None:
        self._live = live
        self._records = records
        self._parts = parts
        self._empty_facts = {part.name: freeze(part.empty_facts) for part in parts}
        self._log = log
        self._watchdog, self._numbers = watchdog, numbers
        self._secrets = secrets
        self._workspace, self._data = workspace, data

    def ids(self) -> list[str]:
        """Return the ids of all modules, those of the framework last."""
        return sorted(self._records.ids(), key=_sort_key)

    def snapshot(self, url: str) -> Snapshot:
        """Return everything that runs, as frozen plain data."""
        stall, last = self._watchdog.stall, self._watchdog.last
        numbers = freeze(self._numbers.facts())  # before the modules': it looks at their calls
        return Snapshot(
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            workspace=self._workspace,
            data=self._data,
            url=url,
            ready=self._records.ready,
            modules=tuple(self.module(key) for key in self.ids()),
            stall=str(stall or ""),
            last_stall=str(last or ""),
            lag=freeze(self._watchdog.lags.facts()),
            numbers=numbers,
            log_problem=self._log.describe()["problem"] or "",
            log=tuple(map(_log_line, self._log.tail(LOG_TAIL))),
        )

    def services(self, tag: str | None = None, text: str | None = None) -> Services:
        """Return the live services with what their methods say; see `find_services`."""
        return find_services(map(self.module, self.ids()), tag=tag, text=text)

    def module(self, module_id: str) -> ModuleView:
        """Return the view of one module."""
        generation = self._live.generations.get(module_id)
        record = self._records.get(module_id) or Record(module_id)
        live = generation.source if generation else None
        spec = generation.spec if generation else None
        source = live or record.draft
        facts, panels = self._describe(generation) if generation else ({}, [])
        error = self._records.error(module_id)
        return ModuleView(
            id=module_id,
            state=self._records.state(module_id),
            version=spec.version if spec else "",
            description=spec.description if spec else "",
            generation=generation.number if generation else 0,
            origin=live.origin if live else "",
            files=tuple(sorted(source.all_files)) if source else (),
            reads=tuple(sorted(map(str, generation.reads))) if generation else (),
            error=self._text(error),
            outcome=self._text(record.outcome),
            draft=record.draft is not None
            and (live is None or record.draft.full_digest != live.full_digest),
            in_flight=generation.in_flight + generation.open_streams if generation else 0,
            retired=tuple(freeze(_draining(retired)) for retired in list(record.retired)),
            overridden=tuple(record.replacements),
            unsettled=tuple(map(self._text, record.unsettled)),
            requires=spec.required_ids if spec else record.requires,
            parts=MappingProxyType(facts),
            findings=tuple(one.masked(self._secrets.mask) for one in generation.findings)
            if generation
            else (),
            panels=tuple(panels),
            faults=tuple(one.masked(self._secrets.mask) for one in faults_of(error))
            if error is not None
            else (),
        )

    def _describe(self, generation: Generation) -> tuple[dict[str, Any], list[Panel]]:
        """Return part name → its frozen facts, and the panels of all parts."""
        facts = dict(self._empty_facts)
        panels: list[Panel] = []
        kept = generation.descriptions
        for part in self._parts.defining("describe"):
            description = kept.get(part.name)
            if description is None:
                found = part.describe(generation)
                if found == part.empty_facts and not part.describes_once:
                    continue
                description = self._describe_part(part, generation, found)
            facts[part.name], own = description
            panels += own
        return facts, panels

    def _describe_part(
        self, part: Part[Any], generation: Generation, facts: dict[str, Any]
    ) -> Description:
        """Return a part's frozen facts and its panels; the generation keeps those that stay."""
        if self._secrets:
            facts = self._secrets.replace_in(facts)
        description = _description_of(part, facts)
        if part.describes_once:
            generation.descriptions[part.name] = description
        return description

    def _text(self, value: object) -> str:
        return self._secrets.mask(str(value)) if value else ""

    def rows(self) -> Iterable[ModuleView]:
        """Return the views of the modules that should run."""
        return [self.module(key) for key in self._records.readiness()]


def _description_of(part: Part[Any], facts: Mapping[str, Any]) -> Description:
    """Return the facts, frozen, and the panels that have rows."""
    panels = part.panels(facts) if facts else ()
    return freeze(facts), tuple([panel for panel in panels if panel.rows])


def faults_of(error: BaseException) -> tuple[Finding, ...]:
    """Return what an error says, fault by fault, each with its place and next step."""
    if isinstance(error, LoadError):
        return tuple(one for one in error.findings if one.level == "error") or error.findings
    message, cure = reason_of(error), ""
    if isinstance(error, ModframeError):
        message, cure = error.message, error.cure
    place = find_raised(error).place
    return (Finding("error", "error", message, cure=cure, file=place),)


def _log_line(event: Event) -> LogLine:
    correlation = str(event.fields.get("correlation_id") or "")
    return LogLine(str(event.time), event.level, event.module_id, event.message, correlation)


def _draining(generation: Generation) -> dict[str, int]:
    return {
        "generation": generation.number,
        "calls": generation.in_flight,
        "streams": generation.open_streams,
        "jobs": len(generation.jobs),
    }


def _sort_key(module_id: str) -> tuple[bool, str]:
    return (module_id.partition(".")[0] == MODULE_TYPES[0], module_id)
