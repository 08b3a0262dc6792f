"""`Gate`: where calls from outside wait while a generation hands over to the next.

Only modules that hand over, or stop first, have one. Work that a closed gate waits for passes
every gate, or it would wait for itself: a context variable says so, which is set for these
modules' calls alone, since setting it costs half a microsecond.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar, Token
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .generation import Generation

_began_behind: ContextVar[tuple[Gate, ...]] = ContextVar("modframe_began_behind", default=())

Pinned = Token[tuple["Gate", ...]]


class Gate:
    """The gate of one generation; open but for the moments of a hand-over."""

    __slots__ = ("__weakref__", "_opened")

    def __init__(self) -> None:
        self._opened: asyncio.Event | None = None

    @property
    def closed(self) -> bool:
        """Whether calls from outside have to wait."""
        return self._opened is not None

    def close(self) -> None:
        """Let calls from outside wait from now on."""
        self._opened = self._opened or asyncio.Event()

    def open(self) -> None:
        """Let those that wait go on, to whatever is live then."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.set()

    async def wait(self) -> None:
        """Wait until it is open; whoever closed it sees to that."""
        while self._opened is not None:
            await self._opened.wait()

    def pin(self) -> Pinned:
        """What runs in this context from now on belongs to what is behind the gate."""
        return _began_behind.set((*_began_behind.get(), self))

    def pin_task(self, context: Context) -> None:
        """The same for a task that is about to start in a context."""
        context.run(self.pin)

    def __repr__(self) -> str:
        return f"<Gate: {'closed' if self.closed else 'open'}>"


def unpin(pinned: Pinned) -> None:
    """The call that was pinned has ended."""
    _began_behind.reset(pinned)


def passes() -> bool:
    """Whether a closed gate waits for the work that runs here."""
    return any(gate.closed for gate in _began_behind.get())


async def enter(find: Callable[[], Generation | None]) -> tuple[Generation | None, Pinned | None]:
    """Pass the gate of what a caller sees: the generation to call, and what to `unpin` after it.

    Args:
        find: The generation that the caller sees now; asked again after each wait.
    """
    while (generation := find()) is not None and (gate := generation.gate) is not None:
        if not gate.closed or passes():
            return generation, gate.pin()
        await gate.wait()
    return generation, None
