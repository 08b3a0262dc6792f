"""`Records`: what is known of each module, live or not; kept by the swap, read by everyone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..errors import LoadError
from ..load.reads import Reads
from ..source import Source
from .generation import Generation
from .live import Live

State = Literal[
    "DRAFT", "STARTING", "LIVE", "BLOCKED", "FAILED", "STOPPING", "STOPPED", "FAILED_UNLOAD"
]


@dataclass(frozen=True, slots=True, eq=False)
class Override:
    """What callers get in place of a service."""

    service: str
    replacement: object


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What a generation left behind when it was closed.

    Attributes:
        generation: Its number; 0 if it never went live.
        text: What was left behind, as a sentence.
    """

    generation: int
    text: str

    def __str__(self) -> str:
        number = f"generation {self.generation}"
        return f"{number if self.generation else 'a generation that did not go live'}: {self.text}"


@dataclass(slots=True)
class Record:
    """One module beside Live.

    Attributes:
        state: What it is while it isn't live; `Records.state` tells what it is altogether.
        error: Why the newest attempt failed; nothing once one succeeded.
        number: The number its newest published generation has.
        draft: What cells are working on.
        reads: The files that the newest attempt read, whatever became of it.
        building: The generation that an attempt under way builds.
        retired: Generations that were replaced and aren't closed yet, oldest first.
        unsettled: What generations left behind when they were closed.
        newest: The text that was asked for last, whatever became of it.
        overrides: Service name → what callers get instead, newest last.
        outcome: The line that its newest swap left.
    """

    module_id: str
    state: State = "DRAFT"
    error: BaseException | None = None
    number: int = 0
    draft: Source | None = None
    reads: Reads | None = None
    building: Generation | None = None
    retired: list[Generation] = field(default_factory=list)
    unsettled: list[Unsettled] = field(default_factory=list)
    newest: Source | None = None
    overrides: list[Override] = field(default_factory=list)
    outcome: str = ""

    def unsettled_of(self, number: int) -> tuple[str, ...]:
        """Return what one generation left behind."""
        return tuple(each.text for each in self.unsettled if each.generation == number)

    @property
    def instead(self) -> dict[str, object]:
        """Service name → what callers get in its place now."""
        return {one.service: one.replacement for one in self.overrides}


class Records(dict[str, Record]):
    """Module id → record; asking for one makes it.

    Args:
        live: What runs; a module that is in it is ``LIVE``, whatever became of newer attempts.
    """

    def __init__(self, live: Live) -> None:
        super().__init__()
        self._live = live

    def __missing__(self, module_id: str) -> Record:
        record = self[module_id] = Record(module_id)
        return record

    def ids(self) -> set[str]:
        """All modules."""
        return {*self._live.generations, *list(self)}

    def state(self, module_id: str) -> State:
        """A module's state; one that nobody heard of is a draft without text."""
        if module_id in self._live.generations:
            return "LIVE"
        record = self.get(module_id)
        if record is None:
            return "DRAFT"
        return "STARTING" if record.building else record.state

    def why(self, module_id: str) -> str:
        """Why a module's newest attempt failed; empty if none did."""
        record = self.get(module_id)
        return "" if record is None or record.error is None else str(record.error)

    def errors(self) -> dict[str, BaseException]:
        """Return module id → error, of the modules whose newest attempt failed."""
        return {key: record.error for key, record in self.items() if record.error is not None}

    def stale(self, module_id: str) -> str:
        """Why a module's newest text isn't live; empty if it is, though it was not activated."""
        record = self.get(module_id)
        error = record.error if record is not None else None
        activated = not (isinstance(error, LoadError) and error.step == "activate")
        return self.why(module_id) if activated else ""

    def readiness(self) -> dict[str, State]:
        """Module id → state, of all that were meant to run."""
        states = {key: self.state(key) for key in sorted(self.ids())}
        return {key: state for key, state in states.items() if state != "DRAFT"}

    @property
    def ready(self) -> bool:
        """Whether everything that was meant to run is live."""
        return all(state in ("LIVE", "STOPPED") for state in self.readiness().values())
