"""`Writer`: puts events into `app.log` and `errors.jsonl`, and requests into `access.log`.

It has a thread of its own. In go events from any thread, at the price of a queue's `put`; out come
lines on disk, some microseconds later. `EventLog` owns one. It is a thread because a log call
happens on the event loop, and a disk may take its time; `close` and the interpreter's end wait for
the last line.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ..worker import Worker
from .access import AccessLine, format_access
from .event import Event
from .line import format_line
from .rotate import RotatingFile
from .values import quote

_WRITE_BYTES = 64 * 1024  # the most that one write puts down, a longer line excepted
_WRITE_EVENTS = 1000


class Writer:
    """Writes events to the files of a folder; starts its thread with the first event.

    The size of each file and the number of its backups are limited as in `RotatingFile`.
    """

    def __init__(self, folder: Path, *, max_bytes: int, backups: int) -> None:
        self.lines = RotatingFile(folder / "app.log", max_bytes=max_bytes, backups=backups)
        self.errors = RotatingFile(folder / "errors.jsonl", max_bytes=max_bytes, backups=backups)
        self.access = RotatingFile(folder / "access.log", max_bytes=max_bytes, backups=backups)
        self.problem = ""
        """Why the last lines could not be written; empty if they were."""
        self._worker = Worker("modframe-log")
        self._pending: deque[Event] = deque()
        self._write_bytes = min(_WRITE_BYTES, max_bytes)
        # Re-entrant: the garbage collector may run a `__del__` that logs, anywhere in here.
        self._disk = threading.RLock()
        _writers.add(self)

    def put(self, event: Event) -> None:
        """Have the thread write an event; after `close` and in a forked child, write it here."""
        self._pending.append(event)
        if not self._worker.submit(self._write_pending):
            self._write_pending()

    def put_access(self, lines: Sequence[AccessLine], mask: Callable[[str], str]) -> None:
        """Have the thread write lines of the access log."""

        def write() -> None:
            with self._disk:
                try:
                    self._append(self.access, [format_access(line, mask) for line in lines])
                except Exception as error:  # noqa: BLE001 - a full disk stops no request
                    self._report(error, len(lines))

        if not self._worker.submit(write) and not self._worker.forked:
            write()

    def flush(self) -> None:
        """Wait until everything that was put is on disk."""
        self._worker.flush()

    def close(self) -> None:
        self._worker.close()
        self._worker.join()
        with self._disk:
            self.lines.close()
            self.errors.close()
            self.access.close()

    def _write_pending(self) -> None:
        """Write the events that wait, up to `_WRITE_EVENTS`; each has a job, so all get written."""
        events: list[Event] = []
        with self._disk:
            with suppress(IndexError):  # none waits any more
                while len(events) < _WRITE_EVENTS:
                    events.append(self._pending.popleft())
            if not events:
                return
            errors = [event for event in events if event.is_failure]
            try:
                self._append(self.lines, [format_line(event) for event in events])
                self._append(self.errors, [quote(event.to_failure().to_dict()) for event in errors])
            except Exception as error:  # noqa: BLE001 - a full disk stops no module; it is reported
                self._report(error, len(events))
            else:
                self.problem = ""

    def _append(self, file: RotatingFile, lines: list[str]) -> None:
        """Append lines to a file, in writes of `_WRITE_BYTES` at most."""
        pieces: list[bytes] = []
        size = 0
        for line in lines:
            encoded = line.encode() + b"\n"
            if pieces and size + len(encoded) > self._write_bytes:
                file.append(b"".join(pieces))
                pieces, size = [], 0
            pieces.append(encoded)
            size += len(encoded)
        if pieces:
            file.append(b"".join(pieces))

    def _report(self, error: Exception, count: int) -> None:
        text = f"{type(error).__name__}: {error}"
        if text != self.problem and sys.__stderr__ is not None:
            # Past the cells' stderr, and once per kind: this may happen for every line.
            print(f"modframe: up to {count} log lines not written: {text}", file=sys.__stderr__)
        self.problem = text


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    """Free the locks, and leave what waits to the parent, which writes it."""
    for writer in list(_writers):
        writer._disk = threading.RLock()
        writer._pending.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
