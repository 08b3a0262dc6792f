"""`Writer`: a thread that puts events into `app.log` and `errors.jsonl`.

In go events from any thread, at the price of a queue's `put`; out come lines on disk, some
microseconds later. `EventLog` owns one. It is a thread because a log call happens on the event
loop, and a disk may take its time; `close` and the interpreter's end wait for the last line.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import weakref
from pathlib import Path

from .event import Event
from .line import format_line
from .rotate import RotatingFile
from .values import quote

_BATCH = 64 * 1024  # bytes; what one write puts down at most, a longer line excepted


class Writer:
    """Writes events to the two files of a folder; starts its thread with the first event.

    Args:
        folder: Where `app.log` and `errors.jsonl` lie.
        max_bytes: The size after which each is put aside.
        backups: How many of each that were put aside are kept.
    """

    def __init__(self, folder: Path, *, max_bytes: int, backups: int) -> None:
        self.lines = RotatingFile(folder / "app.log", max_bytes=max_bytes, backups=backups)
        self.errors = RotatingFile(folder / "errors.jsonl", max_bytes=max_bytes, backups=backups)
        self.problem = ""
        """Why the last lines could not be written; empty while all is well."""
        self._queue: queue.SimpleQueue[Event | threading.Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._batch = min(_BATCH, max_bytes)
        # Re-entrant: the garbage collector may run a `__del__` that logs, anywhere in here.
        self._disk = threading.RLock()
        self._start = threading.RLock()
        self._closed = False
        _writers.add(self)

    def put(self, event: Event) -> None:
        """Have an event written; after `close`, or in a forked child, right here."""
        with self._start:
            if not self._closed:
                if self._thread is None:
                    self._thread = self._run_thread()
                self._queue.put(event)
                return
        self._write([event])

    def flush(self) -> None:
        """Wait until everything that was put is on disk."""
        done = threading.Event()
        with self._start:
            if self._closed or self._thread is None:
                return
            self._queue.put(done)
        done.wait()

    def close(self) -> None:
        """Write what was put, end the thread and let the files go."""
        with self._start:
            thread, self._thread = self._thread, None
            self._closed = True
            if thread is not None:
                self._queue.put(None)
        if thread is not None:
            thread.join()
        with self._disk:
            self.lines.close()
            self.errors.close()

    def _run_thread(self) -> threading.Thread:
        # A daemon, since a thread that Python waits for holds up the end of notebooks; what
        # waits for the last line is `logging.shutdown`, which closes every handler.
        thread = threading.Thread(target=self._run, name="modframe-log", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        going = True
        while going:
            items = [self._queue.get()]
            while not self._queue.empty() and len(items) < 1000:
                items.append(self._queue.get())
            self._write([item for item in items if isinstance(item, Event)])
            for item in items:
                if isinstance(item, threading.Event):
                    item.set()
            going = None not in items

    def _write(self, events: list[Event]) -> None:
        if not events:  # a batch of nothing but a `flush` proves nothing about the disk
            return
        errors = [event for event in events if event.level in _ERRORS and event.exc_type]
        with self._disk:
            try:
                for data in _batches([format_line(event) for event in events], size=self._batch):
                    self.lines.append(data)
                for data in _batches(
                    [quote(event.to_error()) for event in errors], size=self._batch
                ):
                    self.errors.append(data)
            except Exception as error:  # noqa: BLE001 - a full disk stops no module; it is said
                self._say(error, len(events))
            else:
                self.problem = ""

    def _say(self, error: Exception, count: int) -> None:
        text = f"{type(error).__name__}: {error}"
        if text != self.problem and sys.__stderr__ is not None:
            # Past the cells' stderr, and once per kind: this may happen for every line.
            print(f"modframe: up to {count} log lines not written: {text}", file=sys.__stderr__)
        self.problem = text

    def _after_fork(self) -> None:
        """In a child there is no thread, and the locks are as they happened to be."""
        self._disk = threading.RLock()
        self._start = threading.RLock()
        self._thread = None
        self._closed = True


_ERRORS = frozenset({"ERROR", "CRITICAL"})
_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _batches(lines: list[str], *, size: int) -> list[bytes]:
    """The lines as bytes, put together up to a size."""
    batches: list[bytes] = []
    for line in lines:
        data = line.encode() + b"\n"
        if batches and len(batches[-1]) + len(data) <= size:
            batches[-1] += data
        else:
            batches.append(data)
    return batches


def _after_fork_in_child() -> None:
    for writer in list(_writers):
        writer._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
