"""`Record`: what is known of a module, live or not; one for each id, kept by the swap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..errors import Finding
from ..source import Source

State = Literal[
    "DRAFT", "STARTING", "LIVE", "BLOCKED", "FAILED", "STOPPING", "STOPPED", "FAILED_UNLOAD"
]


@dataclass(slots=True)
class Record:
    """A module's state beside Live.

    Attributes:
        state: What it is while it isn't live; a live module's state is ``LIVE`` whatever stands
            here, for an attempt that failed changes nothing.
        error: Why the newest attempt failed; nothing once one succeeded.
        number: The number its newest published generation has.
        draft: What cells are working on.
        building: Whether an attempt is under way.
    """

    module_id: str
    state: State = "DRAFT"
    error: BaseException | None = None
    number: int = 0
    draft: Source | None = None
    building: bool = False
    unsettled: list[str] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()


class Records(dict[str, Record]):
    """Module id → record; asking for one makes it."""

    def __missing__(self, module_id: str) -> Record:
        record = self[module_id] = Record(module_id)
        return record
