"""`Lifespan`: one async context manager that is held open while the app is served.

`Surroundings` enters it before the server accepts a request, and leaves it when the server ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from typing import Any

from ...errors import ModframeError
from ...observe import record_failure
from ...runtime.ownership import callable_name
from .errors import SurroundingsError

MakeLifespan = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]


class Lifespan:
    """Enters and leaves a context manager in one task, as task groups and timeouts demand.

    Args:
        make: Takes the app and returns the context manager. If that yields a mapping, requests
            find its entries in ``request.state``.
    """

    def __init__(self, make: MakeLifespan) -> None:
        self.make = make
        self.name = callable_name(make)
        self.state: Mapping[str, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self._end = asyncio.Event()

    @property
    def entered(self) -> bool:
        """Whether it is held open."""
        return self._task is not None and not self._task.done()

    async def enter(self, app: object) -> None:
        """Enter it, on the app loop; do nothing if it is entered.

        Raises:
            SurroundingsError: If it raises.
        """
        if self.entered:
            return
        self._end = asyncio.Event()
        ready: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(
            self._hold(app, ready), name=f"modframe-lifespan-{self.name}", context=Context()
        )
        self.state = await asyncio.shield(ready)

    async def _hold(self, app: object, ready: asyncio.Future[Mapping[str, Any]]) -> None:
        try:
            async with self.make(app) as state:
                ready.set_result(dict(state or {}))
                await self._end.wait()
        except Exception as error:  # noqa: BLE001  # the caller's code: told to whoever serves, or logged
            if ready.done():
                record_failure("modframe.server", f"the lifespan {self.name}() failed", error)
            else:
                ready.set_exception(_failed(self.name, error))
        finally:
            if not ready.done():
                ready.cancel()

    async def leave(self) -> None:
        """Leave it, if it was entered."""
        self._end.set()
        if self._task is not None:
            await asyncio.wait({self._task})
        self.state = {}

    def __repr__(self) -> str:
        return f"<Lifespan {self.name}: {'entered' if self.entered else 'not entered'}>"


def _failed(name: str, error: Exception) -> SurroundingsError:
    failure = SurroundingsError(
        f"the lifespan {name}() failed with {type(error).__name__}: "
        f"{error.reason if isinstance(error, ModframeError) else error}",
        cure="mend it, then serve again",
    )
    failure.__cause__ = error
    return failure
