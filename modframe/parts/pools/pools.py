"""`Pools`: the threads and child processes of one generation.

Made by `PoolsPart` when module code first calls ``app_context.tasks``.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import partial
from typing import Any

from ...errors import ModframeError, NotRunningError
from ...runtime.ownership import callable_name, unwrap_callable
from ...worker import Worker
from .process import ChildProcess

_THREADS = min(32, (os.cpu_count() or 1) + 4)
"""How many calls may run in threads at once; the number of `concurrent.futures`."""
_PROCESSES = os.cpu_count() or 1
_PATIENCE = 1.0
"""Seconds that threads have to end."""
_POLL = 0.01


class Pools:
    """Runs functions of one generation in threads and processes, each for one call at a time.

    Args:
        module_id: The module.
        number: The generation's number.
        make_process: Makes a child process for the generation.

    Attributes:
        running: A number for each call in a thread → the name of its function.
        processes: The child processes, idle or not.
    """

    def __init__(
        self, module_id: str, number: int, make_process: Callable[[], ChildProcess]
    ) -> None:
        self.running: dict[int, str] = {}
        self.processes: list[ChildProcess] = []
        self._module_id, self._number = module_id, number
        self._make_process = make_process
        self._calls = 0
        self._idle_threads: list[Worker] = []
        self._thread_turns = asyncio.Semaphore(_THREADS)
        self._process_turns = asyncio.Semaphore(_PROCESSES)
        self._closed = False

    async def thread(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Run a function in a thread; see `PoolTasks.thread`."""
        self._refuse(function, "thread")
        async with self._thread_turns:
            self._refuse_if_closed(function)
            self._calls += 1
            job = partial(self._run, self._calls, partial(function, *args, **kwargs))
            self.running[self._calls] = callable_name(function)
            worker = self._idle_threads.pop() if self._idle_threads else Worker("modframe-thread")
            future = worker.call(partial(copy_context().run, job))
            try:
                return await future
            finally:
                if future.cancelled() or self._closed:
                    worker.close()  # its thread ends after what it runs now
                else:
                    self._idle_threads.append(worker)

    def _run(self, number: int, call: Callable[[], Any]) -> Any:
        try:
            return call()
        finally:
            self.running.pop(number, None)

    async def process(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Run a function in a child process; see `PoolTasks.process`."""
        self._refuse(function, "process")
        async with self._process_turns:
            self._refuse_if_closed(function)
            process = self._idle_process()
            future = process.call(function, args, kwargs)
            try:
                return await future
            finally:
                process.runs = ""
                if future.cancelled() or process.ended:
                    self._end(process)

    def _idle_process(self) -> ChildProcess:
        """Return a process that waits for a call; those that died meanwhile are let go of."""
        for process in [process for process in self.processes if not process.runs]:
            if process.alive:
                return process
            self._end(process)
        process = self._make_process()
        self.processes.append(process)
        return process

    def _end(self, process: ChildProcess) -> None:
        process.end()
        if process in self.processes:  # `close` has ended all of them
            self.processes.remove(process)

    def _refuse(self, function: Any, kind: str) -> None:
        """Refuse what is no function, and coroutine functions.

        Raises:
            TypeError: With what to do.
        """
        if not callable(function):
            raise TypeError(f"tasks.{kind}() takes a function and its arguments, not {function!r}")
        if inspect.iscoroutinefunction(unwrap_callable(function)):
            raise TypeError(
                f"tasks.{kind}() runs ordinary functions, and {callable_name(function)}() is an "
                "`async def`: await it where you are"
            )

    def _refuse_if_closed(self, function: Any) -> None:
        if self._closed:
            raise NotRunningError(
                f"generation {self._number} of {self._module_id} has ended, and can't run "
                f"{callable_name(function)}()",
                cure="call it while the module runs",
            )

    async def close(self) -> None:
        """Kill the processes, and wait a moment for the threads.

        Raises:
            ModframeError: If threads still run; names their functions.
        """
        self._closed = True
        while self.processes:
            self.processes.pop().end()
        while self._idle_threads:
            self._idle_threads.pop().close()
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        while self.running:
            if loop.time() >= until:
                raise ModframeError(
                    f"functions that generation {self._number} runs in threads have not ended: "
                    f"{', '.join(sorted(self.running.values()))}",
                    cure="let what stops the module tell them to end; they run on until the "
                    "process ends",
                    subject=self._module_id,
                )
            await asyncio.sleep(_POLL)
