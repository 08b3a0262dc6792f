"""`Events`: the event queues of one app; publishing puts an event into those that fit.

The engine makes one, tells it what is live, and ends it. Modules and people reach it by `faces`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from ...errors import EventRefusedError, EventsNotSettledError
from ...events import event_name
from ...observe import Numbers
from ...runtime.generation import Generation
from ...wording import some
from .dead import DeadLetter, DeadLetters, Retry
from .errors import DeadLetterError
from .queue import Envelope, EventQueue
from .subscription import Key, Subscription, data_of

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
        dead: The newest events that could not be handled.
    """

    def __init__(
        self,
        find: Callable[[str], Generation | None],
        *,
        hurry: asyncio.Event,
        numbers: Numbers,
    ) -> None:
        self._hurry, self._numbers = hurry, numbers
        self.dead = DeadLetters()
        self._retries: dict[int, Retry] = {}
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
                    subscription, find=self._find, bury=self.dead.add, numbers=self._numbers
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

    # -- what could not be handled --------------------------------------------------------

    async def retry(self, letter: DeadLetter | int) -> None:
        """Give a dead letter to its method once more, after what waits there, and wait for that.

        Raises:
            DeadLetterError: If there is no such letter or no such method, or it failed again.
        """
        known = self.dead.find(letter)
        retry = self._retries.get(known.number)
        if retry is None or retry.outcome.done():
            queue = self._queue_of(known)
            retry = self._retries[known.number] = Retry(self.dead, known)
            retry.outcome.add_done_callback(lambda _: self._retries.pop(known.number, None))
            queue.add(Envelope(known.data, known.published, retry))
        if why := await asyncio.shield(retry.outcome):
            raise DeadLetterError(
                f"{_label(known)}: the event of {known.published:%Y-%m-%d %H:%M:%S} {why}",
                cure="it is kept: mend the method and retry it again, or drop it with "
                f"app.events.drop({known.number})",
                subject=known.module_id,
            )

    def _queue_of(self, letter: DeadLetter) -> EventQueue:
        """Return the queue of the live method that a letter failed in, by its name.

        Raises:
            DeadLetterError: If there is none.
        """
        queue = self._queues.get(letter.key)
        if queue is not None:
            return queue
        if self._find(letter.module_id) is None:
            said, cure = f"{letter.module_id} is not live", "load it first"
        else:
            said = f"{letter.module_id} no longer has {letter.method}() for {letter.event}"
            cure = "give it such a method again"
        raise DeadLetterError(
            f"{said}, so nobody can get dead letter {letter.number}",
            cure=f"{cure}, or drop it with app.events.drop({letter.number})",
        )

    def drop(self, letter: DeadLetter | int) -> None:
        """Forget a dead letter; if it is being given again, that goes on.

        Raises:
            DeadLetterError: If it is not there.
        """
        self.dead.forget(self.dead.find(letter))

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
                "handled": queue.handled, "failed": queue.failed, "given_up": queue.given_up,
                "dead": self.dead.count((event, owner, method)),
            }
            for (event, owner, method), queue in list(self._queues.items())
            if module_id in (None, owner)
        ]  # fmt: skip


def _label(letter: DeadLetter) -> str:
    return f"{letter.module_id}.{letter.method}() for {letter.event}"
