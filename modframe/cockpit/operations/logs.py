"""The tab *Logs*: lines that are older than those that the view was told, also of earlier runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from ...names import full_id
from ...observe import WantedEvents
from ..asks import Ask, Operation
from ..news import line_of

_ROOM = 5_000_000
"""About how many characters of lines are sent at once."""


def logs(
    ask: Ask,
    before: datetime,
    *,
    same: Annotated[int, Field(ge=0, le=100_000)] = 0,
    module: str = "",
    level: str = "DEBUG",
    text: str = "",
    most: Annotated[int, Field(ge=1, le=20_000)] = 500,
) -> dict[str, Any]:
    """Return the newest lines before a time, the oldest first, and whether there are ``more``.

    Args:
        before: The time of the oldest line that the view has.
        same: How many of the lines of just that time, among those that are wanted, it has.
        level: The lowest one. ``text``: only lines that have it in their message or request id.
    """
    whose = full_id(module) if module else ""
    wanted = WantedEvents.of(whose, level=level, since=None, correlation_id="")
    wanted = replace(wanted, until=before, text=text)
    events = ask.facts.log.newest(wanted, lines=most + same + 1)
    events = events[: max(0, len(events) - same)]
    lines: deque[dict[str, Any]] = deque()
    room = _ROOM
    for event in reversed(events[-most:]):
        line = line_of(event)
        room -= len(str(line))
        if room < 0:
            break
        lines.appendleft(line)
    return {"lines": list(lines), "more": len(lines) < len(events)}


OPERATIONS: Mapping[str, Operation] = {"logs": logs}
