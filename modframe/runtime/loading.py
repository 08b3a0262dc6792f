"""Runs `load` on a daemon thread with the caller's context, so that a hanging import can time out.

An executor would not do: Python joins its threads at exit, however long they hang.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def on_loader_thread(function: Callable[[], T], *, timeout: float, what: str) -> T:
    """Run ``function`` on a thread of its own and await the outcome.

    Args:
        function: What to run; prints of it land under the cell whose context this is.
        timeout: Seconds after which nobody waits any more; a late outcome is dropped.
        what: Names it in the error.

    Raises:
        TimeoutError: If it took longer.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(put: Callable[[], None]) -> None:
        if not future.done():
            put()

    def run() -> None:
        put: Callable[[], None]
        try:
            put = partial(future.set_result, function())
        except BaseException as error:  # noqa: BLE001  # handed to whoever awaits
            put = partial(future.set_exception, error)
        try:
            loop.call_soon_threadsafe(settle, put)
        except RuntimeError:
            return  # the loop was closed meanwhile: nobody waits any more

    context = copy_context()
    threading.Thread(target=context.run, args=(run,), name="modframe-load", daemon=True).start()
    try:
        return await asyncio.wait_for(future, timeout)
    except TimeoutError:
        raise TimeoutError(
            f"{what} took longer than {timeout:g} s and was left behind; does its body wait for "
            "something?"
        ) from None
