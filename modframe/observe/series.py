"""`Series`: what happened in each of the last intervals of a few seconds, for a small chart.

In go the things that happen; out come `POINTS` numbers of each kind, oldest first. It has no timer:
intervals in which nothing happened are filled in when something does, or when it is read.
"""

from __future__ import annotations

import time
from typing import Any, Final

STEP: Final = 5
"""The length of an interval, in seconds."""
POINTS: Final = 60
"""How many intervals are kept."""


class Series:
    """Counts what happens, how much of it failed and how long it took, interval by interval.

    Times are those of `time.perf_counter`. One thread adds; any thread may read.
    """

    __slots__ = ("_counts", "_errors", "_newest", "_seconds")

    def __init__(self) -> None:
        self._newest = 0
        self._counts, self._errors = [0] * POINTS, [0] * POINTS
        self._seconds = [0.0] * POINTS

    def add(self, now: float, seconds: float, *, failed: bool) -> None:
        """Count one thing that ends now."""
        interval = int(now) // STEP
        if interval != self._newest:
            self._begin(interval)
        at = interval % POINTS
        self._counts[at] += 1
        self._seconds[at] += seconds
        if failed:
            self._errors[at] += 1

    def _begin(self, interval: int) -> None:
        """Empty the intervals since the newest one."""
        for passed in range(max(self._newest + 1, interval - POINTS + 1), interval + 1):
            at = passed % POINTS
            self._counts[at] = self._errors[at] = 0
            self._seconds[at] = 0.0
        self._newest = max(self._newest, interval)

    def facts(self) -> dict[str, Any]:
        """Return the intervals up to now as JSON-ready data.

        Returns:
            ``step``, the seconds of an interval, and what `points` returns.
        """
        return {"step": STEP, **self.points(time.perf_counter())}

    def points(self, now: float) -> dict[str, list[float]]:
        """Return the intervals up to a time, oldest first.

        Returns:
            ``counts``, ``errors``, and ``mean``, the seconds that one took on average.
        """
        last = int(now) // STEP
        counts: list[float] = []
        errors: list[float] = []
        mean: list[float] = []
        for interval in range(last - POINTS + 1, last + 1):
            at = interval % POINTS
            known = self._newest - POINTS < interval <= self._newest
            count = self._counts[at] if known else 0
            counts.append(count)
            errors.append(self._errors[at] if known else 0)
            mean.append(round(self._seconds[at] / count, 6) if count else 0.0)
        return {"counts": counts, "errors": errors, "mean": mean}

    def __repr__(self) -> str:
        return f"<Series: {sum(self._counts)} in {POINTS} intervals of {STEP} s>"
