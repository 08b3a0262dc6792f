"""Threads, and objects that have some: those that a module's code left open are ended, or named.

A thread can't be killed. At a generation's end its `threading.Timer`s are cancelled, and what is
known of on its instances and in its files is closed: executors, pools of ``multiprocessing``, and
contexts of ``zmq`` with their sockets, whose finalizers would block whatever thread drops them.
Threads that still run a second later are named in an error.
"""

from __future__ import annotations

import asyncio
import symtable
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Any, ClassVar

from ..errors import ModframeError
from ..observe import get_framework_logger
from ..runtime.generation import Generation
from ..runtime.ownership import callable_name, callable_package
from ..runtime.part import Panel, Part
from ..worker import Worker, leave_at_exit

_PATIENCE = 1.0
"""Seconds that threads have to end."""
_POLL = 0.01


class ThreadsPart(Part[None]):
    """Ends the timers, executors, pools and contexts of each generation; names threads that run on.

    An object for which ``shared`` returns true stays open, since other generations use it.
    """

    name = "threads"
    empty_facts: ClassVar[Mapping[str, Any]] = {"dead": {}}

    def __init__(self, shared: Callable[[object], bool]) -> None:
        self._shared = shared

    def describe(self, generation: Generation) -> dict[str, Any]:
        return {"dead": generation.deaths_of("thread")}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        rows = tuple(facts["dead"].items())
        yield Panel("dead thread", ("why",), rows, live_only=True, tab="Tasks")

    async def leave(self, generation: Generation) -> None:
        """Cancel timers, close what has threads, and wait for the threads.

        Raises:
            ModframeError: If something does not close, or threads of the module still run.
        """
        running = _cancelled_or_running(generation)
        closing: dict[str, Callable[[], object]] = {}
        for name, value in self._known(generation):
            if isinstance(value, Executor):
                running |= dict.fromkeys(_shut_down(value), f"a worker of the executor {name!r}")
            else:
                closing[name] = _closing_call(value)
        faults = await _close_all(closing)
        if left := await _still_running(running):
            leave_at_exit(left)
            names = ", ".join(f"{thread.name!r} ({target})" for thread, target in left.items())
            faults.append(f"threads of generation {generation.number} still run: {names}")
        if faults:
            raise ModframeError(
                "; ".join(faults),
                cure="let what stops the module tell them to end; they run on until the "
                "process ends",
                subject=generation.module_id,
            )

    def _known(self, generation: Generation) -> Iterator[tuple[str, Any]]:
        """Yield the name and value of what is to be closed, each once; sockets before contexts."""
        kinds = _kinds()
        seen = {id(getattr(asyncio.get_running_loop(), "_default_executor", None))}
        known = []
        for name, value in _owned(generation, kinds):
            if isinstance(value, kinds) and id(value) not in seen and not self._shared(value):
                seen.add(id(value))
                known.append((name, value))
        return iter(sorted(known, key=lambda item: hasattr(item[1], "term")))


def _kinds() -> tuple[type, ...]:
    """Return the classes of what is closed; those of libraries that something has imported."""
    kinds: list[type] = [Executor]
    for library, name in (("multiprocessing.pool", "Pool"), ("zmq", "Socket"), ("zmq", "Context")):
        if (module := sys.modules.get(library)) is not None:
            kinds.append(getattr(module, name))
    return tuple(kinds)


def _shut_down(executor: Executor) -> set[threading.Thread]:
    """Let an executor's threads end after what they run, and end its processes; return the former.

    An executor of processes has a thread that manages them.
    """
    manager = getattr(executor, "_executor_manager_thread", None)
    processes = list((getattr(executor, "_processes", None) or {}).values())
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    return {*getattr(executor, "_threads", ()), *filter(None, [manager])}


def _closing_call(value: Any) -> Callable[[], object]:
    """Close a socket, or return what closes a pool or a context: that may block."""
    if hasattr(value, "terminate"):
        return value.terminate  # type: ignore[no-any-return]  # of a pool
    # Sockets are closed here, for those of asyncio belong to the loop's thread; it takes no time.
    if not hasattr(value, "term"):
        value.close(linger=0)
    elif value is not getattr(type(value), "_instance", None) and not value._shadow:
        for socket in list(value._sockets):
            socket.close(linger=0)
        return value.term  # type: ignore[no-any-return]  # it blocks if there are other sockets
    return lambda: None


async def _close_all(closing: Mapping[str, Callable[[], object]]) -> list[str]:
    """Call each in a thread of its own; return what did not close in time, or could not."""
    workers = {name: Worker("modframe-close") for name in closing}
    futures = {name: worker.call(closing[name]) for name, worker in workers.items()}
    if futures:
        await asyncio.wait(futures.values(), timeout=_PATIENCE)
    for worker in workers.values():
        worker.close()
    faults = [f"{name!r} does not close" for name, one in futures.items() if not one.done()]
    for name, one in futures.items():
        if one.done() and (error := one.exception()) is not None:
            faults.append(f"closing {name!r} failed: {error!r}")
    return faults


async def _still_running(threads: Mapping[threading.Thread, str]) -> dict[threading.Thread, str]:
    """Wait a moment for threads; return those that run on."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE
    while running := {thread: target for thread, target in threads.items() if thread.is_alive()}:
        if loop.time() >= until:
            break
        await asyncio.sleep(_POLL)
    return running


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


def _owned(generation: Generation, kinds: tuple[type, ...]) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a generation's instances, and what its files define of some kinds."""
    for instance in (generation.module, *generation.own_services.values()):
        names = getattr(instance, "__dict__", {})
        yield from ((f"self.{name}", value) for name, value in list(names.items()))
    if generation.package is None:
        return
    for file, module in generation.package.modules().items():
        for name, value in list(vars(module).items()):
            if isinstance(value, kinds) and not _imported(generation, file, name):
                yield f"{file}: {name}", value


def _imported(generation: Generation, file: str, name: str) -> bool:
    """Return whether a file got a name by an import, so that its value belongs to other code."""
    table = symtable.symtable(generation.source.files[file].code, file, "exec")
    try:
        return table.lookup(name).is_imported()
    except KeyError:
        return False
