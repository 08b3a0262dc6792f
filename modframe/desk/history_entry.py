"""`HistoryEntry`: one source of a module that went live; `HistoryEntries`: those of one module.

`History` makes entries, `HistoryFile` stores and reads them, `Module.history` shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ..html import notice, section, table
from ..source.source import Origin, Source
from ..wording import count

_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_SHOWN = 50
"""Entries that a saved display holds at most."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One source of a module that went live.

    Attributes:
        time: When it was published, in UTC.
        origin: Where its text came from: ``cells``, ``folder``, ``notebook`` or ``mapping``.
        digest: Stands for its text; equal text is equal digest.
        outcome: The line that the swap left.
        generation: The number it had in its run of the app, which ``run`` names.
        leaked: What would not settle when it was closed.
        errors: How many failures of its generation were recorded while that was live.
    """

    module_id: str
    time: datetime
    origin: Origin
    digest: str
    outcome: str
    generation: int
    run: str
    leaked: tuple[str, ...] = ()
    errors: int = 0
    _position: list[int] = field(default_factory=list, repr=False, compare=False)
    _read: Callable[[], Source] | None = field(default=None, repr=False, compare=False)

    @property
    def source(self) -> Source:
        """Its text; of an earlier run, read from the file when it is asked for.

        Raises:
            WorkspaceError: If the file no longer has it, or can't be read.
        """
        if self._read is None:
            raise LookupError(f"{self!r} was made without a text")
        return self._read()

    @property
    def sequence(self) -> int:
        """Its place in the order of all entries, whatever the clock said; 0 until it is written."""
        return self._position[0] if self._position else 0

    def __repr__(self) -> str:
        time = self.time.strftime(_TIME_FORMAT)
        return f"<{self.module_id} {self.generation}, {time} UTC, {self.digest}: {self.outcome}>"


class HistoryEntries(tuple[HistoryEntry, ...]):  # noqa: SLOT001  # a tuple's can't have names
    """The entries of one module, newest last, with a table for notebooks.

    Attributes:
        damaged: A sentence for each entry that is damaged in the file, and so is none of these.
    """

    damaged: tuple[str, ...]

    def __new__(
        cls, entries: Iterable[HistoryEntry] = (), *, damaged: Iterable[str] = ()
    ) -> HistoryEntries:
        """Make a tuple of entries that knows which others were left out."""
        made = super().__new__(cls, entries)
        made.damaged = tuple(damaged)
        return made

    def __repr__(self) -> str:
        damaged = f", {len(self.damaged)} damaged and left out" if self.damaged else ""
        newest = f", the newest {self[-1]!r}" if self else ""
        return f"<{count(len(self), 'source')}{damaged}{newest}>"

    def _repr_html_(self) -> str:
        rows = [
            (
                entry.generation,
                entry.time.strftime(_TIME_FORMAT),
                "" if entry.run == self[-1].run else "an earlier one",
                entry.origin,
                entry.outcome,
                entry.errors or "",
                ", ".join(entry.leaked),
            )
            for entry in reversed(self)
        ]
        head = ("generation", "time (UTC)", "run", "from", "outcome", "errors", "leaked")
        left_out = [notice("warn", text) for text in self.damaged]
        title = f"history of {self[0].module_id}" if self else "history"
        shown = table(rows, head=head, most=_SHOWN) if rows else ""
        note = f"{count(len(self), 'source')}, the newest first"
        return section(title, shown, *left_out, note=note)
