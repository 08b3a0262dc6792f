"""`Ledger`: what a generation owns, each entry with a name; closing it releases all entries.

The batch enters parts into it; parts and the module's context add what they own. Entries are
released newest first. One that fails doesn't stop the others, and is reported by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

T = TypeVar("T")


class Ledger:
    """The entries of one generation, oldest first."""

    def __init__(self) -> None:
        # A manager to leave, or a function to call. No closures: a start enters thousands.
        self._entries: list[tuple[str, AbstractAsyncContextManager[Any] | Callable[[], Any]]] = []

    async def enter(self, name: str, manager: AbstractAsyncContextManager[T]) -> T:
        """Enter a context manager and return its value; closing the ledger leaves it.

        Raises:
            BaseException: What entering raised; no entry is added then.
        """
        value = await manager.__aenter__()
        self._entries.append((name, manager))
        return value

    def own(self, name: str, close: Callable[[], Any]) -> None:
        """Add an entry with the function, sync or async, that releases it."""
        self._entries.append((name, close))

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
            _, entry = self._entries.pop()
            try:
                await _release(entry, error)
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


async def _release(
    entry: AbstractAsyncContextManager[Any] | Callable[[], Any], error: BaseException | None
) -> None:
    if isinstance(entry, AbstractAsyncContextManager):
        kind, traceback = (type(error), error.__traceback__) if error else (None, None)
        await entry.__aexit__(kind, error, traceback)
    elif hasattr(outcome := entry(), "__await__"):
        await outcome
