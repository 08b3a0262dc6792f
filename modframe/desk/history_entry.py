"""`HistoryEntry`: one source of a module that went live; `HistoryEntries`: those of one module.

`History` makes entries, `HistoryFile` stores and reads them, `Module.history` shows them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ..html import section, table
from ..source.source import Origin, Source
from ..wording import count

_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


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
    """

    module_id: str
    time: datetime
    origin: Origin
    digest: str
    outcome: str
    generation: int
    run: str
    leaked: tuple[str, ...] = ()
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

    def __repr__(self) -> str:
        time = self.time.strftime(_TIME_FORMAT)
        return f"<{self.module_id} {self.generation}, {time} UTC, {self.digest}: {self.outcome}>"


class HistoryEntries(tuple[HistoryEntry, ...]):
    """The entries of one module, newest last, with a table for notebooks."""

    __slots__ = ()

    def __repr__(self) -> str:
        newest = f", the newest {self[-1]!r}" if self else ""
        return f"<{count(len(self), 'source')}{newest}>"

    def _repr_html_(self) -> str:
        rows = [
            (
                entry.time.strftime(_TIME_FORMAT),
                entry.generation,
                entry.run,
                entry.origin,
                entry.digest,
                entry.outcome,
                ", ".join(entry.leaked),
            )
            for entry in self
        ]
        head = ("time (UTC)", "generation", "run", "from", "digest", "outcome", "leaked")
        return section(self[0].module_id if self else "history", table(rows, head=head))
