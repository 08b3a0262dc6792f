"""`History`: the last sources of each module that went live, with when, whence and what came of it.

The runtime notes each after publish, on the app loop; a thread writes them to ``history.sqlite``,
which several kernels may share. Whatever goes wrong there is logged once and stays out of the way:
the history is then in memory, as it is where nothing may be stored.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from ..html import section, table
from ..source.source import Origin, Source
from ..wording import count
from .history_file import HistoryFile, HistoryFileError, Row

KEPT = 20
"""How many sources of a module are kept."""
_TRIES = 3
_log = logging.getLogger("modframe.history")


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One source of a module that went live.

    Attributes:
        time: When it was published, in UTC.
        origin: Where its text came from: ``cells``, ``folder``, ``notebook`` or ``mapping``.
        digest: Stands for its text; equal text is equal digest.
        outcome: The line that the swap left.
        generation: The number it had in its run of the app.
        run: Which run of the app that was.
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
        """Its text, read when it is asked for.

        Raises:
            WorkspaceError: If it is kept no more.
        """
        if self._read is None:
            raise LookupError(f"{self!r} was made without a text")
        return self._read()

    def __repr__(self) -> str:
        when = self.time.strftime("%Y-%m-%d %H:%M:%S")
        return f"<{self.module_id} {self.generation}, {when} UTC, {self.digest}: {self.outcome}>"


class Entries(tuple[HistoryEntry, ...]):
    """The entries of one module, newest last, with a table for notebooks."""

    __slots__ = ()

    def __repr__(self) -> str:
        newest = f", the newest {self[-1]!r}" if self else ""
        return f"<{count(len(self), 'source')}{newest}>"

    def _repr_html_(self) -> str:
        rows = [
            (
                one.time.strftime("%Y-%m-%d %H:%M:%S"),
                one.generation,
                one.run,
                one.origin,
                one.digest,
                one.outcome,
                ", ".join(one.leaked),
            )
            for one in self
        ]
        head = ("time (UTC)", "generation", "run", "from", "digest", "outcome", "leaked")
        return section(self[0].module_id if self else "history", table(rows, head=head))


class History:
    """The history of one app's modules.

    Args:
        file: Where it is kept; nothing keeps it in memory.
    """

    def __init__(self, file: Path | None) -> None:
        self.run = uuid4().hex[:8]
        self._file = HistoryFile(file, KEPT) if file is not None else None
        self._own: dict[str, list[HistoryEntry]] = {}
        self._written: set[str] = set()
        self._jobs: queue.SimpleQueue[Callable[[HistoryFile], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    # -- noting ---------------------------------------------------------------------------

    def note(self, source: Source, *, generation: int, outcome: str, written: bool = True) -> None:
        """A source went live; never waits, never raises for what can't be written.

        Args:
            source: The text.
            generation: The number it has in this run.
            outcome: The line that the swap left.
            written: Whether this run is to leave anything of the module.
        """
        entry = HistoryEntry(
            source.module_id,
            datetime.now(UTC),
            source.origin,
            source.digest,
            outcome,
            generation,
            self.run,
            _read=lambda: source,
        )
        with self._lock:
            own = self._own.setdefault(source.module_id, [])
            own.append(entry)
            _prune(own)
        if written:
            self._written.add(source.module_id)
            self._later(lambda file: file.add(_row(entry, source)))

    def say(self, module_id: str, generation: int, outcome: str) -> None:
        """Say otherwise what came of a generation of this run."""
        self._change(module_id, generation, lambda one: replace(one, outcome=outcome))
        if module_id in self._written:
            self._later(lambda file: file.update(module_id, self.run, generation, outcome=outcome))

    def note_leaked(self, module_id: str, generation: int, leaked: Iterable[str]) -> None:
        """A generation of this run was closed, and this of it would not settle."""
        if not (left := tuple(leaked)):
            return
        self._change(module_id, generation, lambda one: replace(one, leaked=left))
        if module_id in self._written:
            self._later(lambda file: file.update(module_id, self.run, generation, leaked=left))

    def _change(
        self, module_id: str, generation: int, change: Callable[[HistoryEntry], HistoryEntry]
    ) -> None:
        with self._lock:
            own = self._own.get(module_id, [])
            own[:] = [change(one) if one.generation == generation else one for one in own]

    # -- reading --------------------------------------------------------------------------

    def entries(self, module_id: str) -> Entries:
        """The last sources of a module, newest last, those of other runs included."""
        with self._lock:
            own = list(self._own.get(module_id, ()))
        found = [one for one in self._read(module_id) if one.run != self.run]
        return Entries(_prune(sorted([*found, *own], key=lambda one: one.time)))

    def of_this_run(self, module_id: str) -> Entries:
        """Those of this run of the app."""
        with self._lock:
            return Entries(self._own.get(module_id, ()))

    def _read(self, module_id: str) -> list[HistoryEntry]:
        file = self._file
        if file is None:
            return []
        try:
            return [_entry(row, file) for row in file.rows(module_id)]
        except HistoryFileError as error:
            self._give_up(error)
            return []

    # -- writing --------------------------------------------------------------------------

    def _later(self, job: Callable[[HistoryFile], None]) -> None:
        if self._file is None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="modframe-history", daemon=True
                )
                self._thread.start()
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            file = self._file
            if file is None:
                continue  # given up: what is queued is in memory already
            try:
                _insisting(job, file)
            except HistoryFileError as error:
                self._give_up(error)
            except Exception:  # noqa: BLE001  # a thread's end is the boundary: a swap is not to suffer
                _log.exception("the history could not take note of a source")
        if self._file is not None:
            self._file.close()

    def _give_up(self, error: HistoryFileError) -> None:
        """Keep it in memory from here on; said once."""
        with self._lock:
            file, self._file = self._file, None
        if file is not None:
            _log.warning("%s Until the next start it is kept in memory.", error)
            file.close()

    def close(self, *, timeout: float = 10.0) -> None:
        """Let what is queued be written.

        Args:
            timeout: How long that is waited for, in seconds.
        """
        thread = self._thread
        if thread is not None:
            self._jobs.put(None)
            thread.join(timeout)
            self._thread = None

    def __repr__(self) -> str:
        where = self._file.path if self._file is not None else "memory"
        return f"<History of run {self.run} in {where}>"


def _prune(entries: list[HistoryEntry]) -> list[HistoryEntry]:
    """Leave the last ones; what was loaded again with equal text gives way before other texts."""
    while len(entries) > KEPT:
        pairs = enumerate(pairwise(entries))
        del entries[next((at for at, (one, two) in pairs if one.digest == two.digest), 0)]
    return entries


def _insisting(job: Callable[[HistoryFile], None], file: HistoryFile) -> None:
    """Do it, again where another kernel was at it for longer than SQLite waits."""
    for _ in range(_TRIES - 1):
        try:
            return job(file)
        except HistoryFileError as error:
            if not error.busy:
                raise
    return job(file)


def _row(entry: HistoryEntry, source: Source) -> Row:
    return Row(
        module_id=entry.module_id,
        run=entry.run,
        generation=entry.generation,
        time=entry.time.isoformat(timespec="microseconds"),
        origin=entry.origin,
        place=source.place,
        digest=entry.digest,
        outcome=entry.outcome,
        leaked=entry.leaked,
        files=source.files,
    )


def _entry(row: Row, file: HistoryFile) -> HistoryEntry:
    return HistoryEntry(
        row.module_id,
        datetime.fromisoformat(row.time),
        row.origin,
        row.digest,
        row.outcome,
        row.generation,
        row.run,
        row.leaked,
        lambda: file.source(row),
    )
