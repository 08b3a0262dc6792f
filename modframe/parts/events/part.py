"""`EventsPart`: what a generation subscribes to, read off its classes when it is built."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any, ClassVar

from ...events import SUBSCRIPTIONS
from ...runtime.generation import Generation
from ...runtime.part import Action, Detail, Panel, Part
from .dead import DeadLetter
from .events import Events
from .subscription import Subscription


class EventsPart(Part["tuple[Subscription, ...]"]):
    """Reads the subscriptions of each generation; the app's `Events` follow what is live."""

    name = "events"
    empty_facts: ClassVar[Mapping[str, Any]] = {"subscriptions": [], "dead": []}

    def __init__(self, events: Events) -> None:
        self._events = events

    def applies(self, generation: Generation) -> bool:
        # Most modules have none, and then nothing has imported the decorator.
        return "modframe.events" in sys.modules and any(_subscribed(generation))

    def build(self, generation: Generation) -> tuple[Subscription, ...]:
        """Return the subscriptions.

        Raises:
            EventError: If a method can't take an event.
        """
        return tuple(
            Subscription.of(generation.module_id, name, method, spec)
            for name, method in _subscribed(generation)
            for spec in getattr(method, SUBSCRIPTIONS)
        )

    def describe(self, generation: Generation) -> dict[str, Any]:
        key = generation.module_id
        dead = [_facts_of(letter) for letter in self._events.dead.all() if letter.module_id == key]
        return {"subscriptions": self._events.describe(key), "dead": dead}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        rows = tuple(
            (one["event"], f"{one['method']}()", *(str(one[key]) for key in _COUNTS))
            for one in facts["subscriptions"]
        )
        yield Panel("subscription", ("method", *_COUNTS), rows, live_only=True, tab="Events")
        dead = tuple((one["number"], *(one[key] for key in _LETTER)) for one in facts["dead"])
        yield Detail("dead letter", _LETTER, dead, live_only=True, tab="Events", actions=_ACTIONS)

    def warn(self, generation: Generation, action: str, row: str) -> str:
        """Return what becomes of a dead letter that is dropped."""
        return "The event is forgotten, and nobody gets it any more."

    async def act(self, generation: Generation, action: str, row: str) -> None:
        """Give a dead letter again and wait for what comes of it, or drop it."""
        if action == "Drop":
            self._events.drop(int(row))
        else:
            await self._events.retry(int(row))


_COUNTS = ("waiting", "handled", "failed", "dead")
_LETTER = ("event", "method", "error", "published", "data")
_ACTIONS = (Action("Retry"), Action("Drop", danger=True))
_WIDTH = 300
"""How many characters of a dead letter's data are shown."""


def _facts_of(letter: DeadLetter) -> dict[str, str]:
    data = json.dumps(letter.data, ensure_ascii=False, default=str)
    return {
        "number": str(letter.number),
        "event": letter.event,
        "method": f"{letter.method}()",
        "error": letter.error,
        "published": letter.published.isoformat(timespec="seconds"),
        "data": data if len(data) <= _WIDTH else f"{data[:_WIDTH]}…",
    }


def _subscribed(generation: Generation) -> Iterator[tuple[str, Any]]:
    """Yield name and function of the subscribed methods of service and module class."""
    spec = generation.spec
    service = spec.service.service_class if spec.service else None
    for cls in dict.fromkeys((service, spec.module_class)):
        for base in reversed(cls.__mro__[:-1] if cls is not None else ()):
            for name, value in vars(base).items():
                if isinstance(value, FunctionType) and hasattr(value, SUBSCRIPTIONS):
                    yield name, value
