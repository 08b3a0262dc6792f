"""`EventLog`: every event of modframe and its modules, in a ring and in files.

In go the records of the loggers in `loggers.TREES`; out come the newest events for views (`tail`)
and the files that `Writer` writes. The app makes one, opens it first and closes it last.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..masking import mask_text
from ..names import full_id
from .event import Event, from_record
from .loggers import TREES, correlation_id, log_waiting
from .writer import Writer

if TYPE_CHECKING:
    from ..config import FrameworkSettings

_SOME = 50
"""At least so many lines that wait are written before the newest are read."""


class EventLog:
    """Records every event while it is open; in memory alone if there is no folder.

    Args:
        folder: Where `app.log` and `errors.jsonl` go; nothing is made before the first line.
        ring: How many events `tail` can reach back.
        level: The lowest level that modules log, unless a logger has a level of its own.
        max_bytes: The size after which a file is renamed; ``backups`` renamed files are kept.
        mask: Takes the secrets out of each text of an event, before anybody sees it.
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
    ) -> None:
        self.folder = folder
        self.listeners: list[Callable[[Event], None]] = []
        """Called with each event, in the thread that logs; they must not wait."""
        self._newest: deque[Event] = deque(maxlen=ring)
        self._events = self._errors = 0
        # Re-entrant: the garbage collector may run a `__del__` that logs, anywhere in here.
        self._lock = threading.RLock()
        self._level = _level_number(level)
        self._mask = mask
        self._limits = {"max_bytes": max_bytes, "backups": backups}
        self._writer: Writer | None = None
        self._handler: _Handler | None = None
        self._before: list[int] = []

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
        )

    def open(self) -> Self:
        """Start to listen; does nothing if it is open."""
        if self._handler is None:
            self._writer = Writer(self.folder, **self._limits) if self.folder else None
            self._handler = _Handler(self._add, self._writer, self._mask)
            self._before = [logger.level for logger in TREES]
            for logger in TREES:
                logger.addHandler(self._handler)
            self.set_level(self._level)
        return self

    def close(self) -> None:
        """Stop listening and put every line on disk; `tail` still answers."""
        log_waiting()
        handler, self._handler = self._handler, None
        if handler is None:
            return
        for logger, level in zip(TREES, self._before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
        handler.close()

    def flush(self) -> None:
        """Wait until every line so far is on disk."""
        log_waiting()
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

    def _add(self, event: Event, *, is_error: bool) -> None:
        with self._lock:
            self._newest.append(event)
            self._events += 1
            self._errors += is_error
        for listener in self.listeners:
            listener(event)

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

    def __init__(
        self, add: Callable[..., None], writer: Writer | None, mask: Callable[[str], str]
    ) -> None:
        super().__init__()
        self.writer = writer
        self._add, self._mask = add, mask

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
            event = from_record(record, correlation_id=correlation_id.get(), mask=self._mask)
            self._add(event, is_error=record.levelno >= logging.ERROR)
            if self.writer is not None:
                self.writer.put(event)
        except Exception:  # noqa: BLE001 - a handler's contract: logging never fails the caller
            self.handleError(record)

    def flush(self) -> None:
        if self.writer is not None:
            self.writer.flush()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        super().close()
