"""Runs `load` on a daemon thread with the caller's context, so that a hanging import can time out.

A thread that came back waits for the next load; one that hangs is left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from ..worker import Worker

T = TypeVar("T")


class LoaderThreads:
    """The threads that execute module bodies; one, unless loads overlap."""

    def __init__(self) -> None:
        self._idle: list[Worker] = []

    async def run(self, function: Callable[[], T], *, timeout: float, what: str) -> T:
        """Run ``function`` there and return its outcome; its prints land under the current cell.

        Raises:
            TimeoutError: If it takes longer than ``timeout`` seconds; a late outcome is dropped.
        """
        worker = self._idle.pop() if self._idle else Worker("modframe-load")
        future = worker.call(partial(copy_context().run, function))
        overdue = TimeoutError(
            f"{what} took longer than {timeout:g} s and was left behind; does its body wait "
            "for something?"
        )
        timer = asyncio.get_running_loop().call_later(timeout, _fail_pending, future, overdue)
        try:
            return await future
        finally:
            timer.cancel()
            if future.cancelled() or future.exception() is overdue:
                worker.close()  # its thread ends after what it runs now
            else:
                self._idle.append(worker)

    def close(self) -> None:
        """Let the threads end."""
        while self._idle:
            self._idle.pop().close()


def _fail_pending(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
