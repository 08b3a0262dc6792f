"""`Ending`: how generations end, replaced or stopped: drained, stopped, their ledgers closed.

Called by the swap, on the app loop. What it does it does to the end, whoever stops waiting for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextvars import Context
from typing import Any, TypeVar

from ..load import forget_gone
from .generation import Generation
from .graph import stop_waits
from .live import Live
from .loop import AppLoop
from .record import Records

T = TypeVar("T")
_log = logging.getLogger("modframe.swap")


class Ending:
    """Ends the generations of one app.

    Args:
        app_loop: The loop.
        live: Where those that stop are taken out.
        records: Where what would not settle is noted.
        hurry: Once set, nothing waits for calls that are still inside.
        drain_timeout: How long such calls are waited for, in seconds.
        published: Told the ids that left Live.
    """

    def __init__(
        self,
        app_loop: AppLoop,
        live: Live,
        records: Records,
        *,
        hurry: asyncio.Event,
        drain_timeout: float,
        published: Callable[[Iterable[str]], None],
    ) -> None:
        self._app_loop = app_loop
        self._live = live
        self._records = records
        self._hurry = hurry
        self.drain_timeout = drain_timeout
        self._published = published
        self._behind: set[asyncio.Task[Any]] = set()

    def behind(
        self, coro: Coroutine[Any, Any, T], *, name: str = "", context: Context | None = None
    ) -> asyncio.Task[T]:
        """A task that `settled` waits for, whoever started it."""
        task = self._app_loop.spawn(coro, name=name, context=context)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)
        return task

    def retire(self, module_id: str, old: Generation) -> None:
        """Drain and close a generation that was replaced, while whoever replaced it goes on."""
        _ = self.behind(self._settle(module_id, old), name=f"retire {old.package_name}")

    async def _settle(self, module_id: str, old: Generation) -> None:
        """Drain a generation that nobody can reach any more, stop it, close its ledger."""
        if not await old.drain(self.drain_timeout, hurry=self._hurry):
            _log.warning(
                "%s: %d calls were still inside generation %d after %g s; it is closed under them",
                module_id, old.in_flight, old.number, self.drain_timeout,
            )  # fmt: skip
        await self._close(old)

    async def _close(self, old: Generation) -> None:
        record = self._records[old.module_id]
        try:
            await old.ledger.aclose()
        except Exception as error:  # noqa: BLE001  # what a module's stopping raises must not stop the rest
            record.unsettled.append(f"generation {old.number}: {type(error).__name__}: {error}")
            _log.exception("%s: generation %d did not stop cleanly", old.module_id, old.number)
        if old.package is not None:
            old.package.forget_text()
        forget_gone()

    async def settled(self) -> None:
        """Wait until all that goes on behind is through."""
        while self._behind:
            await asyncio.wait(set(self._behind))

    async def stop_in_order(self, generations: Mapping[str, Generation]) -> dict[str, float]:
        """Stop live generations, dependents first; each leaves Live when its turn comes.

        Returns:
            Module id → the seconds it took.
        """
        waits = stop_waits({key: one.spec for key, one in generations.items()})
        done = {key: asyncio.Event() for key in generations}
        took: dict[str, float] = {}

        async def stop(key: str, generation: Generation) -> None:
            for other in waits[key]:
                await done[other].wait()
            began = time.perf_counter()
            await self._stop(key, generation)
            took[key] = time.perf_counter() - began
            done[key].set()

        await asyncio.gather(*(stop(key, one) for key, one in generations.items()))
        return took

    async def _stop(self, key: str, generation: Generation) -> None:
        record = self._records[key]
        self._live.publish({key: None})
        record.state = "STOPPING"
        self._published([key])
        before = len(record.unsettled)
        await self._settle(key, generation)
        record.state = "FAILED_UNLOAD" if len(record.unsettled) > before else "STOPPED"
