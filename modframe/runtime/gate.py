"""`Gate`: where calls from outside wait while a generation hands over to the next.

Work that a closed gate waits for passes every gate, or it would wait for itself. What belongs
together is told by a `Work`: one begins where a call or request enters the app loop, and goes
along, as a context variable does, into tasks, threads and the calls they make. So a call on the
loop pays nothing for it, and whose work is inside is asked for only when a gate is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, Token, copy_context


class Work:
    """What one call, request or task from outside brought about, however many tasks that takes."""

    __slots__ = ("__weakref__",)


_work: ContextVar[Work | None] = ContextVar("modframe_work", default=None)


def enter_work(work: Work) -> Token[Work | None]:
    """What runs here from now on belongs to that work, until `leave_work`."""
    return _work.set(work)


def leave_work(token: Token[Work | None]) -> None:
    """It belongs to what it belonged to before."""
    _work.reset(token)


def work_in(context: Context | None = None) -> tuple[Work, Context | None]:
    """The work that a task belongs to, which begins with it where there is none yet.

    Args:
        context: The task's; nothing stands for the current one.

    Returns:
        The work, and the context that the task has to run in for it.
    """
    work = _work.get() if context is None else context.get(_work)
    if work is None:
        work = Work()
        context = copy_context() if context is None else context
        context.run(_work.set, work)
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
        work = _work.get()
        return any(work in gate.admits for gate in self._closed)

    def open(self) -> None:
        """Let waiting calls go on, to the generation that is live then."""
        self._closed.discard(self)
        self._opened.set()

    async def wait(self) -> None:
        """Wait until it is open; whoever closed it sees to that."""
        await self._opened.wait()

    def __repr__(self) -> str:
        return f"<Gate: {'open' if self._opened.is_set() else 'closed'}>"


@contextmanager
def admitted(gates: Collection[Gate]) -> Iterator[None]:
    """What runs inside is part of the hand-over, and passes these gates."""
    work = Work()
    for gate in gates:
        gate.admits.add(work)
    token = enter_work(work)
    try:
        yield
    finally:
        leave_work(token)
        for gate in gates:
            gate.admits.discard(work)
