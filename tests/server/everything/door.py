"""The door at which requests wait while a test changes the module that answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping


class Door:
    """Holds what runs on the app loop while a test changes a module."""

    def __init__(self) -> None:
        self.held: list[asyncio.Future[None]] = []
        self.seen: list[str] = []

    async def wait(self) -> None:
        """Wait until it is opened."""
        waiting = asyncio.get_running_loop().create_future()
        self.held.append(waiting)
        await waiting

    async def pass_through(self, headers: Mapping[str, str]) -> None:
        """Wait, if the request says so."""
        if "x-hold" in headers:
            await self.wait()

    def open(self) -> None:
        """Let everything go on that waits; called on any thread."""
        held, self.held = self.held, []
        for one in held:
            one.get_loop().call_soon_threadsafe(_let_go, one)


def _let_go(held: asyncio.Future[None]) -> None:
    if not held.done():
        held.set_result(None)


DOOR = Door()
