"""`DeadLetter`: an event that could not be handled; `DeadLetters`: the newest ones of an app.

Queues add them. One that is given again is a `Retry`, and stays among them until it was handled.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from itertools import count
from typing import Any, NamedTuple

from .errors import DeadLetterError
from .subscription import Key

_KEPT = 1000


class DeadLetter(NamedTuple):
    """An event that could not be handled.

    Attributes:
        event: The plain name of its class.
        module_id: The module whose method failed.
        error: Why, as one line.
        published: When it was published, in UTC.
        number: What `app.events.retry` and `app.events.drop` find it by.
    """

    event: str
    module_id: str
    method: str
    data: dict[str, Any]
    error: str
    published: datetime
    number: int = 0

    @property
    def key(self) -> Key:
        """What the queue of its subscription is found by."""
        return (self.event, self.module_id, self.method)


class DeadLetters:
    """The newest events that could not be handled, oldest first."""

    def __init__(self) -> None:
        self._kept: dict[int, DeadLetter] = {}
        self._of: Counter[Key] = Counter()
        self._numbers = count(1)

    def add(self, letter: DeadLetter) -> None:
        """Keep one, with a number; the oldest goes if there are too many."""
        number = next(self._numbers)
        self._kept[number] = letter._replace(number=number)
        self._of[letter.key] += 1
        if len(self._kept) > _KEPT:
            self.forget(next(iter(self._kept.values())))

    def find(self, letter: DeadLetter | int) -> DeadLetter:
        """Return the one with a number, or that of an earlier look, as it is now.

        Raises:
            DeadLetterError: If it is not there.
        """
        number: Any = letter.number if isinstance(letter, DeadLetter) else letter
        known = self._kept.get(number) if isinstance(number, int) else None
        if known is not None:
            return known
        said = f"there is no dead letter {number} any more"
        if not isinstance(number, int):
            said = f"{number!r} is no dead letter"
        raise DeadLetterError(said, cure="app.events.dead has those that are kept")

    def note(self, letter: DeadLetter, error: str) -> None:
        """Give one that is still there its newest error."""
        if letter.number in self._kept:
            self._kept[letter.number] = letter._replace(error=error)

    def forget(self, letter: DeadLetter) -> None:
        """Take one out, if it is still there."""
        if self._kept.pop(letter.number, None) is not None:
            self._of[letter.key] -= 1

    def count(self, key: Key) -> int:
        """Return how many there are of a subscription."""
        return self._of[key]

    def all(self) -> tuple[DeadLetter, ...]:
        """Return all of them, oldest first; from any thread."""
        return tuple(self._kept.values())


class Retry:
    """A dead letter that is given to its method once more; its queue says what comes of it.

    Attributes:
        outcome: Done once that is known; why it stays a dead letter, or empty if it was handled.
    """

    def __init__(self, letters: DeadLetters, letter: DeadLetter) -> None:
        self._letters, self._letter = letters, letter
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def handled(self) -> None:
        """Take it out of the dead letters."""
        self._letters.forget(self._letter)
        self._end("")

    def failed(self, error: str) -> None:
        """Note its newest error."""
        self._letters.note(self._letter, error)
        self._end(f"failed again: {error}")

    def left(self, why: str) -> None:
        """Note that its turn did not come, or was cut."""
        self._end(f"was not given to it: {why}")

    def _end(self, why: str) -> None:
        if not self.outcome.done():
            self.outcome.set_result(why)
