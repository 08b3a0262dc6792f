"""Counting: durations in buckets, series of the last minutes, and bounded labels."""

from __future__ import annotations

from modframe.observe import OTHER, POINTS, STEP, Durations, Requests, Series
from modframe.observe.numbers import MOST_ROUTES


def test_a_quantile_lies_in_its_bucket() -> None:
    """It is estimated within a bucket, and never above the longest."""
    taken = Durations()
    assert taken.quantile(0.95) == 0.0
    for _ in range(95):
        taken.add(0.002)
    for _ in range(5):
        taken.add(100.0)
    assert 0.001 <= taken.quantile(0.5) <= 0.002
    assert taken.quantile(0.99) == 100.0
    assert (taken.count, taken.longest) == (100, 100.0)
    both = Durations()
    both.merge(taken)
    both.merge(taken)
    assert both.count == 200
    assert both.quantile(0.5) == taken.quantile(0.5)


def test_a_series_forgets_what_is_older() -> None:
    """Intervals in which nothing happened are zero, also after more of them than are kept."""
    series = Series()
    assert series.points(1e6)["counts"] == [0] * POINTS
    series.add(1e6, 2.0, failed=True)
    series.add(1e6, 4.0, failed=False)
    series.add(1e6 + 3 * STEP, 1.0, failed=False)
    points = series.points(1e6 + 4 * STEP)
    assert points["counts"][-5:] == [2, 0, 0, 1, 0]
    assert points["errors"][-5:] == [1, 0, 0, 0, 0]
    assert points["mean"][-5:] == [3.0, 0.0, 0.0, 1.0, 0.0]
    later = 1e6 + (POINTS + 2) * STEP
    assert sum(series.points(later)["counts"]) == 1
    series.add(later, 1.0, failed=False)
    assert sum(series.points(later)["counts"]) == 2
    series.add(later + 1000 * STEP, 1.0, failed=False)
    assert sum(series.points(later + 1000 * STEP)["counts"]) == 1


def test_routes_beyond_a_number_are_counted_as_one() -> None:
    """Not even a module whose routes change all the time has series without end."""
    requests = Requests()
    for number in range(MOST_ROUTES + 20):
        requests.add((f"/{number}", "GET", 200), 0.001, now=1.0)
    assert len(requests.answers) == MOST_ROUTES + 1
    assert requests.answers[OTHER, "GET", 200].count == 20
