"""`Failure`: one entry of `errors.jsonl`, frozen; and how a line becomes one.

`Writer` writes failures as lines of JSON; `RecordedErrors` reads them back, also those of earlier
versions, which had fewer facts, and leaves out lines that are damaged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from .fingerprint import Fingerprint

FACTS = ("generation", "code", "place", "correlation_id", "fingerprint")
"""What is known of a failure beside its event, in the order in which a line has it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of module code, or several of a kind that were not written one by one.

    Attributes:
        time: When, in UTC; of several, the time of the last one.
        generation: The number of the generation that failed; 0 if none of it was live.
        code: A stable code, such as that of a `Result` or the rule of a finding; may be empty.
        place: The file, the cell and the line, as far as they are known.
        correlation_id: The request it belongs to; empty if it belongs to none.
        fingerprint: The same for failures of one kind; see `Fingerprint`.
        type: The exception's type; empty without one.
        count: How many failures it stands for.
        fields: More facts, as plain data.
    """

    time: datetime
    module_id: str
    message: str
    generation: int = 0
    code: str = ""
    place: str = ""
    correlation_id: str = ""
    fingerprint: str = ""
    type: str = ""
    traceback: str = ""
    count: int = 1
    fields: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def to_dict(self) -> dict[str, Any]:
        """Return it as a line has it; a fact that isn't known is ``None``."""
        return {
            "time": format_time(self.time),
            "module_id": self.module_id,
            "message": self.message,
            **{name: getattr(self, name) or None for name in FACTS},
            "type": self.type,
            "traceback": self.traceback,
            **({"count": self.count} if self.count != 1 else {}),
            "fields": dict(self.fields),
        }

    @property
    def kind(self) -> str:
        """Its code, or else the exception's type."""
        return self.code or self.type


def parse_failure(line: str) -> Failure | None:
    """Return the failure of a line of `errors.jsonl`; ``None`` for any other text."""
    try:
        facts = json.loads(line)
        return failure_of(facts) if isinstance(facts, dict) else None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def failure_of(facts: Mapping[str, Any]) -> Failure:
    """Return the failure that `Failure.to_dict` gave; facts that earlier versions lacked may be so.

    Raises:
        ValueError, TypeError, KeyError: If it is none.
    """
    time = datetime.fromisoformat(facts["time"])
    code, kind, place = (str(facts.get(name) or "") for name in ("code", "type", "place"))
    module_id = str(facts["module_id"])
    fields = facts.get("fields")
    return Failure(
        time=time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC),
        module_id=module_id,
        message=str(facts["message"]),
        generation=int(facts.get("generation") or 0),
        code=code,
        place=place,
        correlation_id=str(facts.get("correlation_id") or ""),
        fingerprint=str(
            facts.get("fingerprint") or Fingerprint(module_id, code, kind, place.partition(",")[0])
        ),
        type=kind,
        traceback=str(facts.get("traceback") or ""),
        count=max(1, int(facts.get("count") or 1)),
        fields=MappingProxyType(fields if isinstance(fields, dict) else {}),
    )


def format_time(time: datetime) -> str:
    """Format a time as the log has it: ``2026-11-25T10:00:00.123Z``."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
