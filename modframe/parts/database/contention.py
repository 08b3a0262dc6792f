"""`Contention`: whether transactions on a database met each other lately, and where they queue.

Each `Database` has one. Sessions note conflicts in it; `Transaction` asks it and waits for a turn.
The turn only saves work: what two transactions may do at once is up to the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

RECENT = 1.0
"""Seconds after a conflict in which all transactions wait for a turn."""
LONGEST_TURN = 1.0
"""Seconds after which the next one gets its turn, so that none can wait for itself for ever."""


class Contention:
    """The conflicts of one database. Used on the app loop.

    Attributes:
        commits: How many commits of changes have ended.
    """

    def __init__(self) -> None:
        self.commits = 0
        self._queue = asyncio.Lock()
        self._last: float | None = None

    def note(self) -> None:
        """Note that a session has just met a conflict."""
        self._last = asyncio.get_running_loop().time()

    @property
    def recent(self) -> bool:
        """Whether there was a conflict a short while ago."""
        return self._last is not None and asyncio.get_running_loop().time() - self._last < RECENT

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until no other transaction has its turn; the turn ends with the block.

        A block that takes longer than `LONGEST_TURN` goes on beside the next one.
        """
        await self._queue.acquire()
        held = True

        def give_up() -> None:
            nonlocal held
            if held:
                held = False
                self._queue.release()

        timer = asyncio.get_running_loop().call_later(LONGEST_TURN, give_up)
        try:
            yield
        finally:
            timer.cancel()
            give_up()
