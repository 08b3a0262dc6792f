"""`Claims`: which change may touch which modules. A module belongs to one change at a time.

A change claims its modules before it begins, all or none, so that no two changes wait for each
other. A module that it needs later it claims only if that one is free; otherwise the change begins
again and claims it from the start.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass


class GroundMovedError(Exception):
    """Raised when a change has to begin again: what it builds on was replaced, or is claimed.

    Attributes:
        module_ids: The modules that it has to claim before it begins again.
    """

    def __init__(self, module_ids: Iterable[str]) -> None:
        self.module_ids = frozenset(module_ids)
        super().__init__(f"to be claimed first: {', '.join(sorted(self.module_ids))}")


@dataclass(eq=False, slots=True)
class Claim:
    """The modules that one change has claimed or waits for."""

    module_ids: set[str]
    granted: asyncio.Future[None]


class Claims:
    """Grants claims in the order they were made; claims that share no module overlap."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # the loader thread extends claims
        self._held: list[Claim] = []
        self._waiting: list[Claim] = []

    @asynccontextmanager
    async def hold(self, module_ids: Iterable[str]) -> AsyncIterator[Claim]:
        """Wait until all these modules are free, and hold them inside the block."""
        claim = await self.take(module_ids)
        try:
            yield claim
        finally:
            self.release(claim)

    async def take(self, module_ids: Iterable[str]) -> Claim:
        """Claim as `hold` does; the caller has to call `release`."""
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
        """Give the modules back; call it on the app loop."""
        with self._lock:
            for claims in (self._held, self._waiting):
                if claim in claims:
                    claims.remove(claim)
            self._grant()

    def extend(self, claim: Claim, module_id: str) -> bool:
        """Add a module to a claim if it is free; return whether it was. Never waits.

        Any thread may call it.
        """
        with self._lock:
            others = [other for other in (*self._held, *self._waiting) if other is not claim]
            if any(module_id in other.module_ids for other in others):
                return False
            claim.module_ids.add(module_id)
            return True

    def _grant(self) -> None:
        taken = {key for claim in self._held for key in claim.module_ids}
        for claim in list(self._waiting):
            if taken.isdisjoint(claim.module_ids):
                self._waiting.remove(claim)
                self._held.append(claim)
                if not claim.granted.done():
                    claim.granted.set_result(None)
            taken |= claim.module_ids  # a later claim must not overtake this one

    def __repr__(self) -> str:
        return f"<Claims: {len(self._held)} held, {len(self._waiting)} waiting>"
