"""`Storms`: how many failures of one kind are written, and how many were counted instead.

In go fingerprints, out comes whether a failure is written one by one. Those that aren't cost
neither a traceback nor a line: they are counted, and `take` gives one event for all of a kind, with
their number. `EventLog` owns one. A kind may write `BURST` failures at once and one more every ten
seconds; all kinds together `BURST_OF_ALL` at once and ten more a second.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from .event import Event
from .failure import format_time
from .fingerprint import Fingerprint

BURST = 30
"""Failures of one kind that are written before the first one is counted only."""
BURST_OF_ALL = 1000
"""Failures of all kinds together that are written before the first one is counted only."""
KEPT = 500
"""Kinds that are remembered; of those that are forgotten, the module's number remains."""
TOO_MANY = "TOO_MANY_ERRORS"
"""The code of the entry for failures whose kinds were forgotten, or never written."""
_PER_SECOND, _OF_ALL_PER_SECOND = 0.1, 10.0
_MODULES = 100
_OTHERS = "modframe.app"


class Storms:
    """Limits what failures may write.

    Args:
        clock: Returns seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        now = clock()
        self._all = _Allowance(BURST_OF_ALL, _OF_ALL_PER_SECOND, now)
        self._kinds: OrderedDict[str, _Kind] = OrderedDict()
        self._others: dict[str, _Counted] = {}
        # Re-entrant: the garbage collector may run a `__del__` that fails, anywhere in here.
        self._lock = threading.RLock()

    @property
    def counting(self) -> bool:
        """Whether something was counted that no event says yet."""
        with self._lock:
            return bool(self._others) or any(kind.counted.number for kind in self._kinds.values())

    def admits(self, fingerprint: str, module_id: str) -> bool:
        """Return whether a failure is written; if not, it has been counted."""
        with self._lock:
            now = self._clock()
            kind = self._kinds.get(fingerprint) or self._add(fingerprint, module_id, now)
            self._kinds.move_to_end(fingerprint)
            if kind.allowance.take(now) and self._all.take(now):
                return True
            kind.counted.add(1)
            return False

    def note(self, fingerprint: str, event: Event) -> None:
        """Keep the event of a failure that is written, which speaks for those that aren't."""
        with self._lock:
            if (kind := self._kinds.get(fingerprint)) is not None:
                kind.event = replace(event, traceback="")

    def pending(self) -> list[Event]:
        """Return an event for each kind of which some were counted, and go on counting."""
        with self._lock:
            counted = [kind for kind in self._kinds.values() if kind.counted.number]
            # A kind of which nothing was written has no words: it counts for its module.
            others = {key: one.copy() for key, one in self._others.items()}
            for kind in counted:
                if kind.event is None:
                    self._count_for(others, kind)
            of_kinds = [kind.to_event(kind.event) for kind in counted if kind.event is not None]
            return [*of_kinds, *(one.to_event(key) for key, one in others.items())]

    def take(self) -> list[Event]:
        """Return what `pending` does, and begin to count anew."""
        with self._lock:
            events = self.pending()
            self._others.clear()
            for kind in self._kinds.values():
                kind.counted = _Counted()
            return events

    def forget(self) -> None:
        """Forget what was counted; a forked child leaves it to its parent."""
        self._lock = threading.RLock()
        self._kinds.clear()
        self._others.clear()

    def _add(self, fingerprint: str, module_id: str, now: float) -> _Kind:
        if len(self._kinds) >= KEPT:
            _, oldest = self._kinds.popitem(last=False)
            if oldest.counted.number:
                self._count_for(self._others, oldest)
        kind = self._kinds[fingerprint] = _Kind(module_id, now)
        return kind

    @staticmethod
    def _count_for(others: dict[str, _Counted], kind: _Kind) -> None:
        """Count the failures of a kind for its module alone."""
        key = kind.module_id if kind.module_id in others or len(others) < _MODULES else _OTHERS
        others.setdefault(key, _Counted()).merge(kind.counted)


class _Allowance:
    """What may be written: a number at once, and more as time goes on."""

    __slots__ = ("_at", "_left", "_most", "_per_second")

    def __init__(self, most: int, per_second: float, now: float) -> None:
        self._most, self._per_second = most, per_second
        self._left, self._at = float(most), now

    def take(self, now: float) -> bool:
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class _Counted:
    """A number of failures, and when the first and the last one was, in seconds of the epoch."""

    __slots__ = ("first", "last", "number")

    def __init__(self, number: int = 0, first: float = 0.0, last: float = 0.0) -> None:
        self.number, self.first, self.last = number, first, last

    def add(self, number: int) -> None:
        self.last = time.time()
        self.first = self.first or self.last
        self.number += number

    def merge(self, other: _Counted) -> None:
        self.first = min(filter(None, (self.first, other.first)), default=0.0)
        self.last = max(self.last, other.last)
        self.number += other.number

    def copy(self) -> _Counted:
        return _Counted(self.number, self.first, self.last)

    def to_event(self, module_id: str) -> Event:
        """Return the event of failures of many kinds."""
        fields = {
            "code": TOO_MANY,
            "fingerprint": str(Fingerprint(module_id, TOO_MANY, "", "")),
            "since": _text_of(self.first),
        }
        return Event(
            _time_of(self.last),
            "ERROR",
            module_id,
            f"{self.number} more failures of too many kinds, counted and not written one by one",
            MappingProxyType(fields),
            count=self.number,
        )


class _Kind:
    """The failures of one fingerprint."""

    __slots__ = ("allowance", "counted", "event", "module_id")

    def __init__(self, module_id: str, now: float) -> None:
        self.module_id = module_id
        self.allowance = _Allowance(BURST, _PER_SECOND, now)
        self.counted = _Counted()
        self.event: Event | None = None

    def to_event(self, last_written: Event) -> Event:
        """Return the event of those that were counted, in the words of the last one written."""
        counted = self.counted
        fields = {**last_written.fields, "since": _text_of(counted.first)}
        fields.pop("correlation_id", None)  # that of another request
        return replace(
            last_written,
            time=_time_of(counted.last),
            message=f"{counted.number} more like this, counted and not written one by one: "
            f"{last_written.message}",
            fields=MappingProxyType(fields),
            count=counted.number,
        )


def _time_of(seconds: float) -> datetime:
    time_ = datetime.fromtimestamp(seconds, UTC)
    return time_.replace(microsecond=time_.microsecond // 1000 * 1000)


def _text_of(seconds: float) -> str:
    return format_time(_time_of(seconds))
