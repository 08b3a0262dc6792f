"""`WantedEvents`: which events of the log a person asks for, in a shell or in a cell.

In goes a line of `app.log` or an `Event`, out comes whether it is wanted. `EventLog.newest` and
``modframe logs`` call it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from .event import Event
from .line import parse_line

_LINES = 50


@dataclass(frozen=True, slots=True)
class WantedEvents:
    """Which events are wanted; what is empty or 0 leaves out none.

    Attributes:
        module_id: Only this module's.
        level: Only those of this level, a number of `logging`, and above.
        since: Only those that are not older.
        correlation_id: Only those that belong to this request.
        until: Only those that are not younger.
        text: Only those that have it in their message or their request's id, in whichever case.
    """

    module_id: str = ""
    level: int = 0
    since: datetime | None = None
    correlation_id: str = ""
    until: datetime | None = None
    text: str = ""

    @classmethod
    def of(
        cls, module_id: str, *, level: str, since: datetime | None, correlation_id: str
    ) -> WantedEvents:
        """Return what a person asks for; the level is a name such as ``"warning"``."""
        number = logging.getLevelNamesMapping().get(level.upper(), 0)
        above = 0 if number <= logging.DEBUG else number
        return cls(module_id, above, since, correlation_id)

    def limit(self, lines: int | None) -> int | None:
        """Return how many are shown: as many as asked for, else 50, or all of a time or request."""
        if lines is None and (self.since is not None or self.correlation_id):
            return None
        return _LINES if lines is None else lines

    def event_in(self, line: str) -> Event | None:
        """Return the event of a line; ``None`` if it has none, or one that isn't wanted."""
        if self.module_id not in line or self.correlation_id not in line:
            return None
        if self.text.isalnum() and self.text.casefold() not in line.casefold():
            return None  # any other text may stand in a line in another way
        event = parse_line(line)
        return event if event is not None and self.takes(event) else None

    def takes(self, event: Event) -> bool:
        """Return whether an event is wanted."""
        return (
            self.module_id in ("", event.module_id)
            and _number_of(event.level) >= self.level
            and (self.since is None or event.time >= self.since)
            and (self.until is None or event.time <= self.until)
            and self.correlation_id in ("", str(event.fields.get("correlation_id")))
            and (not self.text or self._has_text(event))
        )

    def _has_text(self, event: Event) -> bool:
        texts = (event.message, str(event.fields.get("correlation_id") or ""))
        return any(self.text.casefold() in one.casefold() for one in texts)

    def ends_at(self, line: str) -> bool:
        """Return whether all lines above one are too old."""
        event = parse_line(line) if self.since is not None else None
        return event is not None and self.since is not None and event.time < self.since


def _number_of(level: str) -> int:
    """Return the number of a level; one of a person's own is never left out."""
    return logging.getLevelNamesMapping().get(level, logging.CRITICAL)
