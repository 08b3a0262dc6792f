"""`Durations`: how long things took, counted in buckets, so that many cost as little as few.

In go seconds; out come how many there were, their sum and quantiles. `Numbers` has one for each
thing that is measured.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

BOUNDS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""The upper bounds of the buckets, in seconds; one more bucket has all above."""
FINE: Final = (0.00001, 0.00005, 0.0001, 0.0005, *BOUNDS)
"""The same for what may take microseconds."""


class Durations:
    """Counts durations. One thread adds; any thread may read.

    Attributes:
        bounds: The upper bounds of the buckets, in seconds.
        counts: How many fell into each bucket; one more than there are bounds.
        total: Their sum, in seconds.
        longest: The longest one, in seconds.
    """

    __slots__ = ("bounds", "counts", "longest", "total")

    def __init__(self, bounds: Sequence[float] = BOUNDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds
        if seconds > self.longest:
            self.longest = seconds

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def merge(self, other: Durations) -> None:
        """Count those of another one with the same bounds as well."""
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        self.total += other.total
        self.longest = max(self.longest, other.longest)

    def quantile(self, share: float) -> float:
        """Return the seconds that ``share`` of them took at most, such as 0.95; 0.0 if none.

        It is estimated within its bucket, as Prometheus does, and never above the longest one.

        >>> taken = Durations()
        >>> for _ in range(4): taken.add(0.002)
        >>> taken.quantile(0.5)
        0.00175
        """
        wanted = share * self.count
        if not wanted:
            return 0.0
        before = 0
        for number, bound in enumerate(self.bounds):
            here = self.counts[number]
            if here and before + here >= wanted:
                low = self.bounds[number - 1] if number else 0.0
                return min(low + (bound - low) * (wanted - before) / here, self.longest)
            before += here
        return self.longest

    def __repr__(self) -> str:
        return f"<Durations: {self.count}, {self.total:.3f} s in all>"
