"""`Gate`: where calls from outside wait while a generation hands over to the next.

Closed by the hand-over of a change; handles and the dispatcher wait at it. Work that a closed gate
waits for passes every gate, or it would wait for itself. A `Work` marks what belongs together: it
begins where a call or request enters the app loop, and the context carries it into tasks, threads
and the calls they make. So a call on the loop pays nothing for it, and the work inside a generation
is looked for only when a gate is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context


class Work:
    """One call, request or task from outside, with all tasks and calls that it starts."""

    __slots__ = ("__weakref__",)

    def give_way(self) -> None:
        """End, if a hand-over need not wait for it; called when a gate closes around it."""


current_work: ContextVar[Work | None] = ContextVar("modframe_work", default=None)


def ensure_work(context: Context | None = None) -> tuple[Work, Context | None]:
    """Return the work of a new task, which begins one if its context has none.

    Args:
        context: The task's context; ``None`` for the current one.

    Returns:
        The work, and the context to run the task in; ``None`` for the current one.
    """
    work = current_work.get() if context is None else context.get(current_work)
    if work is None:
        work = Work()
        context = copy_context() if context is None else context
        context.run(current_work.set, work)
    return work, context


class Gate:
    """The gate of one generation, closed when it is made; a generation without one lets calls pass.

    Args:
        inside: The work that is inside, which the hand-over waits for.
        closed: All closed gates of the app; the gate is among them until it is opened.
    """

    __slots__ = ("_closed", "_opened", "admits")

    def __init__(self, inside: Collection[Work], closed: set[Gate]) -> None:
        self.admits = set(inside)
        self._opened = asyncio.Event()
        self._closed = closed
        closed.add(self)

    @property
    def passes(self) -> bool:
        """Whether the current work may pass: any closed gate waits for it."""
        work = current_work.get()
        return any(work in gate.admits for gate in self._closed)

    def open(self) -> None:
        """Let waiting calls go on, to the generation that is live then."""
        self._closed.discard(self)
        self._opened.set()

    async def wait(self) -> None:
        """Wait until it is open; the hand-over that closed it always opens it."""
        await self._opened.wait()

    def __repr__(self) -> str:
        return f"<Gate: {'open' if self._opened.is_set() else 'closed'}>"


@contextmanager
def admitted(gates: Collection[Gate]) -> Iterator[None]:
    """Let calls made in this block pass the gates, as part of the hand-over."""
    work = Work()
    for gate in gates:
        gate.admits.add(work)
    token = current_work.set(work)
    try:
        yield
    finally:
        current_work.reset(token)
        for gate in gates:
            gate.admits.discard(work)
