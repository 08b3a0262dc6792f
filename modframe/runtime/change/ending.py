"""`Ending`: how generations end, replaced or stopped: retired, drained, cut off, closed.

Called by the swap and its transactions, on the app loop. A background task completes even if its
caller is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from ...errors import ModframeError
from ...load import clear_typing_caches
from ...observe import log_event, record_failure
from ..app import App
from ..generation import Generation
from ..record import Unsettled
from ..stragglers import cancel_stragglers
from .graph import stop_waits

T = TypeVar("T")
HEAD_START = 0.02
"""Seconds for the caller and its first requests before the old one closes, which holds the GIL."""


class Ending:
    """Ends the generations of one app.

    Args:
        app: The app.
        hurry: Once set, nothing waits for calls that are still inside.

    Attributes:
        closed: Called with each generation that was closed.
        stopping: Whether the whole app is being stopped, or has been.
    """

    def __init__(self, app: App, *, hurry: asyncio.Event) -> None:
        self.closed: list[Callable[[Generation], None]] = []
        self.stopping = False
        self._app = app
        self._hurry = hurry
        self._patience = app.limits.drain
        self._tasks: set[asyncio.Task[Any]] = set()
        self._due: dict[Generation, asyncio.TimerHandle] = {}

    def at_most(self, seconds: float) -> None:
        """From now on, wait at most ``seconds`` for calls inside a generation that ends."""
        self._patience = min(seconds, self._patience)

    def in_background(self, coro: Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:
        """Start a task that `settled` waits for; its options are those of `AppLoop.spawn`."""
        task = self._app.app_loop.spawn(coro, **options)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def settled(self) -> None:
        """Wait until no background task is left, and every replaced generation was closed."""
        while self._due or self._tasks:
            for old in list(self._due):
                self._drain_due(old)
            await asyncio.wait(set(self._tasks))

    # -- one generation -------------------------------------------------------------------

    async def retire(self, old: Generation) -> None:
        """Stop at once what must not run alongside the next generation."""
        if old.stage in ("retired", "closed"):
            return
        old.stage = "retired"
        self._app.records[old.module_id].retired.append(old)
        for part in self._app.parts.defining("retire"):
            try:
                await part.retire(old)
            except Exception as error:  # noqa: BLE001  # the module's own; its successor starts anyway
                self._note_error(old, error)

    def drain_in_background(self, old: Generation) -> None:
        """Drain and close a replaced generation in a moment; returns at once."""
        loop = self._app.app_loop.loop
        self._due[old] = loop.call_later(HEAD_START, self._drain_due, old)

    def _drain_due(self, old: Generation) -> None:
        self._due.pop(old).cancel()
        _ = self.in_background(self._settle(old), name=f"end {old.package_name}")

    async def _settle(self, old: Generation, *, timeout: float | None = None) -> None:
        """Drain a generation that new calls can't reach any more, and close it."""
        bound = self._patience if timeout is None else timeout
        if not await old.drain(bound, hurry=self._hurry):
            await self._cut_off(old, bound)
        await self.close(old)

    async def _cut_off(self, old: Generation, waited: float) -> None:
        """Tell streams to end, then cancel what is still inside."""
        for part in self._app.parts.defining("end_streams"):
            part.end_streams(old)
        if await old.drain(self._app.limits.farewell, hurry=self._hurry):
            return
        cancelled, left = await cancel_stragglers(old)
        if cancelled:
            names = ", ".join(cancelled)
            log_event(
                old.module_id,
                f"still inside generation {old.number} after {waited:g} s, so cancelled: {names}",
                level=logging.WARNING,
                generation=old.number,
            )
        if left:
            names = ", ".join(left)
            self._note(old, f"{names} of it ignores being cancelled")

    async def close(self, old: Generation) -> None:
        """Close a generation's ledger, and note what would not settle."""
        for fault in await old.ledger.close():
            self._note_error(old, fault)
        old.stage = "closed"
        for notify in self.closed:
            notify(old)
        record = self._app.records[old.module_id]
        if old in record.retired:
            record.retired.remove(old)
        if old.package is not None:
            old.package.forget_text()
        clear_typing_caches()

    def _note_error(self, old: Generation, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        self._note(old, error.message if isinstance(error, ModframeError) else text, error)

    def _note(self, old: Generation, text: str, error: Exception | None = None) -> None:
        text = self._app.secrets.mask(text)
        self._app.records[old.module_id].leave(Unsettled(old.number, text))
        record_failure(
            old.module_id,
            f"generation {old.number} did not stop cleanly: {text}",
            error,
            generation=old.number,
        )

    # -- stop -----------------------------------------------------------------------------

    async def stop_in_order(self, generations: Mapping[str, Generation]) -> dict[str, float]:
        """Stop live generations, dependents first; each leaves Live when its turn comes.

        Returns:
            Module id → the seconds it took.
        """
        return await self._in_order(generations, self._stop)

    async def stop_for_successors(self, olds: Mapping[str, Generation]) -> None:
        """Stop generations that can't run beside their successors, dependents first.

        No call is inside any more. They stay in Live until the successors are published.
        """
        await self._in_order(olds, self._stop_for_successor)

    async def _in_order(
        self,
        generations: Mapping[str, Generation],
        stop: Callable[[Generation], Awaitable[None]],
    ) -> dict[str, float]:
        waits = stop_waits({key: each.spec for key, each in generations.items()})
        done = {key: asyncio.Event() for key in generations}
        seconds: dict[str, float] = {}

        async def stop_after_dependents(key: str, generation: Generation) -> None:
            for dependent in waits[key]:
                await done[dependent].wait()
            began = time.perf_counter()
            await stop(generation)
            seconds[key] = time.perf_counter() - began
            done[key].set()

        await asyncio.gather(*(stop_after_dependents(*item) for item in generations.items()))
        return seconds

    async def _stop_for_successor(self, old: Generation) -> None:
        await self._begin_end(old)
        await self._settle(old, timeout=self._app.limits.handover)

    async def _begin_end(self, old: Generation) -> None:
        """Retire a generation and end its streams, since no successor runs yet."""
        await self.retire(old)
        for part in self._app.parts.defining("end_streams"):
            part.end_streams(old)

    async def _stop(self, generation: Generation) -> None:
        key = generation.module_id
        record = self._app.records[key]
        self._app.live.publish({key: None})
        record.state = "STOPPING"
        self._app.published([key])
        before = len(record.unsettled)
        await self._begin_end(generation)
        await self._settle(generation)
        record.state = "STOPPED"
        if left := record.unsettled[before:]:
            record.state = "FAILED_UNLOAD"
            record.error = ModframeError(
                f"it did not stop cleanly: {'; '.join(map(str, left))}",
                cure="what is named may go on until the process ends",
                subject=key,
            )
