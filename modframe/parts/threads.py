"""Threads and executors: those that a module's code started and left are shut down, or named.

A thread can't be killed. So at a generation's end its `threading.Timer`s are cancelled, executors
on its instances and in its files are shut down, and what still runs after a moment is named.
"""

from __future__ import annotations

import asyncio
import symtable
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import Any

from ..errors import ModframeError
from ..observe import get_framework_logger
from ..runtime.generation import Generation
from ..runtime.ownership import name_of, package_of
from ..runtime.part import Part

_PATIENCE = 1.0
"""Seconds that threads which were told to end get for it."""
_POLL = 0.01


class ThreadsPart(Part[None]):
    """Ends the timers and executors of each generation, and names the threads that run on.

    Args:
        shared: Whether an object is shared with other generations, and so not this one's to end.
    """

    name = "threads"

    def __init__(self, shared: Callable[[object], bool]) -> None:
        self._shared = shared

    @asynccontextmanager
    async def enter(self, generation: Generation) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self._end(generation)

    async def _end(self, generation: Generation) -> None:
        """End what can be ended, and wait a moment for it.

        Raises:
            ModframeError: If threads of the module's run on.
        """
        running = _cancelled_or_running(generation)
        for name, executor in self._executors(generation):
            workers = _workers(executor)
            executor.shutdown(wait=False, cancel_futures=True)
            running |= dict.fromkeys(workers, f"a worker of the executor {name!r}")
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        while running := {one: what for one, what in running.items() if one.is_alive()}:
            if loop.time() >= until:
                names = ", ".join(f"{one.name!r} ({what})" for one, what in running.items())
                raise ModframeError(
                    f"threads of generation {generation.number} still run: {names}",
                    cure="let what stops the module tell them to end; they run on until the "
                    "process ends",
                    subject=generation.module_id,
                )
            await asyncio.sleep(_POLL)

    def _executors(self, generation: Generation) -> Iterator[tuple[str, Executor]]:
        seen = {id(getattr(asyncio.get_running_loop(), "_default_executor", None))}
        for name, value in _owned(generation):
            if isinstance(value, Executor) and id(value) not in seen and not self._shared(value):
                seen.add(id(value))
                yield name, value


def _cancelled_or_running(generation: Generation) -> dict[threading.Thread, str]:
    """The module's threads that live, its timers cancelled."""
    running: dict[threading.Thread, str] = {}
    timers = []
    for thread in threading.enumerate():
        runs = _runs(thread)
        if runs is None or package_of(runs) != generation.package_name:
            continue
        running[thread] = name_of(runs)
        if isinstance(thread, threading.Timer):
            timers.append(name_of(runs))
            thread.cancel()
    if timers:
        get_framework_logger(generation.module_id).info(
            "threading.Timers of generation %d cancelled at its end: %s",
            generation.number, ", ".join(sorted(timers)),
        )  # fmt: skip
    return running


def _runs(thread: threading.Thread) -> Any:
    """The callable that a thread was started for."""
    if isinstance(thread, threading.Timer):
        return thread.function
    if type(thread).run is not threading.Thread.run:
        return type(thread).run
    return getattr(thread, "_target", None)  # gone once it has ended


def _workers(executor: Executor) -> set[threading.Thread]:
    """The threads that an executor works with; one of processes has one that looks after them."""
    workers = set(getattr(executor, "_threads", ()))
    manager = getattr(executor, "_executor_manager_thread", None)
    return workers | ({manager} if manager is not None else set())


def _owned(generation: Generation) -> Iterator[tuple[str, Any]]:
    """What stands on a generation's instances, and in its files unless it was imported there."""
    for instance in (generation.module, *generation.own_services.values()):
        names = getattr(instance, "__dict__", {})
        yield from ((f"self.{name}", value) for name, value in list(names.items()))
    if generation.package is None:
        return
    for file, module in generation.package.modules().items():
        for name, value in list(vars(module).items()):
            if isinstance(value, Executor) and not _imported(generation, file, name):
                yield f"{file}: {name}", value


def _imported(generation: Generation, file: str, name: str) -> bool:
    """Whether a file has a name from an import, so that what it stands for is someone else's."""
    table = symtable.symtable(generation.source.files[file].code, file, "exec")
    try:
        return table.lookup(name).is_imported()
    except KeyError:
        return False
