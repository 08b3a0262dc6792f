"""`Claims`: which change may touch which modules. One change a module at a time, first come first.

A change claims what it names before it begins, all or none, so that no two wait for each other.
What it comes upon later it claims only if that is free; else it begins anew and claims it first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass


class GroundMovedError(Exception):
    """Raised when a change has to begin anew, for what it builds upon is another's or has changed.

    Attributes:
        module_ids: What it has to claim first this time.
    """

    def __init__(self, module_ids: Iterable[str]) -> None:
        self.module_ids = frozenset(module_ids)
        super().__init__(f"to be claimed first: {', '.join(sorted(self.module_ids))}")


@dataclass(eq=False, slots=True)
class Claim:
    """What one change has claimed, or waits for."""

    module_ids: set[str]
    granted: asyncio.Future[None]


class Claims:
    """Grants claims in the order they were made, those that don't meet side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # files are loaded, and meet others, on the loader thread
        self._held: list[Claim] = []
        self._waiting: list[Claim] = []

    @asynccontextmanager
    async def hold(self, module_ids: Iterable[str]) -> AsyncIterator[Claim]:
        """Wait until all of them are free, and keep them from others."""
        claim = await self.take(module_ids)
        try:
            yield claim
        finally:
            self.release(claim)

    async def take(self, module_ids: Iterable[str]) -> Claim:
        """As `hold`, for one who calls `release` in the end."""
        claim = Claim(set(module_ids), asyncio.get_running_loop().create_future())
        with self._lock:
            self._waiting.append(claim)
            self._grant()
        try:
            await claim.granted
        except asyncio.CancelledError:
            self.release(claim)
            raise
        return claim

    def release(self, claim: Claim) -> None:
        """Let others have them; on the app loop."""
        with self._lock:
            for place in (self._held, self._waiting):
                if claim in place:
                    place.remove(claim)
            self._grant()

    def extend(self, claim: Claim, module_id: str) -> bool:
        """Add a module to what is held, if it is free; from any thread, without waiting."""
        with self._lock:
            others = [one for one in (*self._held, *self._waiting) if one is not claim]
            if any(module_id in one.module_ids for one in others):
                return False
            claim.module_ids.add(module_id)
            return True

    def _grant(self) -> None:
        taken = {key for one in self._held for key in one.module_ids}
        for claim in list(self._waiting):
            if taken.isdisjoint(claim.module_ids):
                self._waiting.remove(claim)
                self._held.append(claim)
                if not claim.granted.done():
                    claim.granted.set_result(None)
            taken |= claim.module_ids  # who came earlier has it earlier

    def __repr__(self) -> str:
        return f"<Claims: {len(self._held)} held, {len(self._waiting)} waiting>"
