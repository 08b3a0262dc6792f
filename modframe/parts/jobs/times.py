"""`Times`: when a periodic task is due: at an interval, or as a cron expression says.

A job asks how long it may sleep, and how many times have come since it last looked. Intervals
follow the monotonic clock, cron expressions the wall clock, which may jump.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ...tasks import TaskSpec

_LOOK = 60.0
"""Seconds after which a cron task looks at the wall clock again, which may have been set."""
_CORRECTION = timedelta(hours=3)
"""A clock that goes back further than this was wrong before; times within it are not repeated."""


class Times(Protocol):
    """When a task is due."""

    @property
    def next(self) -> datetime:
        """The next time, in UTC."""

    def sleep(self) -> float:
        """Return the seconds after which to `look`."""

    def look(self) -> int:
        """Return how many times have come since the last look; the next one is then later."""


def times_of(spec: TaskSpec) -> Times:
    """Return the times of a periodic task, from now on."""
    return Interval(spec.every) if spec.every is not None else Cron(spec.cron, spec.zone)


class Interval:
    """Every so many seconds, whatever a run takes; the first time is one interval from now."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due = time.monotonic() + seconds

    @property
    def next(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.sleep())

    def sleep(self) -> float:
        return max(0.0, self._due - time.monotonic())

    def look(self) -> int:
        late = time.monotonic() - self._due
        if late < 0:
            return 0
        came = 1 + int(late // self._seconds)
        self._due += came * self._seconds
        return came


class Cron:
    """As a cron expression says in its time zone.

    What a change to summer time skips runs right after it, and nothing runs twice in the hour that
    is repeated, unless the expression names every hour. A clock that jumps ahead over several times
    lets the task run once.
    """

    def __init__(self, expression: str, zone: str) -> None:
        from zoneinfo import ZoneInfo  # few modules have such a task

        self._expression, self._zone = expression, ZoneInfo(zone)
        self._last = now_utc()
        self.next = self.after(self._last)

    def after(self, moment: datetime) -> datetime:
        """Return the first time after a moment, in UTC."""
        from cronsim import CronSim

        return next(CronSim(self._expression, moment.astimezone(self._zone))).astimezone(UTC)

    def sleep(self) -> float:
        return min(_LOOK, max(0.0, (self.next - now_utc()).total_seconds()))

    def look(self) -> int:
        now = now_utc()
        came = now >= self.next
        if came or now < self._last - _CORRECTION:
            self._last, self.next = now, self.after(now)
        return int(came)


def now_utc() -> datetime:
    """Return the wall clock's time."""
    return datetime.now(UTC)
