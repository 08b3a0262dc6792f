"""`Ledger`: what a generation owns, each entry with a name; closing it releases all entries.

The batch enters parts into it; parts and the module's context add what they own. Entries are
released newest first. One that fails doesn't stop the others, and is reported by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

T = TypeVar("T")
Leave = Callable[[BaseException | None], Awaitable[object]]


class Ledger:
    """The entries of one generation, oldest first."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, Leave]] = []

    async def enter(self, name: str, manager: AbstractAsyncContextManager[T]) -> T:
        """Enter a context manager and return its value; closing the ledger leaves it.

        Raises:
            BaseException: What entering raised; no entry is added then.
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
        """Add an entry with the function, sync or async, that releases it."""

        async def leave(_: BaseException | None) -> None:
            outcome = close()
            if hasattr(outcome, "__await__"):
                await outcome

        self._entries.append((name, leave))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the entries, oldest first."""
        return tuple(name for name, _ in self._entries)

    async def close(self, error: BaseException | None = None) -> list[Exception]:
        """Release all entries, newest first; return the errors of those that could not be.

        Context managers get ``error``, that of a failed build.
        """
        faults: list[Exception] = []
        cancelled: asyncio.CancelledError | None = None
        while self._entries:
            _, leave = self._entries.pop()
            try:
                await leave(error)
            except asyncio.CancelledError as stop:
                cancelled = stop  # raised again after the other entries
            except Exception as fault:  # noqa: BLE001  # a failing entry must not stop the others
                if fault is not error:
                    faults.append(fault)
        if cancelled is not None:
            raise cancelled
        return faults

    def __repr__(self) -> str:
        return f"<Ledger: owns {', '.join(self.names) or 'nothing'}>"
