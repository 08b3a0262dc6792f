"""What failures of one kind, and of all kinds, may write as time goes on."""

from __future__ import annotations

from datetime import UTC, datetime

from modframe.observe.event import Event
from modframe.observe.storms import BURST, BURST_OF_ALL, KEPT, TOO_MANY, Storms


class Clock:
    """Seconds that a test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


EVENT = Event(datetime.now(UTC), "ERROR", "standard.orders", "lost", {"fingerprint": "a"})


def admitted(storms: Storms, times: int, fingerprint: str = "a") -> int:
    """Return how many of so many failures are written."""
    return sum(storms.admits(fingerprint, "standard.orders") for _ in range(times))


def test_a_kind_may_write_a_burst_and_then_one_every_ten_seconds() -> None:
    """After a rest it may write a burst again."""
    clock = Clock()
    storms = Storms(clock)
    assert admitted(storms, 1000) == BURST
    clock.now += 25
    assert admitted(storms, 1000) == 2
    clock.now += 1000
    assert admitted(storms, 1000) == BURST
    assert admitted(storms, 1000, "b") == BURST


def test_all_kinds_together_have_a_bound() -> None:
    """It fills again by ten a second."""
    clock = Clock()
    storms = Storms(clock)
    assert sum(admitted(storms, 1, str(number)) for number in range(5000)) == BURST_OF_ALL
    clock.now += 3
    assert sum(admitted(storms, 1, str(number)) for number in range(5000)) == 30


def test_numbers_are_taken_once_and_forgotten_kinds_count_for_their_module() -> None:
    """A kind of which none was written, or which made room for another, has no words."""
    storms = Storms(Clock())
    storms.admits("a", "standard.orders")
    storms.note("a", EVENT)
    admitted(storms, BURST + 4)
    assert storms.counting
    [pending] = storms.pending()
    assert (pending.count, pending.fields["fingerprint"]) == (5, "a")
    assert [event.count for event in storms.take()] == [5]
    assert storms.take() == []
    assert not storms.counting
    for number in range(KEPT + BURST_OF_ALL):
        storms.admits(f"kind {number}", "standard.shop")
    [others] = storms.take()
    assert (others.module_id, others.fields["code"]) == ("standard.shop", TOO_MANY)
    assert others.count == KEPT + BURST


def test_modules_that_are_counted_have_a_bound_too() -> None:
    """All further ones count for modframe itself."""
    storms = Storms(Clock())
    for number in range(5000):
        storms.admits(f"kind {number}", f"standard.m{number}")
    events = storms.take()
    assert len(events) < 200
    assert sum(event.count for event in events) == 5000 - BURST_OF_ALL
    assert "modframe.app" in {event.module_id for event in events}
