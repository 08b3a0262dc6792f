"""Events that could not be handled: given again to their method, or dropped."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import DeadLetterError
from modframe.parts.events.dead import DeadLetters
from tests.fakes import simple
from tests.parts.test_events import SHOP, place
from tests.waiting import wait_for

STOCK = simple(
    """
    def __init__(self): self.seen, self.broken = [], True
    @subscribe("standard.shop.Placed", retries=0)
    async def note(self, event):
        self.seen.append(event["number"])
        if self.broken: raise ValueError(f"no {len(self.seen)}")
        while event["number"] == 99 and not go: await asyncio.sleep(0.01)
    def mend(self): self.broken = False
    def facts(self): return self.seen
    """,
    head="import asyncio\nfrom modframe.events import subscribe\nfrom tests_dead_letters import go",
)


def numbers(app: AppContext) -> dict[str, int]:
    """Return the numbers of the one subscription."""
    (one,) = app.events.subscriptions
    return {key: one[key] for key in ("handled", "failed", "given_up", "dead")}


def retry(app: AppContext, letter: Any) -> None:
    again: Any = app.events.retry(letter)
    again.result(20)


def told(app: AppContext, method: str) -> Any:
    return getattr(app.get_service("stock"), method)().result(20)


@pytest.fixture
def go(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return what lets the event 99 go on once there is something in it."""
    go: list[int] = []
    monkeypatch.setitem(sys.modules, "tests_dead_letters", SimpleNamespace(go=go))  # type: ignore[arg-type]
    return go


@pytest.fixture
def stock(app: AppContext, go: list[int]) -> AppContext:
    """Return an app with an event that could not be handled."""
    app.load({"api.py": SHOP}, id="shop")
    app.load({"api.py": STOCK}, id="stock")
    place(app, 1)
    app.events.settled()
    return app


def test_an_event_is_given_again(stock: AppContext) -> None:
    """By its letter or its number; as long as it fails it stays, with its new error."""
    (letter,) = stock.events.dead
    assert (letter.number, letter.error) == (1, "ValueError: no 1")
    with pytest.raises(DeadLetterError, match=r"stock\.note\(\) .* failed again: ValueError: no 2"):
        retry(stock, letter)
    (after,) = stock.events.dead
    assert (after.number, after.error, after.published) == (1, "ValueError: no 2", letter.published)
    assert numbers(stock) == {"handled": 0, "failed": 2, "given_up": 2, "dead": 1}
    told(stock, "mend")
    retry(stock, 1)
    assert stock.events.dead == ()
    assert told(stock, "facts") == [1, 1, 1]
    assert numbers(stock) == {"handled": 1, "failed": 2, "given_up": 2, "dead": 0}
    with pytest.raises(DeadLetterError, match="there is no dead letter 1 any more"):
        retry(stock, letter)


def test_an_event_is_dropped(stock: AppContext) -> None:
    """Nobody gets it any more; the others stay, each with its own number."""
    place(stock, 2)
    stock.events.settled()
    first, second = stock.events.dead
    stock.events.drop(first)
    assert stock.events.dead == (second,)
    assert numbers(stock)["dead"] == 1
    with pytest.raises(DeadLetterError, match="no dead letter 1"):
        stock.events.drop(1)
    with pytest.raises(DeadLetterError, match="'note' is no dead letter"):
        stock.events.drop("note")  # type: ignore[arg-type]  # a mistake
    assert told(stock, "facts") == [1, 2]


def test_who_gets_it_after_a_change(stock: AppContext) -> None:
    """The live method of that name; where there is none the error says so, and the event stays."""
    stock.load({"api.py": f"{STOCK}\n# new"}, id="stock")
    told(stock, "mend")
    retry(stock, 1)
    assert told(stock, "facts") == [1]
    stock.load({"api.py": STOCK}, id="stock")
    place(stock, 2)
    stock.events.settled()
    stock.load({"api.py": STOCK.replace("def note", "def remark")}, id="stock")
    with pytest.raises(DeadLetterError, match=r"no longer has note\(\) for standard\.shop\.Placed"):
        retry(stock, 2)
    stock.modules["stock"].unload()
    with pytest.raises(DeadLetterError, match=r"standard\.stock is not live"):
        retry(stock, 2)
    assert [letter.number for letter in stock.events.dead] == [2]
    stock.load({"api.py": STOCK}, id="stock")
    told(stock, "mend")
    retry(stock, 2)
    assert stock.events.dead == ()


def retry_behind(app: AppContext) -> Any:
    """Ask for the first dead letter once more, behind the event 99, which takes its time."""
    told(app, "mend")
    place(app, 99)
    wait_for(lambda: told(app, "facts")[-1] == 99)
    again = app.events.retry(1)
    wait_for(lambda: app.events.subscriptions[0]["waiting"] == 2)
    return again


def test_it_waits_for_its_turn(stock: AppContext, go: list[int]) -> None:
    """One event at a time; asked for twice it comes once, and settled() waits for it."""
    again = retry_behind(stock)
    twice: Any = stock.events.retry(1)
    place(stock, 3)
    go.append(1)
    again.result(20)
    twice.result(20)
    stock.events.settled()
    assert told(stock, "facts") == [1, 99, 1, 3]


def test_its_module_goes(stock: AppContext, go: list[int]) -> None:
    """That is said, and the event stays; a method that had it already still ends it."""
    again = retry_behind(stock)
    stock.load({"api.py": STOCK.replace("def note", "def remark")}, id="stock")
    with pytest.raises(DeadLetterError, match="was not given to it: the module no longer"):
        again.result(20)
    assert [letter.number for letter in stock.events.dead] == [1]
    go.append(1)


def test_newer_events_take_its_place(stock: AppContext, go: list[int]) -> None:
    """The policy of its subscription holds for it as well; it stays a dead letter."""
    text = STOCK.replace("retries=0", 'retries=0, policy="drop_oldest", capacity=1')
    stock.load({"api.py": text}, id="stock")
    again = retry_behind(stock)
    place(stock, 3)
    go.append(1)
    with pytest.raises(DeadLetterError, match="newer events took its place"):
        again.result(20)
    assert [letter.number for letter in stock.events.dead] == [1]


def test_dropped_while_it_is_given_again(stock: AppContext, go: list[int]) -> None:
    """It goes on, and is nowhere when it has ended."""
    again = retry_behind(stock)
    stock.events.drop(1)
    go.append(1)
    again.result(20)
    assert stock.events.dead == ()
    assert numbers(stock)["dead"] == 0


def test_the_newest_are_kept(stock: AppContext) -> None:
    """A thousand; the oldest go first."""
    letters, letter = DeadLetters(), stock.events.dead[0]
    for _ in range(1001):
        letters.add(letter)
    kept = letters.all()
    assert (len(kept), kept[0].number, kept[-1].number) == (1000, 2, 1001)
