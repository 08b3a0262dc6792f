"""`Health`: what is known of a module's health; `HealthReport`: that of all modules.

A `Check` makes one at each run, `Overview` adds what else is wrong with the module, and
``app.health()``, ``/health`` and ``modframe health`` show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ...html import table
from ...wording import count, duration, some

Status = Literal["healthy", "unknown", "degraded", "unhealthy"]
_BADNESS: tuple[Status, ...] = ("healthy", "unknown", "degraded", "unhealthy")


def badness(status: str) -> int:
    """Return how bad a status is; 0 for healthy.

    >>> badness("degraded")
    2
    """
    return _BADNESS.index(status)


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of some statuses; ``"healthy"`` without any.

    >>> worst(["healthy", "degraded", "unknown"])
    'degraded'
    """
    return max(statuses, key=_BADNESS.index, default="healthy")


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a module's health; nothing is run to find it out.

    Attributes:
        verdict: What the check said last; ``"unknown"`` before its first run, and without a check.
        at: When it ran last, in UTC; ``None`` before its first run.
        took: How long that took, in seconds.
        said: What it said in words.
        failures: How many runs in a row found the module unhealthy, up to the last one.
        group: What depends on the check: ``"ready"``, ``"live"`` or ``"startup"``; empty for a
            module without a check.
        faults: What else is wrong with the module: dead tasks, a stall, a conflict with its
            database.
        down: Whether the module should be live and isn't.
    """

    verdict: Status = "unknown"
    at: datetime | None = None
    took: float = 0.0
    said: str = ""
    failures: int = 0
    group: str = ""
    faults: tuple[str, ...] = ()
    down: bool = False

    @property
    def status(self) -> Status:
        """``"healthy"``, ``"degraded"``, ``"unhealthy"``, or ``"unknown"`` if nothing is known."""
        if self.down:
            return "unhealthy"
        return worst([self.verdict, "degraded"]) if self.faults else self.verdict

    @property
    def detail(self) -> str:
        """What the check said, and what else is wrong with the module; empty if nothing is."""
        return "; ".join(filter(None, [self.said, *self.faults]))

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is wrong, one text each; empty for a module that is healthy or unknown."""
        if self.verdict not in ("degraded", "unhealthy"):
            return self.faults
        said = f": {self.said}" if self.said else ""
        return (f"its health check says {self.verdict}{said}", *self.faults)

    @property
    def fails(self) -> bool:
        """Whether the check keeps what its group is about from being true."""
        if self.group == "startup":
            return self.verdict in ("unknown", "unhealthy")
        return self.verdict == "unhealthy"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        at = self.at.isoformat(timespec="milliseconds") if self.at is not None else None
        return {
            "status": self.status,
            "at": at,
            "took": round(self.took, 6),
            "detail": self.detail,
            "failures": self.failures,
            "group": self.group,
        }

    def __repr__(self) -> str:
        status, at, took, _, detail = health_row(self.to_dict())
        when = f" at {at} in {took}" if at else ""
        failures = f", {count(self.failures, 'failure')} in a row" if self.failures else ""
        return f"<Health: {status}{when}{failures}{f': {detail}' if detail else ''}>"


HEADS = ("module", "status", "checked at", "took", "failures", "detail")
"""The heads of a table of modules, each with its `health_row`."""


def health_row(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the facts of `Health.to_dict`, of a server's too, as the cells of a table.

    They are the status, when and how long the check ran, failures in a row, and the detail.
    """
    status, detail = str(facts["status"]), str(facts.get("detail", ""))
    if not facts["at"]:
        return (status, "", "", "", detail)
    at = datetime.fromisoformat(facts["at"])
    failures = str(facts["failures"] or "")
    return (status, f"{at:%H:%M:%S} UTC", duration(facts["took"]), failures, detail)


class HealthReport(dict[str, Health]):
    """Module id → its health, of all modules that run or should run."""

    @property
    def status(self) -> Status:
        """The worst status of all, where ``"unknown"`` counts for nothing."""
        return worst(one.status for one in self.values() if one.status != "unknown")

    def group(self, *names: str) -> HealthReport:
        """Return the modules whose check is in one of these groups."""
        return HealthReport((key, one) for key, one in self.items() if one.group in names)

    @property
    def failing(self) -> bool:
        """Whether a check fails its group."""
        return any(one.fails for one in self.values())

    def rows(self) -> list[tuple[str, ...]]:
        """Return a row for each module, as a table shows it."""
        return [(key, *health_row(health.to_dict())) for key, health in self.items()]

    def __repr__(self) -> str:
        bad = [f"{key} {one.status}" for key, one in self.items() if one.reasons]
        return f"<health of {count(len(self), 'module')}: {some(bad) or self.status}>"

    def _repr_html_(self) -> str:
        return table(self.rows(), head=HEADS)
