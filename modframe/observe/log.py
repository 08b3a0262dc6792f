"""`EventLog`: every event of modframe and its modules, in a ring and in files.

In go the records of the loggers in `loggers.TREES`; out come the newest events for views (`tail`),
the recorded failures (`errors`), and the files that `Writer` writes. The app makes one, opens it
first and closes it last.

Of a storm of failures only the first ones become events, as `Storms` has it. The others are
counted, and their numbers become events every ten seconds, and at the end.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..masking import mask_text
from ..names import full_id
from .access import AccessLog
from .event import Event, from_record
from .facts import complete_facts
from .failure import Failure
from .loggers import TREES, correlation_id, log_waiting, module_of_logger
from .reading import LogFiles
from .recorded import RecordedErrors
from .storms import Storms
from .wanted_events import WantedEvents
from .writer import Writer

if TYPE_CHECKING:
    from ..config import FrameworkSettings

_log = logging.getLogger("modframe.observe")
_SOME = 50
"""At least so many lines that wait are written before the newest are read."""
_IN_MEMORY = 1000
"""Failures that are kept where there is no folder."""
_COUNTS_AFTER = 10.0
"""Seconds after which the number of failures that were only counted is written."""


class EventLog:
    """Records every event while it is open; in memory alone if there is no folder.

    Args:
        folder: Where `app.log` and `errors.jsonl` go; nothing is made before the first line.
        ring: How many events `tail` can reach back.
        level: The lowest level that modules log, unless a logger has a level of its own.
        max_bytes: The size after which a file is renamed; ``backups`` renamed files are kept.
        mask: Takes the secrets out of each text of an event, before anybody sees it.
        access: Whether `access.log` gets a line for each request.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        ring: int = 2000,
        level: int | str = logging.INFO,
        max_bytes: int = 10_000_000,
        backups: int = 5,
        mask: Callable[[str], str] = mask_text,
        access: bool = False,
    ) -> None:
        self.folder = folder
        self.access: AccessLog | None = None
        """Takes the lines of answered requests, while it is open; ``None`` if nobody wants them."""
        self.listeners: list[Callable[[Event], None]] = []
        """Called with each event, in the thread that logs; they must not wait."""
        self.on_failure: Callable[[str, int], None] = lambda _module_id, _generation: None
        """Called with module and generation for each failure of one, written or only counted."""
        self.number_of: Callable[[str], int] = lambda _package: 0
        """Returns the number of a private package's generation; 0 if none of it was live."""
        self._newest: deque[Event] = deque(maxlen=ring)
        self._failures: deque[Failure] = deque(maxlen=_IN_MEMORY)
        self._storms = Storms()
        self._timer: threading.Timer | None = None
        self._counts = threading.RLock()  # so that a number is read where it is, and once
        self._events = self._errors = 0
        # Re-entrant: the garbage collector may run a `__del__` that logs, anywhere in here.
        self._lock = threading.RLock()
        self._level = _level_number(level)
        self._mask = mask
        self._wants_access = access
        self._limits = {"max_bytes": max_bytes, "backups": backups}
        self._writer: Writer | None = None
        self._handler: _Handler | None = None
        self._before: list[int] = []
        _logs.add(self)

    @classmethod
    def from_settings(
        cls, data: Path | None, config: FrameworkSettings, *, mask: Callable[[str], str]
    ) -> Self:
        """Return the log of an app with a data folder."""
        return cls(
            data / "logs" if data else None,
            level=config.log_level,
            max_bytes=config.log_max_bytes,
            backups=config.log_backups,
            mask=mask,
            access=config.access_log,
        )

    def open(self) -> Self:
        """Start to listen; does nothing if it is open."""
        if self._handler is None:
            self._writer = Writer(self.folder, **self._limits) if self.folder else None
            self._handler = _Handler(self, self._writer)
            self._before = [logger.level for logger in TREES]
            for logger in TREES:
                logger.addHandler(self._handler)
            self.set_level(self._level)
            self._open_access()
        return self

    def _open_access(self) -> None:
        if self._wants_access and (writer := self._writer) is not None:
            self.access = AccessLog(lambda lines: writer.put_access(lines, self._mask))
        elif self._wants_access:
            _log.warning("MODFRAME_ACCESS_LOG is on, and there is no data folder for access.log")

    def close(self) -> None:
        """Stop listening and put every line on disk; `tail` still answers."""
        log_waiting()
        handler, self._handler = self._handler, None
        if handler is None:
            return
        access, self.access = self.access, None
        if access is not None:
            access.write()
        for logger, level in zip(TREES, self._before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
        handler.close()

    def flush(self) -> None:
        """Wait until every line so far is on disk."""
        log_waiting()
        self._write_counts()
        if self.access is not None:
            self.access.write()
        if self._handler is not None:
            self._handler.flush()

    def set_level(self, level: int | str) -> None:
        """Set the lowest level that modules log, unless a logger has a level of its own.

        Raises:
            ValueError: If there is no such level.
        """
        self._level = _level_number(level)
        if self._handler is not None:
            for logger in TREES:
                logger.setLevel(self._level)

    def tail(self, n: int = 100, module_id: str | None = None) -> tuple[Event, ...]:
        """Return the newest ``n`` events, oldest first; safe from any thread.

        With a ``module_id``, only that module's; an id without a dot means ``standard.``. Right
        after a start of many modules the lines of some of them follow a little later.
        """
        log_waiting(max(n, _SOME) if module_id is None else sys.maxsize)
        with self._lock:
            events = list(self._newest)
        if module_id is not None:
            module_id = full_id(module_id)
            events = [event for event in events if event.module_id == module_id]
        return tuple(events[-n:] if n > 0 else ())

    def newest(self, wanted: WantedEvents, *, lines: int | None = None) -> list[Event]:
        """Return the newest events that are wanted, oldest first: those of earlier runs as well.

        ``lines`` is how many at most, as `WantedEvents.limit` takes it.
        """
        limit = wanted.limit(lines)
        if self.folder is None:
            events = [event for event in self.tail(sys.maxsize) if wanted.takes(event)]
            return events if limit is None else events[max(0, len(events) - limit) :]
        self.flush()
        files = LogFiles(self.folder / "app.log")
        return files.newest(wanted.event_in, limit=limit, enough=wanted.ends_at)[0]

    @property
    def errors(self) -> RecordedErrors:
        """The failures that were recorded, those of earlier runs included."""
        files = LogFiles(self.folder / "errors.jsonl") if self.folder is not None else None
        return RecordedErrors(files, reading=self._reading)

    @contextmanager
    def _reading(self) -> Iterator[list[Failure]]:
        """Yield the failures that no file has; what was counted is not written meanwhile."""
        with self._counts:
            log_waiting()
            if self._handler is not None:
                self._handler.flush()
            counted = [event.to_failure() for event in self._storms.pending()]
            yield [*self._failures, *counted]

    # -- what comes in --------------------------------------------------------------------

    def _take(self, record: logging.LogRecord) -> None:
        """Make the event of a record; a failure that comes too often is only counted."""
        module_id = module_of_logger(record.name)
        is_error = record.levelno >= logging.ERROR
        fingerprint = complete_facts(record, module_id, self.number_of)
        if fingerprint:
            generation = getattr(record, "generation", 0)
            if isinstance(generation, int) and generation:
                self.on_failure(module_id, generation)
            if not self._storms.admits(fingerprint, module_id):
                self._count(is_error=is_error)
                self._write_counts_later()
                return
        event = from_record(record, correlation_id=correlation_id.get(), mask=self._mask)
        if fingerprint:
            self._storms.note(fingerprint, event)
        self._count(is_error=is_error)
        self._add(event)

    def _count(self, *, is_error: bool) -> None:
        with self._lock:
            self._events += 1
            self._errors += is_error

    def _add(self, event: Event) -> None:
        with self._lock:
            self._newest.append(event)
            if self.folder is None and event.is_failure:
                self._failures.append(event.to_failure())
        for listener in self.listeners:
            listener(event)
        if self._writer is not None:
            self._writer.put(event)

    # -- counts of storms -----------------------------------------------------------------

    def _write_counts_later(self) -> None:
        if self._has_timer() or self._handler is None:
            return
        timer = threading.Timer(_COUNTS_AFTER, self._write_counts)
        timer.name, timer.daemon = "modframe-log-counts", True
        with self._lock:
            if self._has_timer():
                return
            self._timer = timer
        try:
            timer.start()
        except RuntimeError:  # the system has no more threads; the end writes the counts
            self._timer = None

    def _has_timer(self) -> bool:
        return self._timer is not None

    def _write_counts(self) -> None:
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        with self._counts:
            for event in self._storms.take():
                self._add(event)

    def describe(self) -> dict[str, Any]:
        return {
            "folder": None if self.folder is None else str(self.folder),
            "open": self._handler is not None,
            "events": self._events,
            "errors": self._errors,
            "level": logging.getLevelName(self._level),
            "problem": self._writer.problem if self._writer else "",
        }

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "open" if self._handler else "closed"
        where = "in memory" if self.folder is None else str(self.folder / "app.log")
        return f"<EventLog {state}: {self._events} events, {self._errors} errors, {where}>"


def _level_number(level: int | str) -> int:
    levels = logging.getLevelNamesMapping()
    if isinstance(level, str):
        if level.upper() not in levels:
            raise ValueError(f"{level!r} is no log level; take one of {', '.join(levels)}")
        return levels[level.upper()]
    return level


class _Handler(logging.Handler):
    """Takes records in the thread that logs; `logging.shutdown` closes it at the latest."""

    def __init__(self, log: EventLog, writer: Writer | None) -> None:
        super().__init__()
        self.writer = writer
        self._log = log

    def createLock(self) -> None:  # noqa: N802 - the name in `logging`
        # `EventLog` and `Writer` have locks of their own. With one more here, `logging.shutdown`
        # would hold it while it waits for the writer's thread, and a `__del__` that logs there
        # would block.
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        log_waiting()
        try:
            self._log._take(record)
        except Exception:  # noqa: BLE001 - a handler's contract: logging never fails the caller
            self.handleError(record)

    def flush(self) -> None:
        if self.writer is not None:
            self.writer.flush()

    def close(self) -> None:
        self._log._write_counts()
        if self.writer is not None:
            self.writer.close()
        super().close()


_logs: weakref.WeakSet[EventLog] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    """Leave what was counted to the parent, whose timer writes it."""
    for log in list(_logs):
        log._storms.forget()
        log._timer, log._counts = None, threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
