"""`Records`: what is known of each module, live or not.

Written by changes, drafts and overrides; read by the app, the server and views.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ..errors import DisabledError, LoadError, TaskDiedError, reason_of
from ..load.reads import Reads
from ..source import Source
from .generation import Generation
from .live import Live

State = Literal[
    "DRAFT",
    "STARTING",
    "LIVE",
    "BLOCKED",
    "FAILED",
    "STOPPING",
    "STOPPED",
    "FAILED_UNLOAD",
    "DISABLED",
]


@dataclass(frozen=True, slots=True, eq=False)
class Override:
    """An object that callers get in place of a service."""

    service: str
    replacement: object


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What a generation left behind when it was closed.

    Attributes:
        generation: Its number; 0 if it never went live.
        text: What was left behind, as a sentence.
        persons: Whether a person holds it, such as a variable of a notebook: no fault.
    """

    generation: int
    text: str
    persons: bool = False

    def __str__(self) -> str:
        number = f"generation {self.generation}"
        return f"{number if self.generation else 'a generation that did not go live'}: {self.text}"


def _unheard() -> None:
    """Take no notice of a change."""


@dataclass(slots=True)
class Record:
    """What is known of one module besides what Live holds.

    Attributes:
        state: Its state while it isn't live; `Records.state` returns the state in every case.
        error: Why the newest attempt failed; ``None`` once one succeeded.
        number: The number of its newest published generation.
        expected: Whether the server is ready only with it: a folder, a notebook on disk or `load`
            asked for it. What only cells ask for counts once it has been live.
        draft: The source that cells are working on.
        reads: The files that the newest attempt read, failed or not.
        building: The generation that is being built now.
        retired: Generations that were replaced and aren't closed yet, oldest first.
        unsettled: What closed generations could not release; `leave` adds to it.
        newest: The source of the newest attempt, failed or not.
        overrides: The overrides of its services, newest last.
        requires: The modules that its newest failed attempt required, as far as one was read.
        outcome: What its newest change did; its text is the line that people see.
        revision: Counts the times that one of these was set, so that who follows a module sees a
            change cheaply; what comes into ``retired``, and leaves it, is not counted.
        noted: Called after each change.
    """

    module_id: str
    state: State = "DRAFT"
    error: BaseException | None = None
    number: int = 0
    expected: bool = False
    draft: Source | None = None
    reads: Reads | None = None
    building: Generation | None = None
    retired: list[Generation] = field(default_factory=list)
    unsettled: list[Unsettled] = field(default_factory=list)
    newest: Source | None = None
    overrides: list[Override] = field(default_factory=list)
    requires: tuple[str, ...] = ()
    outcome: object = ""
    noted: Callable[[], None] = field(default=_unheard, repr=False, compare=False)
    revision: int = 0

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name == "revision":  # the last field: the record is made
            return
        if (before := getattr(self, "revision", None)) is not None:
            object.__setattr__(self, "revision", before + 1)
            self.noted()

    def leave(self, unsettled: Unsettled) -> None:
        """Remember what a closed generation could not release."""
        self.unsettled = [*self.unsettled, unsettled]

    @property
    def removed(self) -> bool:
        """Whether the module was unloaded, and nothing is under way that would bring it back."""
        return self.building is None and self.state in ("STOPPED", "FAILED_UNLOAD")

    def unsettled_of(self, number: int) -> tuple[str, ...]:
        """Return what one generation left behind."""
        return tuple(left.text for left in self.unsettled if left.generation == number)

    @property
    def replacements(self) -> dict[str, object]:
        """Service name → what callers get in its place now."""
        return {override.service: override.replacement for override in self.overrides}


class Records(dict[str, Record]):
    """Module id → record; looking up an unknown id adds a record.

    Args:
        live: What runs; a module in it is ``LIVE``, even if newer attempts failed. It notes each
            change of a record.
    """

    def __init__(self, live: Live) -> None:
        super().__init__()
        self._live = live

    def __missing__(self, module_id: str) -> Record:
        record = self[module_id] = Record(module_id, noted=self._live.note_change)
        self._live.note_change()
        return record

    def __delitem__(self, module_id: str) -> None:
        super().__delitem__(module_id)
        self._live.note_change()

    def ids(self) -> set[str]:
        """Return the ids of all modules, live or not."""
        return {*self._live.generations, *list(self)}

    def state(self, module_id: str) -> State:
        """Return a module's state; ``DRAFT`` for an unknown one."""
        if module_id in self._live.generations:
            return "LIVE"
        record = self.get(module_id)
        if record is None:
            return "DRAFT"
        return "STARTING" if record.building else record.state

    def error(self, module_id: str) -> BaseException | None:
        """Return why a module's newest attempt failed, else why a task or thread died last."""
        record = self.get(module_id)
        if record is not None and record.error is not None:
            return record.error
        return next(reversed(self.deaths(module_id)), None)

    def deaths(self, module_id: str) -> list[TaskDiedError]:
        """Return why tasks and threads of the live generation died, the newest last."""
        generation = self._live.generations.get(module_id)
        return list(generation.deaths.values()) if generation is not None else []

    def errors(self) -> dict[str, BaseException]:
        """Return module id → error, of the modules whose newest attempt failed.

        A disabled module did not fail.
        """
        return {
            key: record.error
            for key, record in self.items()
            if record.error is not None and not isinstance(record.error, DisabledError)
        }

    def stale_reason(self, module_id: str) -> str:
        """Return why a module's newest source isn't live; empty if it is.

        A module that failed in ``activate`` only is live, and not stale.
        """
        record = self.get(module_id)
        error = record.error if record is not None else None
        if error is None or (isinstance(error, LoadError) and error.step == "activate"):
            return ""
        return reason_of(error)

    def readiness(self) -> dict[str, State]:
        """Return module id → state, of all modules that run or were tried; drafts are not."""
        states = {key: self.state(key) for key in sorted(self.ids())}
        return {key: state for key, state in states.items() if state != "DRAFT"}

    @property
    def ready(self) -> bool:
        """Whether all modules that are expected are live; stopped and disabled ones don't count."""
        return all(
            state in ("LIVE", "STOPPED", "DISABLED") or not (self[key].expected or self[key].number)
            for key, state in self.readiness().items()
        )
