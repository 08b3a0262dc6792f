"""`Series`: what happened in each of the last intervals of a few seconds, for a small chart.

In go the things that happen; out come `POINTS` numbers of each kind, oldest first. It has no timer:
intervals in which nothing happened are filled in when something does, or when it is read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from .durations import BOUNDS, Durations

STEP: Final = 5
"""The length of an interval, in seconds."""
POINTS: Final = 60
"""How many intervals are kept."""


class Series:
    """Counts what happens, how much of it failed and how long it took, interval by interval.

    Times are those of `time.perf_counter`. One thread adds; any thread may read.

    Args:
        bounds: The buckets of the durations; ``None`` for what has no duration.
    """

    __slots__ = ("_bounds", "_counts", "_errors", "_mean", "_newest", "_p95", "_taken")

    def __init__(self, bounds: Sequence[float] | None = BOUNDS) -> None:
        self._bounds = bounds
        self._newest = -POINTS  # before the first interval that there can be
        self._counts, self._errors = [0] * POINTS, [0] * POINTS
        if bounds is not None:
            self._mean, self._p95 = [0.0] * POINTS, [0.0] * POINTS
            self._taken = Durations(bounds)  # of the newest interval

    def add(self, now: float, seconds: float | None, *, failed: bool) -> None:
        """Count one thing that ends now; ``seconds`` is ``None`` if it has no duration."""
        self.add_many(now, 1, errors=int(failed))
        if seconds is not None:
            self._taken.add(seconds)

    def add_many(self, now: float, count: int, *, errors: int) -> None:
        """Count several things without durations, of which some failed."""
        interval = int(now) // STEP
        if interval > self._newest:
            self._begin(interval)
        at = interval % POINTS
        self._counts[at] += count
        self._errors[at] += errors

    def _begin(self, interval: int) -> None:
        """Empty the intervals since the newest one, which is over."""
        if self._bounds is not None:
            at = self._newest % POINTS
            self._mean[at], self._p95[at] = _spread(self._taken)
            self._taken = Durations(self._bounds)
        for passed in range(max(self._newest + 1, interval - POINTS + 1), interval + 1):
            at = passed % POINTS
            self._counts[at] = self._errors[at] = 0
            if self._bounds is not None:
                self._mean[at] = self._p95[at] = 0.0
        self._newest = interval

    @property
    def empty(self) -> bool:
        """Whether nothing happened in the intervals up to now."""
        return int(time.perf_counter()) // STEP - self._newest >= POINTS

    def facts(self) -> dict[str, Any]:
        """Return the intervals up to now as JSON-ready data.

        Returns:
            ``step``, the seconds of an interval, and what `points` returns.
        """
        return {"step": STEP, **self.points(time.perf_counter())}

    def points(self, now: float) -> dict[str, list[float]]:
        """Return the intervals up to a time, oldest first.

        Returns:
            ``counts``, ``errors``, and of what has durations ``mean`` and ``p95``, in seconds: how
            long one took on average, and how long 95 of 100 took at most.
        """
        newest, last = self._newest, int(now) // STEP
        points = {
            "counts": _until(last, self._counts, newest),
            "errors": _until(last, self._errors, newest),
        }
        if self._bounds is not None:
            mean, p95 = list(self._mean), list(self._p95)
            mean[newest % POINTS], p95[newest % POINTS] = _spread(self._taken)
            points |= {"mean": _until(last, mean, newest), "p95": _until(last, p95, newest)}
        return points

    def __repr__(self) -> str:
        return f"<Series: {sum(self._counts)} in {POINTS} intervals of {STEP} s>"


def _spread(taken: Durations) -> tuple[float, float]:
    """Return mean and 95th percentile, in seconds."""
    count = taken.count
    return (round(taken.total / count, 6), round(taken.quantile(0.95), 6)) if count else (0.0, 0.0)


def _until(last: int, values: Sequence[float], newest: int) -> list[float]:
    """Return the values of the intervals up to the last one, in which zeros follow the newest."""
    oldest = (newest + 1) % POINTS
    passed = min(max(last - newest, 0), POINTS)
    return [*values[oldest:], *values[:oldest], *([0] * passed)][-POINTS:]
