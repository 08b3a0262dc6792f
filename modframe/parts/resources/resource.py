"""`Resource`: one shared object: which generations use it, how it is made and closed.

Made and kept by the resources part.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from ...errors import ResourceError
from ...runtime.loop.bounds import cancel_all, run_with_timeout
from ...runtime.owner import ResourceTasks, current_resource
from .key import Key

if TYPE_CHECKING:
    from ...runtime.generation import Generation

CLOSE_TIMEOUT = 5.0
"""Seconds that closing a resource may take."""
_POLL = 0.01
_CLOSERS = ("aclose", "close", "shutdown", "dispose")


class Resource:
    """One object that generations of a module share.

    Attributes:
        users: The generations that asked for it and haven't ended.
        since: When it was first asked for, in seconds since the epoch.
        tasks: The tasks that were started while it was made; they end with it.
        made: The object, or what its factory raised.
        maker: The id of the thread that makes it.
        task: The task that makes it, if a coroutine does.
    """

    def __init__(self, key: Key) -> None:
        self.key = key
        self.users: set[Generation] = set()
        self.since = time.time()
        self.tasks = ResourceTasks()
        self.made: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self.maker = threading.get_ident()
        self._leave: Callable[[], Any] | None = None
        self._end = asyncio.Event()
        self._is_context = False
        self.task: asyncio.Task[None] | None = None

    @property
    def value(self) -> Any:
        """The object; ``None`` while it is being made, or if that failed."""
        ready = self.made.done() and self.made.exception() is None
        return self.made.result() if ready else None

    @contextmanager
    def making(self) -> Iterator[None]:
        """Make the tasks that are started inside belong to the resource."""
        mark = current_resource.set(self.tasks)
        try:
            yield
        finally:
            self.tasks.making = False
            current_resource.reset(mark)

    # -- making ---------------------------------------------------------------------------

    def make(self, call: Callable[[], Any]) -> None:
        """Make it on this thread; a failure is stored in `made`."""
        self.tasks.borrowed = True
        try:
            with self.making():
                value = call()
                if isinstance(value, contextlib._GeneratorContextManager):
                    manager, value = value, value.__enter__()
                    self._leave = lambda: manager.__exit__(None, None, None)
            self._refuse_coroutine(value)
        except BaseException as error:  # noqa: BLE001  # raised to all that asked
            self.made.set_exception(error)
        else:
            self.made.set_result(value)

    async def host(self, call: Callable[[], Any]) -> None:
        """Make it on the app loop; a context manager is entered and left in this one task."""
        try:
            async with AsyncExitStack() as stack:
                with self.making():
                    making = call()
                    self._is_context = hasattr(making, "__aenter__")
                    if self._is_context:
                        making = stack.enter_async_context(making)
                    self.made.set_result(await making)
                if self._is_context:
                    del making
                    await self._end.wait()
        except BaseException as error:  # raised to all that asked, or by `close`
            if self.made.done():
                raise
            self.made.set_exception(self._failure(error))

    def _failure(self, error: BaseException) -> BaseException:
        if not isinstance(error, asyncio.CancelledError):
            return error
        return ResourceError(
            f"the resource {self.key.name!r} was not made: its making was cancelled",
            cure="ask for it again",
        )

    def _refuse_coroutine(self, value: Any) -> None:
        if not inspect.iscoroutine(value):
            return
        value.close()
        raise ResourceError(
            f"the factory of resource {self.key.name!r} gave a coroutine",
            cure="give the `async def` function itself, with its arguments beside it",
        )

    # -- ending ---------------------------------------------------------------------------

    async def close(self) -> list[str]:
        """Leave its context manager or call its closing method, end its tasks; return faults."""
        faults = []
        what = f"closing the resource {self.key.name!r}"
        try:
            await run_with_timeout(self._close, CLOSE_TIMEOUT, what=what)
        except Exception as error:  # noqa: BLE001  # it is named, and the next one is closed
            faults.append(str(error) if what in str(error) else f"{what} failed: {error!r}")
        if running := await cancel_all(self.tasks):
            names = ", ".join(sorted(repr(task.get_name()) for task in running))
            faults.append(f"tasks of the resource {self.key.name!r} ignore their end: {names}")
        return faults

    async def _close(self) -> None:
        if self.task is not None:
            await self._end_task(self.task)
        elif not self.made.done():  # a worker thread makes it for a generation that has ended
            await asyncio.wait([asyncio.wrap_future(self.made)])
        if self._leave is not None:
            self._leave()
        elif not self._is_context:
            outcome = _close_by_itself(self.value)
            if hasattr(outcome, "__await__"):
                await outcome

    async def _end_task(self, task: asyncio.Task[None]) -> None:
        self._end.set()
        if not self.made.done():
            task.cancel()
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:  # it takes too long
            task.cancel()
            raise
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def _close_by_itself(value: Any) -> Any:
    """Call an object's closing method, if it has one; return what that returns."""
    if isinstance(value, concurrent.futures.Executor):
        return value.shutdown(wait=False, cancel_futures=True)
    if isinstance(value, type):
        return None
    if isinstance(value, subprocess.Popen):
        return _end_process(value)
    # A process or a pool of them refuses `close`, or goes on with its work.
    names = ("terminate", *_CLOSERS) if hasattr(value, "join") else (*_CLOSERS, "terminate")
    closers = (getattr(value, name, None) for name in names)
    closer = next(filter(callable, closers), None)
    return closer() if closer is not None else None


async def _end_process(process: subprocess.Popen[Any]) -> None:
    """Terminate a process and wait for it; kill it if that takes too long."""
    process.terminate()
    try:
        while process.poll() is None:  # noqa: ASYNC110  # it sets no event
            await asyncio.sleep(_POLL)
    except asyncio.CancelledError:
        process.kill()
        raise
