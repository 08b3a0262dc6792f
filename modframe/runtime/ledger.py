"""`Ledger`: what a generation owns, each entry with a name; closing it settles all of it.

The batch enters parts into it, parts and the context own things through it. Newest out first, and
one that would not settle keeps no other from it: what was left is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

T = TypeVar("T")
Leave = Callable[[BaseException | None], Awaitable[object]]


class Ledger:
    """The entries of one generation, in the order they came."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, Leave]] = []

    async def enter(self, name: str, manager: AbstractAsyncContextManager[T]) -> T:
        """Enter a context manager, which is left when the ledger is closed.

        Raises:
            BaseException: What entering raised; there is no entry then.
        """
        value = await manager.__aenter__()

        async def leave(error: BaseException | None) -> None:
            if error is None:
                await manager.__aexit__(None, None, None)
            else:
                await manager.__aexit__(type(error), error, error.__traceback__)

        self._entries.append((name, leave))
        return value

    def own(self, name: str, close: Callable[[], Any]) -> None:
        """Own something by the function, sync or async, that lets go of it."""

        async def leave(_: BaseException | None) -> None:
            outcome = close()
            if hasattr(outcome, "__await__"):
                await outcome

        self._entries.append((name, leave))

    @property
    def names(self) -> tuple[str, ...]:
        """What is owned, oldest first."""
        return tuple(name for name, _ in self._entries)

    async def close(self, error: BaseException | None = None) -> list[Exception]:
        """Let go of everything, newest first.

        Args:
            error: Why, if a build failed; the parts learn it.

        Returns:
            What would not settle.
        """
        faults: list[Exception] = []
        cancelled: asyncio.CancelledError | None = None
        while self._entries:
            _, leave = self._entries.pop()
            try:
                await leave(error)
            except asyncio.CancelledError as stop:
                cancelled = stop  # the rest is let go of first
            except Exception as fault:  # noqa: BLE001  # one that does not settle must not keep the rest
                if fault is not error:
                    faults.append(fault)
        if cancelled is not None:
            raise cancelled
        return faults

    def __repr__(self) -> str:
        return f"<Ledger: owns {', '.join(self.names) or 'nothing'}>"
