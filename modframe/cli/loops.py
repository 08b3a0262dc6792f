"""`new_loop`: the loop of ``modframe serve``, uvloop's where that is installed.

In a kernel or a script the app loop is asyncio's own: there it runs beside loops of others, and
tools that patch asyncio reach only that one.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop; the extra ``fast`` brings uvloop."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    _show_executor(loop)
    return loop


def _show_executor(loop: Any) -> None:
    """Let the pool of `asyncio.to_thread` be found at the loop as asyncio's is.

    uvloop's is out of reach, and the end of the process must not wait for what a module runs there.
    """
    pool = ThreadPoolExecutor(thread_name_prefix="asyncio")
    loop.set_default_executor(pool)
    loop._default_executor = pool
    shut_down = loop.shutdown_default_executor

    async def shutdown_default_executor(timeout: float | None = None) -> None:
        if loop._default_executor is not None:
            await shut_down(timeout)

    loop.shutdown_default_executor = shutdown_default_executor
