"""What a handle returns outside the app loop: a `Call`, or a `Stream` of an async generator method.

A call has started when its caller gets it. The caller awaits it, takes ``result()`` or cancels it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import Any, TypeVar

from ...html import code, row, state, tag
from ...observe import record_failure
from ...wording import duration, text_after_colon
from ..loop.app_loop import AppLoop
from ..loop.submission import Submission
from ..traces import shorten_traceback
from .not_awaited import NotAwaited

T = TypeVar("T")


class Interrupts:
    """Counts Ctrl-C in a kernel, where an awaiting cell sees it as a cancellation only.

    Process-wide, because signals are; the notebook's hook counts.
    """

    count = 0


class Call(NotAwaited, Coroutine[Any, Any, T]):
    """A service call that runs on the app loop.

    ``await call`` in a cell or in async code, ``call.result()`` in scripts and callbacks,
    ``call.cancel()`` to end it. ``create_task``, ``gather`` and ``wait_for`` take it.
    """

    def __init__(self, app_loop: AppLoop, start: Callable[[], Any], label: str) -> None:
        self._app_loop = app_loop
        self._label = label
        self._steps: Generator[Any, Any, T] | None = None
        self._submission: Submission[T] = app_loop.submit(start)
        self._collected = False  # whether somebody gets its error; else it is logged

    def result(self, timeout: float | None = None) -> T:
        """Wait for the value, at most ``timeout`` seconds; Ctrl-C cancels the call.

        Raises:
            TimeoutError: If the call isn't done in time; it goes on.
            OnAppLoopError: If this is called on the app loop; await the call there.
        """
        try:
            self._app_loop.refuse_here("Call.result()", "await the call instead")
            self._collected = True
            return self._wait(timeout)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                self.cancel()
            shorten_traceback(error)
            raise

    def _wait(self, timeout: float | None) -> T:
        try:
            value: T = self._submission.future.result(timeout)
            return value
        except TimeoutError:
            if self._submission.future.done():
                raise  # the call raised it
            raise TimeoutError(
                f"{self._label} isn't done after {timeout:g} s; it goes on"
            ) from None

    def cancel(self) -> None:
        """Cancel the call; those who wait for it get ``CancelledError``."""
        self._collected = True
        self._submission.cancel()

    def done(self) -> bool:
        """Return whether the call has ended; never waits."""
        return self._submission.future.done()

    def __await__(self) -> Generator[Any, Any, T]:
        self._collected = True
        interrupts = Interrupts.count
        try:
            value: T = yield from asyncio.wrap_future(self._submission.future).__await__()
            return value
        except asyncio.CancelledError:
            self.cancel()
            if Interrupts.count != interrupts:
                raise KeyboardInterrupt from None
            raise
        except BaseException as error:
            shorten_traceback(error)
            raise

    def send(self, value: Any) -> Any:
        """Send a value into the coroutine that awaits this call, as `asyncio.create_task` does."""
        try:
            return self._awaiting().send(value)
        except StopIteration:  # it is done
            raise
        except BaseException as error:
            shorten_traceback(error)
            raise

    def throw(self, *thrown: Any) -> Any:
        """Raise an exception in that coroutine; ``CancelledError`` also cancels the call."""
        try:
            return self._awaiting().throw(*thrown)
        except StopIteration:
            raise
        except BaseException as error:
            shorten_traceback(error)
            raise

    def close(self) -> None:
        """Close that coroutine; the call itself goes on."""
        if self._steps is not None:
            self._steps.close()

    def _awaiting(self) -> Generator[Any, Any, T]:
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps

    def __del__(self) -> None:
        if not getattr(self, "_collected", True):
            label = self._label
            self._submission.future.add_done_callback(
                lambda future: _log_unseen_error(label, future)
            )

    def _state(self) -> str:
        future = self._submission.future
        if not future.done():
            return "running; await it for the value"
        took = duration(self._submission.took)
        error = future.exception()
        if isinstance(error, concurrent.futures.CancelledError):
            return f"cancelled after {took}"
        if error is not None:
            return f"failed after {took} with {type(error).__name__}; await it to see the error"
        return f"done in {took}; await it for the value"

    def __repr__(self) -> str:
        return f"<Call {self._label}: {self._state()}>"

    def _repr_html_(self) -> str:
        word, _, rest = self._state().partition(" ")
        return tag("div", row(code(self._label), " ", state(word.rstrip(";")), " ", rest))


def _log_unseen_error(label: str, future: concurrent.futures.Future[Any]) -> None:
    error = future.exception()
    if error is not None and not isinstance(error, concurrent.futures.CancelledError):
        what = f"{type(error).__name__}{text_after_colon(error)}"
        record_failure("", f"{label} failed, and nobody awaited the call: {what}", error)


class Stream(AsyncIterator[T]):
    """An async generator of a service, iterated outside the app loop; each item is a `Call`."""

    def __init__(
        self, app_loop: AppLoop, start: Callable[[], AsyncIterator[T]], label: str
    ) -> None:
        self._app_loop = app_loop
        self._start = start
        self._label = label
        self._source: Any = None

    def __aiter__(self) -> Stream[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await Call(self._app_loop, self._next, self._label)
        except StopAsyncIteration:
            raise
        except BaseException as error:
            shorten_traceback(error)
            raise

    async def _next(self) -> T:
        if self._source is None:
            self._source = self._start()
        item: T = await self._source.__anext__()
        return item

    async def aclose(self) -> None:
        """End the generator on the app loop."""
        if self._source is not None:
            await Call(self._app_loop, self._source.aclose, self._label)

    def __repr__(self) -> str:
        return f"<Stream {self._label}: iterate it with 'async for'>"
