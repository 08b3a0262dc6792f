"""Counting: durations in buckets, series of the last minutes, and bounded labels."""

from __future__ import annotations

import asyncio
import threading
from time import perf_counter

from modframe.observe import OTHER, POINTS, STEP, Durations, Numbers, Requests, Series, Watchdog
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
    assert 0.5 <= points["p95"][-2] <= 1.0
    assert points["p95"][-5:-2] == [4.0, 0.0, 0.0]
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


def test_what_has_no_duration_counts_in_no_mean() -> None:
    """An event stream is a request, and how long it was open says nothing of the others."""
    series = Series()
    series.add(1e6, 2.0, failed=False)
    series.add(1e6, None, failed=True)
    points = series.points(1e6)
    assert (points["counts"][-1], points["errors"][-1], points["mean"][-1]) == (2, 1, 2.0)
    assert set(Series(None).points(1e6)) == {"counts", "errors"}
    assert Series().empty
    series.add(perf_counter(), None, failed=False)
    assert not series.empty


def test_calls_are_counted_in_the_interval_that_they_fell_into() -> None:
    """They are looked at when it is over; looks in between cost nothing and change nothing."""
    numbers, now = Numbers(), 1e6
    good, bad = numbers.calls_of("one", "good"), numbers.calls_of("two", "bad")
    numbers.sample(now)
    good.count += 3
    bad.count += 1
    bad.errors += 1
    numbers.tick(now + STEP - 0.1)
    one, two = (numbers.calls[key].series for key in ("one", "two"))
    assert sum(one.points(now + STEP)["counts"]) == 0
    numbers.tick(now + STEP + 0.1)
    good.count += 2
    numbers.tick(now + 2 * STEP + 0.1)
    assert one.points(now + 2 * STEP)["counts"][-3:] == [3, 2, 0]
    assert two.points(now + 2 * STEP)["counts"][-3:] == [1, 0, 0]
    assert two.points(now + 2 * STEP)["errors"][-3:] == [1, 0, 0]


def test_threads_that_look_at_calls_count_each_once() -> None:
    """The watchdog and snapshots do, at the same time."""
    numbers, stop = Numbers(), threading.Event()
    calls = numbers.calls_of("one", "good")

    def look() -> None:
        while not stop.is_set():
            numbers.facts()

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2000):
        calls.count += 1
    stop.set()
    for thread in threads:
        thread.join()
    assert sum(numbers.facts()["calls"]["counts"]) == 2000
    assert sum(numbers.calls["one"].series.facts()["counts"]) == 2000


def test_the_watchdog_lets_calls_be_looked_at() -> None:
    """It does so while the loop has nothing to do, too."""
    ticked = threading.Event()
    with asyncio.Runner() as runner:
        watchdog = Watchdog(
            runner.get_loop(),
            threading.get_ident(),
            name=lambda frame: None,
            break_out=lambda seconds: None,
            tick=lambda now: ticked.set(),
        )
        watchdog.start()
        assert ticked.wait(60)
        watchdog.stop()
