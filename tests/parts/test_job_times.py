"""When periodic tasks are due: intervals, cron expressions, summer time, clocks that are set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from modframe.parts.jobs import times
from modframe.parts.jobs.times import Cron, Interval


class Clock:
    """The wall clock of a test."""

    def __init__(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock("2026-03-01T00:00")
    monkeypatch.setattr(times, "now_utc", clock)
    return clock


def passed(clock: Clock, cron: Cron, *, to: str) -> list[str]:
    """Let the clock go on, as a job's timer does; return the times that came."""
    end, came = datetime.fromisoformat(to).replace(tzinfo=UTC), []
    while clock.now < end:
        clock.now += timedelta(seconds=max(cron.sleep(), 1))
        if cron.look():
            came.append(f"{clock.now:%d %H:%M}")
    return came


def test_cron_in_a_zone(clock: Clock) -> None:
    """Nine in Berlin is eight UTC in winter and seven in summer."""
    clock.now = datetime(2026, 3, 28, tzinfo=UTC)
    cron = Cron("0 9 * * *", "Europe/Berlin")
    assert passed(clock, cron, to="2026-03-30T12:00") == ["28 08:00", "29 07:00", "30 07:00"]


def test_cron_over_summer_time(clock: Clock) -> None:
    """What is skipped in spring runs once, and what is repeated in autumn runs once."""
    clock.now = datetime(2026, 3, 28, 12, tzinfo=UTC)
    cron = Cron("30 2 * * *", "Europe/Berlin")
    assert passed(clock, cron, to="2026-03-30T12:00") == ["29 01:00", "30 00:30"]
    clock.now = datetime(2026, 10, 24, 12, tzinfo=UTC)
    cron = Cron("30 2 * * *", "Europe/Berlin")
    assert len(passed(clock, cron, to="2026-10-25T12:00")) == 1


def test_a_clock_that_is_set_ahead(clock: Clock) -> None:
    """One run does for all times that were jumped over."""
    cron = Cron("0 * * * *", "UTC")
    clock.now += timedelta(hours=5, minutes=1)
    assert cron.sleep() == 0
    assert cron.look() == 1
    assert cron.next == datetime(2026, 3, 1, 6, tzinfo=UTC)


def test_a_clock_that_is_set_back(clock: Clock) -> None:
    """A little: nothing is repeated. By more than three hours: it was wrong before."""
    cron = Cron("0 * * * *", "UTC")
    clock.now += timedelta(hours=1)
    assert cron.look() == 1
    clock.now -= timedelta(minutes=30)
    assert cron.look() == 0
    assert cron.next == datetime(2026, 3, 1, 2, tzinfo=UTC)
    clock.now -= timedelta(days=2)
    assert cron.sleep() == 60
    assert cron.look() == 0
    assert cron.next == datetime(2026, 2, 27, 1, tzinfo=UTC)


def test_an_interval_that_was_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times that were missed are told, and the next one keeps the rhythm."""
    now = [100.0]
    monkeypatch.setattr(times.time, "monotonic", lambda: now[0])
    interval = Interval(10)
    assert interval.sleep() == 10
    now[0] = 109.0
    assert interval.look() == 0
    now[0] = 135.0
    assert interval.look() == 3
    assert interval.sleep() == 5
