"""`finish`: awaits what mustn't be left half done, such as closing a file, even when cancelled.

Called by `Database`, the wings and what writes files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def finish(work: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """Await to the end even if cancelled meanwhile; the cancellation is raised afterwards."""
    task = work if isinstance(work, asyncio.Future) else asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError as exc:
        if task.cancelled():
            raise
        cancelled = exc
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as exc:
            cancelled = exc
    if not task.cancelled():
        task.exception()
    raise cancelled
