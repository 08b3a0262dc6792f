"""`Events`: the event queues of one app; publishing puts an event into those that fit.

The engine makes one, tells it what is live, and ends it. Modules and people reach it by `faces`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from ...errors import EventRefusedError, EventsNotSettledError
from ...events import event_name
from ...observe import Numbers
from ...runtime.generation import Generation
from ...wording import some
from .queue import DeadLetter, Envelope, EventQueue
from .subscription import Key, Subscription, data_of

_DEAD_KEPT = 1000
_NAME = "events"
_PATIENCE = 5.0
"""Seconds in which a stop delivers the events that still wait."""


class Events:
    """The queues of all subscriptions of what is live.

    Args:
        find: Finds the live generation of a module.
        hurry: Once set, `close` waits for nothing.
        numbers: Counts what is delivered.

    Attributes:
        dead: The newest events that could not be handled, oldest first.
    """

    def __init__(
        self,
        find: Callable[[str], Generation | None],
        *,
        hurry: asyncio.Event,
        numbers: Numbers,
    ) -> None:
        self._hurry, self._numbers = hurry, numbers
        self.dead: deque[DeadLetter] = deque(maxlen=_DEAD_KEPT)
        self._find = find
        self._queues: dict[Key, EventQueue] = {}
        self._by_event: dict[str, tuple[EventQueue, ...]] = {}

    # -- what is live ---------------------------------------------------------------------

    def published(self, module_ids: Iterable[str]) -> None:
        """Follow what is live now of these modules."""
        for module_id in module_ids:
            generation = self._find(module_id)
            subscriptions: tuple[Subscription, ...] = ()
            if generation is not None:
                subscriptions = generation.parts.get(_NAME) or ()
            if subscriptions or self._queues:
                self._follow(module_id, subscriptions)

    def _follow(self, module_id: str, subscriptions: Iterable[Subscription]) -> None:
        wanted = {each.key: each for each in subscriptions}
        for key in [key for key in self._queues if key[1] == module_id and key not in wanted]:
            self._queues.pop(key).close("the module no longer subscribes to them")
        for key, subscription in wanted.items():
            queue = self._queues.get(key)
            if queue is None:
                self._queues[key] = EventQueue(
                    subscription, find=self._find, bury=self.dead.append, numbers=self._numbers
                )
            else:
                queue.follow(subscription)
        by_event: dict[str, list[EventQueue]] = {}
        for (event, _, _), queue in self._queues.items():
            by_event.setdefault(event, []).append(queue)
        self._by_event = {event: tuple(queues) for event, queues in by_event.items()}

    # -- publish --------------------------------------------------------------------------

    async def publish(self, event: object) -> int:
        """Put an event into every queue that takes it; return how many those are.

        Raises:
            EventError: If it is no event.
            EventRefusedError: If a full queue refused it; all others have it.
        """
        data = data_of(event)
        queues = self._by_event.get(event_name(type(event)), ())
        envelope = Envelope(data, datetime.now(UTC))
        refused: list[str] = []
        for queue in queues:
            if not queue.has_room:
                policy = queue.subscription.spec.policy
                if policy == "refuse":
                    refused.append(queue.label)
                    continue
                if policy == "wait":
                    await queue.wait_for_room()
            queue.put(envelope)
        if refused:
            raise EventRefusedError(
                f"the queue is full of {some(refused)}",
                cure="publish later, or choose another policy or a greater capacity",
                subscriptions=tuple(refused),
            )
        return len(queues)

    # -- waiting and ending ---------------------------------------------------------------

    async def settled(self, timeout: float) -> None:
        """Wait until every event that was published was handled or given up.

        Raises:
            EventsNotSettledError: If that takes longer than ``timeout`` seconds; names what waits.
        """
        try:
            async with asyncio.timeout(timeout):
                while waiting := [each for each in self._queues.values() if not each.is_settled]:
                    await waiting[0].settled()
        except TimeoutError:
            names = some([f"{len(each)} of {each.label}" for each in waiting])
            raise EventsNotSettledError(
                f"events still wait after {timeout:g} s: {names}",
                cure="look at the log for a method that fails or never returns",
            ) from None

    async def close(self) -> None:
        """Deliver what waits, for a few seconds at most, and end."""
        with suppress(EventsNotSettledError):  # each queue says what it drops
            await self.settled(0.0 if self._hurry.is_set() else _PATIENCE)
        for queue in self._queues.values():
            queue.close("modframe stopped", cancel=True)
        self._queues.clear()
        self._by_event = {}

    def describe(self, module_id: str | None = None) -> list[dict[str, Any]]:
        """Return the queues, of one module or of all, as JSON-ready facts; from any thread."""
        return [
            {
                "event": event, "module": owner, "method": method,
                "policy": queue.subscription.spec.policy, "waiting": len(queue),
                "handled": queue.handled, "failed": queue.failed, "dead": queue.dead,
            }
            for (event, owner, method), queue in list(self._queues.items())
            if module_id in (None, owner)
        ]  # fmt: skip
