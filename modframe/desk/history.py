"""`History`: the last sources of each module that went live, with time, origin and outcome.

`Rollbacks` notes each after publish, on the app loop; a thread writes them to ``history.sqlite``,
which several kernels may share. If that file can't be read or written, a warning is logged once,
and the history is kept in memory, as it is where nothing may be stored.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..source.source import Source
from ..worker import Worker
from .history_entry import HistoryEntries, HistoryEntry
from .history_file import HistoryFile, HistoryFileError

KEPT = 20
"""How many sources of a module are kept."""
_TRIES = 3
_PATIENCE = 1.0  # s; how long a reader waits for what is being written
_log = logging.getLogger("modframe.history")


class History:
    """The history of one app's modules, in memory if there is no file.

    ``run`` is an id of this run of the app.
    """

    def __init__(self, file: Path | None) -> None:
        self.run = uuid4().hex[:8]
        self._file = HistoryFile(file, KEPT) if file is not None else None
        self._own: dict[str, list[HistoryEntry]] = {}
        self._noted: dict[str, list[Callable[[], HistoryEntry]]] = {}
        self._written: set[str] = set()
        self._worker = Worker("modframe-history")
        self._errors: Counter[tuple[str, int]] = Counter()
        self._unwritten: set[tuple[str, int]] = set()
        self._said: set[str] = set()
        # Re-entrant: making an entry's line may log, and a failure in the log is counted here.
        self._lock = threading.RLock()

    # -- noting ---------------------------------------------------------------------------

    def note(
        self, source: Source, *, generation: int, outcome: object, written: bool = True
    ) -> None:
        """Add a source that went live; never waits, never raises for what can't be written.

        Args:
            source: The source.
            generation: The number it has in this run.
            outcome: Its text is the line that the swap left. It is asked for that when the entry
                is first read or written, at the latest when its predecessor was closed.
            written: Whether the file gets it too.
        """
        time = datetime.now(UTC)
        position: list[int] = []

        def entry() -> HistoryEntry:
            return HistoryEntry(
                source.module_id,
                time,
                source.origin,
                source.full_digest,
                str(outcome),
                generation,
                self.run,
                errors=self._errors[source.module_id, generation],
                _position=position,
                _read=lambda: source,
            )

        def add(file: HistoryFile) -> None:
            position[:] = [file.add(entry())]

        with self._lock:
            self._noted.setdefault(source.module_id, []).append(entry)
        if written:
            self._written.add(source.module_id)
            self._write(add)

    def _entries_of_run(self, module_id: str) -> list[HistoryEntry]:
        """Return the kept entries of this run; call it under the lock."""
        own = self._own.setdefault(module_id, [])
        own += [entry() for entry in self._noted.pop(module_id, ())]
        return _prune(own)

    def note_leaked(self, module_id: str, generation: int, leaked: Iterable[str]) -> None:
        """Complete the history of a generation of this run, which was closed."""
        if leaks := tuple(leaked):
            self._update(module_id, generation, leaked=leaks)
        else:
            with self._lock:
                self._entries_of_run(module_id)  # makes the noted entries

    def count_error(self, module_id: str, generation: int) -> None:
        """Count a failure of a generation of this run; from any thread, and it never waits."""
        key = (module_id, generation)
        with self._lock:
            self._errors[key] += 1
            waits = key in self._unwritten or module_id not in self._written
            if not waits:
                self._unwritten.add(key)
        if not waits:  # one job writes all errors up to its turn
            self._write(partial(self._write_errors, key))

    def _write_errors(self, key: tuple[str, int], file: HistoryFile) -> None:
        module_id, generation = key
        self._unwritten.discard(key)
        file.update(module_id, self.run, generation, errors=self._errors[key])

    def _update(self, module_id: str, generation: int, **change: Any) -> None:
        with self._lock:
            for at, entry in enumerate(own := self._entries_of_run(module_id)):
                if entry.generation == generation:
                    own[at] = replace(entry, **change)
        if module_id in self._written:
            self._write(lambda file: file.update(module_id, self.run, generation, **change))

    # -- reading --------------------------------------------------------------------------

    def entries(self, module_id: str) -> HistoryEntries:
        """The last sources of a module, newest last, those of other runs included."""
        self._worker.flush(_PATIENCE)  # so that each has its place in the order
        own = list(self.of_this_run(module_id))
        stored = HistoryEntries()
        if (file := self._file) is not None:
            try:
                stored = file.entries(module_id)
            except HistoryFileError as error:
                self._give_up(error)
        self._say_damaged(module_id, stored.damaged)
        others = [entry for entry in stored if entry.run != self.run]
        # What isn't written yet is the newest. The clock may have been set back meanwhile.
        in_order = sorted([*others, *own], key=lambda entry: entry.sequence or sys.maxsize)
        return HistoryEntries(_prune(in_order), damaged=stored.damaged)

    def module_ids(self) -> list[str]:
        """The modules that the file has sources of, those of other runs included, sorted."""
        if self._file is None:
            return sorted({*self._own, *self._noted})
        return self._file.module_ids()

    def of_this_run(self, module_id: str) -> HistoryEntries:
        """The last sources that this run made live, oldest first."""
        with self._lock:
            return HistoryEntries(
                replace(entry, errors=self._errors[module_id, entry.generation])
                for entry in self._entries_of_run(module_id)
            )

    def _say_damaged(self, module_id: str, damaged: Iterable[str]) -> None:
        for text in damaged:
            if text not in self._said:
                self._said.add(text)
                _log.warning("the history of %s: %s", module_id, text)

    # -- writing --------------------------------------------------------------------------

    def _write(self, job: Callable[[HistoryFile], None]) -> None:
        if self._file is not None:
            self._worker.submit(partial(self._write_now, job))

    def _write_now(self, job: Callable[[HistoryFile], None]) -> None:
        """Run a job; again, while another kernel uses the file for longer than SQLite waits."""
        for attempt in range(1, _TRIES + 1):
            if (file := self._file) is None:
                return  # given up: what is queued is in memory already
            try:
                job(file)
                return
            except HistoryFileError as error:
                if not error.busy or attempt == _TRIES:
                    self._give_up(error)

    def _give_up(self, error: HistoryFileError) -> None:
        """Keep it in memory from here on; warn once."""
        with self._lock:
            file, self._file = self._file, None
        if file is not None:
            _log.warning("%s Until the next start it is kept in memory.", error)
            file.close()

    def close(self, *, timeout: float = 10.0) -> None:
        """Write what is queued, and close the file; what is noted afterwards is not written.

        ``timeout`` is how many seconds to wait for that at most.
        """
        if self._written and self._file is not None:
            self._worker.submit(self._file.close)
        self._worker.close()
        self._worker.join(timeout)

    def __repr__(self) -> str:
        where = self._file.path if self._file is not None else "memory"
        return f"<History of run {self.run} in {where}>"


def _prune(entries: list[HistoryEntry]) -> list[HistoryEntry]:
    """Drop entries until `KEPT` remain: those followed by equal text first, then the oldest."""
    while len(entries) > KEPT:
        pairs = enumerate(pairwise(entries))
        repeated = (at for at, (entry, successor) in pairs if entry.digest == successor.digest)
        del entries[next(repeated, 0)]
    return entries
