"""Threads and executors: those that a module's code left running are shut down, or named.

A thread can't be killed. At a generation's end its `threading.Timer`s are cancelled, the executors
on its instances and in its files are shut down, and threads that still run a second later are
named in an error.
"""

from __future__ import annotations

import asyncio
import symtable
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

from ..errors import ModframeError
from ..observe import get_framework_logger
from ..runtime.generation import Generation
from ..runtime.ownership import callable_name, callable_package
from ..runtime.part import Part

_PATIENCE = 1.0
"""Seconds that threads have to end."""
_POLL = 0.01


class ThreadsPart(Part[None]):
    """Ends the timers and executors of each generation, and names the threads that run on.

    An executor for which ``shared`` returns true stays open, since other generations use it.
    """

    name = "threads"

    def __init__(self, shared: Callable[[object], bool]) -> None:
        self._shared = shared

    async def leave(self, generation: Generation) -> None:
        """Cancel timers, shut executors down, and wait for their threads.

        Raises:
            ModframeError: If threads of the module still run; names them.
        """
        running = _cancelled_or_running(generation)
        for name, executor in self._executors(generation):
            workers = _workers(executor)
            executor.shutdown(wait=False, cancel_futures=True)
            running |= dict.fromkeys(workers, f"a worker of the executor {name!r}")
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        while running := {
            thread: target for thread, target in running.items() if thread.is_alive()
        }:
            if loop.time() >= until:
                names = ", ".join(
                    f"{thread.name!r} ({target})" for thread, target in running.items()
                )
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
    """Cancel the module's timers; return its live threads, each with the name of its target."""
    running: dict[threading.Thread, str] = {}
    timers = []
    for thread in threading.enumerate():
        target = _target_of(thread)
        if target is None or callable_package(target) != generation.package_name:
            continue
        running[thread] = callable_name(target)
        if isinstance(thread, threading.Timer):
            timers.append(callable_name(target))
            thread.cancel()
    if timers:
        get_framework_logger(generation.module_id).info(
            "threading.Timers of generation %d cancelled at its end: %s",
            generation.number, ", ".join(sorted(timers)),
        )  # fmt: skip
    return running


def _target_of(thread: threading.Thread) -> Any:
    """Return the callable that a thread runs; ``None`` once it has ended."""
    if isinstance(thread, threading.Timer):
        return thread.function
    if type(thread).run is not threading.Thread.run:
        return type(thread).run
    return getattr(thread, "_target", None)  # deleted when it ends


def _workers(executor: Executor) -> set[threading.Thread]:
    """Return an executor's threads; one of processes has a thread that manages them."""
    workers = set(getattr(executor, "_threads", ()))
    manager = getattr(executor, "_executor_manager_thread", None)
    return workers | ({manager} if manager is not None else set())


def _owned(generation: Generation) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a generation's instances, and the executors its files define."""
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
    """Return whether a file got a name by an import, so that its value belongs to other code."""
    table = symtable.symtable(generation.source.files[file].code, file, "exec")
    try:
        return table.lookup(name).is_imported()
    except KeyError:
        return False
