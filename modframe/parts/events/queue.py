"""`EventQueue`: the events that wait for one subscription, delivered one by one, in order.

It belongs to the app, so it outlives the generations of the module. A task empties it while there
is something in it, and gives each event to the generation that is live then.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar
from datetime import datetime
from typing import Any, NamedTuple

from ...errors import ModframeError, reason_line
from ...observe import Numbers, get_framework_logger, record_failure
from ...runtime.calls.delivery import CutError, pause_after, run_live
from ...runtime.generation import Generation
from ...runtime.loop.bounds import wait_for_any
from .dead import DeadLetter, Retry
from .subscription import Subscription

_handling: ContextVar[EventQueue | None] = ContextVar("modframe_handling", default=None)
"""The queue whose event the current code handles."""


class Envelope(NamedTuple):
    """An event that waits: its data, and when it was published.

    Attributes:
        retry: Of a dead letter that is given again: learns what comes of it.
    """

    data: dict[str, Any]
    published: datetime
    retry: Retry | None = None


class EventQueue:
    """The events that wait for one subscription.

    Args:
        subscription: The subscription; replaced by that of the next generation.
        find: Finds the live generation of a module.
        bury: Keeps an event that could not be handled.
        numbers: Counts what is delivered.

    Attributes:
        handled: How many events were handled. ``failed``: how many attempts failed. ``given_up``:
            how many times an event was given up.
    """

    def __init__(
        self,
        subscription: Subscription,
        *,
        find: Callable[[str], Generation | None],
        bury: Callable[[DeadLetter], None],
        numbers: Numbers,
    ) -> None:
        self.subscription = subscription
        self.handled = self.failed = self.given_up = 0
        self._find = find
        self._bury, self._numbers = bury, numbers
        self._waiting: deque[Envelope] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._generation = 0
        self._room = asyncio.Event()
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def label(self) -> str:
        """What messages call it: ``standard.stock.note() for standard.orders.OrderPlaced``."""
        own = self.subscription
        return f"{own.module_id}.{own.method}() for {own.spec.event}"

    # -- in -------------------------------------------------------------------------------

    @property
    def has_room(self) -> bool:
        """Whether another event may wait."""
        return len(self._waiting) < self.subscription.spec.capacity

    async def wait_for_room(self) -> None:
        """Wait while it is full; code that handles an event of this queue doesn't wait for it."""
        while not self.has_room and _handling.get() is not self:
            self._room.clear()
            await self._room.wait()

    def put(self, envelope: Envelope) -> None:
        """Add an event as the policy says, and begin to deliver if nothing does."""
        spec = self.subscription.spec
        if spec.policy == "drop_oldest":
            while len(self._waiting) >= spec.capacity + bool(self._pump):
                # The first one may be with its method; that one goes on.
                at = 1 if self._pump is not None and len(self._waiting) > 1 else 0
                dropped = self._waiting[at]
                del self._waiting[at]
                _leave(dropped, "newer events took its place in the queue")
        self.add(envelope)

    def add(self, envelope: Envelope) -> None:
        """Add an event, also to a full queue, and begin to deliver if nothing does."""
        self._waiting.append(envelope)
        self._idle.clear()
        self._deliver()

    def follow(self, subscription: Subscription) -> None:
        """Deliver to a new generation of the module from now on; a pause ends."""
        self.subscription = subscription
        self._changed.set()
        self._room.set()
        self._deliver()

    def _deliver(self) -> None:
        if self._pump is None and self._waiting:
            # A context of its own: what publishes neither waits for this nor is waited for.
            loop = asyncio.get_running_loop()
            self._pump = loop.create_task(self._run(), name=self.label, context=Context())
            self._pump.add_done_callback(self._stopped)

    def _stopped(self, pump: asyncio.Task[None]) -> None:
        self._pump = None
        if not pump.cancelled() and (error := pump.exception()) is not None:
            record_failure(self.subscription.module_id, f"{self.label} can't go on", error)
        self._room.set()
        if not self._waiting:
            self._idle.set()

    # -- out ------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Deliver what waits, until nothing does or the module is not live."""
        _handling.set(self)
        failures = 0
        while self._waiting:
            envelope = self._waiting[0]
            self._changed.clear()
            began = time.perf_counter()
            try:
                await self._handle(envelope)
            except CutError:
                if self._find(self.subscription.module_id) is None:
                    return
                continue
            except Exception as error:  # noqa: BLE001  # the module's own; it is recorded
                failures += 1
                self._count(began, failed=True)
                if self._give_up(envelope, error, failures):
                    failures = 0
                else:
                    await wait_for_any(self._changed, timeout=pause_after(failures))
                continue
            failures = 0
            self._count(began, failed=False)
            self._drop_first(envelope)
            if envelope.retry is not None:
                envelope.retry.handled()

    def _count(self, began: float, *, failed: bool) -> None:
        """Count an attempt to handle an event."""
        self.handled += not failed
        self.failed += failed
        self._numbers.happened("events", time.perf_counter() - began, failed=failed)

    def _drop_first(self, envelope: Envelope) -> None:
        if self._waiting and self._waiting[0] is envelope:
            self._waiting.popleft()
        self._room.set()

    async def _handle(self, envelope: Envelope) -> None:
        """Give an event to the live generation, in a task that its end can cancel.

        Raises:
            CutError: If there is none, or the method was cut.
        """
        task = asyncio.get_running_loop().create_task(self._call(envelope), name=self.label)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():
                task.cancel()
                raise
            raise ModframeError(
                f"{self.label} was cancelled", cure="let it handle CancelledError of what it awaits"
            ) from None

    async def _call(self, envelope: Envelope) -> None:
        def handle(generation: Generation) -> Any:
            self._generation = generation.number
            subscription = self.subscription
            return subscription.handler(generation)(subscription.event(envelope.data))

        module_id = self.subscription.module_id
        await run_live(lambda: self._find(module_id), handle, label=self.label)

    def _give_up(self, envelope: Envelope, error: Exception, failures: int) -> bool:
        """Record a failure; return whether the event is given up."""
        own = self.subscription
        unfit = type(error).__module__.startswith("pydantic") and error.__traceback__ is not None
        dead = failures > own.spec.retries
        again = "it is kept in app.events.dead" if dead else "it is given again"
        what = "does not fit" if unfit else "failed"
        record_failure(
            own.module_id,
            f"{own.method}() {what} for an event {own.spec.event}; {again}",
            error,
            generation=self._generation,
        )
        if dead:
            self.given_up += 1
            self._numbers.happened("dead_events", failed=True)
            self._drop_first(envelope)
            self._give_back(envelope, f"{type(error).__name__}: {reason_line(error)}")
        return dead

    def _give_back(self, envelope: Envelope, why: str) -> None:
        """Let an event that failed be a dead letter, or stay the one that it is."""
        if envelope.retry is not None:
            envelope.retry.failed(why)
            return
        own = self.subscription
        self._bury(
            DeadLetter(
                own.spec.event, own.module_id, own.method, envelope.data, why, envelope.published
            )
        )

    # -- waiting --------------------------------------------------------------------------

    async def settled(self) -> None:
        """Wait until every event was handled or given up."""
        await self._idle.wait()

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits and nothing is being handled."""
        return self._idle.is_set()

    def close(self, why: str, *, cancel: bool = False) -> None:
        """Drop the events that still wait; the log says how many.

        The one that is being handled is finished, or with ``cancel`` cancelled.
        """
        if cancel and self._pump is not None:
            self._pump.cancel()
        if left := len(self._waiting):
            get_framework_logger(self.subscription.module_id).warning(
                "%d events %s were not delivered to %s(): %s",
                left, self.subscription.spec.event, self.subscription.method, why,
            )  # fmt: skip
        for envelope in self._waiting:
            _leave(envelope, why)
        self._waiting.clear()
        self._idle.set()
        self._room.set()


def _leave(envelope: Envelope, why: str) -> None:
    """Say of an event that nobody gets any more that it stays a dead letter, if it is one."""
    if envelope.retry is not None:
        envelope.retry.left(why)
