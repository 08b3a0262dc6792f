"""Runs `load` on a daemon thread with the caller's context, so that a hanging import can time out.

A thread that came back waits for the next load; one that hangs is left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from ..worker import Worker

T = TypeVar("T")


class LoaderThreads:
    """The threads that execute module bodies; one, unless loads overlap."""

    def __init__(self) -> None:
        self._idle: list[Worker] = []

    async def run(
        self, function: Callable[[], T], *, timeout: float, what: str, is_late: Callable[[], bool]
    ) -> T:
        """Run ``function`` there and return its outcome; its prints land under the current cell.

        Args:
            function: What to run.
            timeout: Seconds after which ``is_late`` is asked.
            what: Names it in the error.
            is_late: Returns whether the function hangs; if not, it is about to end by itself.

        Raises:
            TimeoutError: If it is late; its outcome is then dropped.
        """
        worker = self._idle.pop() if self._idle else Worker("modframe-load")
        future = worker.call(partial(copy_context().run, function))
        overdue = TimeoutError(
            f"{what} took longer than {timeout:g} s and was left behind; does its body wait "
            "for something?"
        )

        def fail_if_late() -> None:
            if not future.done() and is_late():
                future.set_exception(overdue)

        timer = asyncio.get_running_loop().call_later(timeout, fail_if_late)
        try:
            return await future
        finally:
            timer.cancel()
            if not future.done() or future.cancelled() or future.exception() is overdue:
                worker.close()  # its thread ends after what it runs now
            else:
                self._idle.append(worker)

    def close(self) -> None:
        """Let the threads end."""
        while self._idle:
            self._idle.pop().close()
