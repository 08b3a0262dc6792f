"""`Ending`: how generations end, replaced or stopped: retired, drained, cut off, closed.

Called by the swap and its transactions, on the app loop. What it does it does to the end, whoever
stops waiting for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextvars import Context
from typing import Any, TypeVar

from ...errors import ModframeError
from ...load import forget_gone
from ..generation import Generation
from ..live import Live
from ..loop import AppLoop
from ..part import Part
from ..record import Records
from ..stragglers import cut
from .graph import stop_waits
from .outcome import Limits

T = TypeVar("T")
_log = logging.getLogger("modframe.swap")
_AFTER_YOU = 0.002


class Ending:
    """Ends the generations of one app.

    Args:
        app_loop: The loop.
        parts: What generations are made of.
        live: Where those that stop are taken out.
        records: Where what would not settle is noted.
        hurry: Once set, nothing waits for calls that are still inside.
        limits: How long steps may take.
        published: Told the ids that left Live.

    Attributes:
        closed: Those told of each generation that was closed.
    """

    def __init__(
        self,
        app_loop: AppLoop,
        parts: Sequence[Part],
        *,
        live: Live,
        records: Records,
        hurry: asyncio.Event,
        limits: Limits,
        published: Callable[[Iterable[str]], None],
    ) -> None:
        self._app_loop = app_loop
        self._parts = parts
        self._live = live
        self._records = records
        self._hurry = hurry
        self._limits = limits
        self._patience = limits.drain
        self._published = published
        self.closed: list[Callable[[Generation], None]] = []
        self._behind: set[asyncio.Task[Any]] = set()

    def at_most(self, seconds: float) -> None:
        """From now on, wait no longer than that for calls inside a generation that ends."""
        self._patience = min(seconds, self._patience)

    def in_background(
        self, coro: Coroutine[Any, Any, T], *, name: str = "", context: Context | None = None
    ) -> asyncio.Task[T]:
        """A task that `settled` waits for, whoever started it."""
        task = self._app_loop.spawn(coro, name=name, context=context)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)
        return task

    async def settled(self) -> None:
        """Wait until all that goes on behind is through."""
        while self._behind:
            await asyncio.wait(set(self._behind))

    # -- one generation -------------------------------------------------------------------

    async def retire(self, old: Generation) -> None:
        """End at once what must not go on beside a successor."""
        if old.stage in ("retired", "closed"):
            return
        old.stage = "retired"
        self._records[old.module_id].retired.append(old)
        for part in self._parts:
            if type(part).retire is not Part.retire:
                await self._retire(part, old)

    async def _retire(self, part: Part, old: Generation) -> None:
        try:
            await part.retire(old)
        except Exception as error:  # noqa: BLE001  # the module's own: its successor starts all the same
            self._note(old, error)

    def drain_in_background(self, old: Generation) -> None:
        """Drain and close a generation that was replaced, while whoever replaced it goes on."""

        async def drain() -> None:
            # Closing holds the interpreter for a moment, and who waits for the change goes first.
            await asyncio.sleep(_AFTER_YOU)
            await self._settle(old)

        _ = self.in_background(drain(), name=f"end {old.package_name}")

    async def _settle(self, old: Generation, *, timeout: float | None = None) -> None:
        """Drain a generation that nobody can reach any more, and close it."""
        bound = self._patience if timeout is None else timeout
        if not await old.drain(bound, hurry=self._hurry):
            await self._cut_off(old, bound)
        await self.close(old)

    async def _cut_off(self, old: Generation, waited: float) -> None:
        """The deadline has come: streams are told to go, then who is inside is cancelled."""
        for part in self._parts:
            part.end_streams(old)
        if await old.drain(self._limits.farewell, hurry=self._hurry):
            return
        cancelled, left = await cut(old)
        if cancelled:
            _log.warning(
                "%s: still inside generation %d after %g s, so cancelled: %s",
                old.module_id, old.number, waited, ", ".join(cancelled),
            )  # fmt: skip
        if left:
            names = ", ".join(left)
            self._say(old, f"{names} of it ignores being cancelled")

    async def close(self, old: Generation) -> None:
        """Close a generation's ledger, and note what would not settle."""
        for fault in await old.ledger.close():
            self._note(old, fault)
        old.stage = "closed"
        for told in self.closed:
            told(old)
        record = self._records[old.module_id]
        if old in record.retired:
            record.retired.remove(old)
        if old.package is not None:
            old.package.forget_text()
        forget_gone()

    def _note(self, old: Generation, error: Exception) -> None:
        said = f"{type(error).__name__}: {error}"
        if isinstance(error, ModframeError):
            said = error.message
        self._say(old, said, error)

    def _say(self, old: Generation, text: str, error: Exception | None = None) -> None:
        self._records[old.module_id].unsettled.append(f"generation {old.number}: {text}")
        _log.error(
            "%s: generation %d did not stop cleanly: %s",
            old.module_id, old.number, text, exc_info=error,
        )  # fmt: skip

    # -- stop -----------------------------------------------------------------------------

    async def stop_in_order(self, generations: Mapping[str, Generation]) -> dict[str, float]:
        """Stop live generations, dependents first; each leaves Live when its turn comes.

        Returns:
            Module id → the seconds it took.
        """
        return await self._in_order(generations, self._stop)

    async def stop_for_successors(self, olds: Mapping[str, Generation]) -> None:
        """Stop generations whose successors can't run beside them, dependents first.

        No call is inside any more, and Live leads to them until the successors are there.
        """
        await self._in_order(olds, self._stop_for_successor)

    async def _in_order(
        self,
        generations: Mapping[str, Generation],
        stop: Callable[[Generation], Awaitable[None]],
    ) -> dict[str, float]:
        waits = stop_waits({key: one.spec for key, one in generations.items()})
        done = {key: asyncio.Event() for key in generations}
        took: dict[str, float] = {}

        async def end(key: str, generation: Generation) -> None:
            for other in waits[key]:
                await done[other].wait()
            began = time.perf_counter()
            await stop(generation)
            took[key] = time.perf_counter() - began
            done[key].set()

        await asyncio.gather(*(end(key, one) for key, one in generations.items()))
        return took

    async def _stop_for_successor(self, old: Generation) -> None:
        await self._begin_end(old)
        await self._settle(old, timeout=self._limits.handover)

    async def _begin_end(self, old: Generation) -> None:
        """Retire a generation that has no successor yet, beside which streams could be kept."""
        await self.retire(old)
        for part in self._parts:
            part.end_streams(old)

    async def _stop(self, generation: Generation) -> None:
        key = generation.module_id
        record = self._records[key]
        self._live.publish({key: None})
        record.state = "STOPPING"
        self._published([key])
        before = len(record.unsettled)
        await self._begin_end(generation)
        await self._settle(generation)
        record.state = "STOPPED"
        if left := record.unsettled[before:]:
            record.state = "FAILED_UNLOAD"
            record.error = ModframeError(
                f"it did not stop cleanly: {'; '.join(left)}",
                cure="what is named may go on until the process ends",
                subject=key,
            )
