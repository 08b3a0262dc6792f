"""Tasks: what a module's code starts with ``asyncio.create_task`` belongs to its generation.

The app loop's task factory hands each task over. Those begun by the phases stand until the
generation ends, after the module's own cleanup; those begun by ``activate`` end when it is
replaced; those that calls start are waited for as the calls are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any

from ..errors import ModframeError
from ..observe import log_exception
from ..runtime.bounds import cancel_all
from ..runtime.generation import Generation
from ..runtime.loop import AppLoop
from ..runtime.output import task_context
from ..runtime.owner import is_activating
from ..runtime.part import Panel, Part
from ..runtime.stragglers import task_name

_NOTICE = 0.5
"""Seconds that a dead task may wait for somebody to ask for it."""
_PATIENCE = 2.0


class TasksPart(Part["Tasks"]):
    """Keeps the tasks of each generation, and ends them with it."""

    name = "tasks"

    def __init__(self, app_loop: AppLoop) -> None:
        self._app_loop = app_loop

    @asynccontextmanager
    async def enter(self, generation: Generation) -> AsyncIterator[Tasks]:
        tasks = Tasks(generation)
        self._app_loop.owners[generation.package_name] = tasks
        try:
            yield tasks
        finally:
            try:
                await _end(generation, tasks.running)
            finally:
                del self._app_loop.owners[generation.package_name]

    async def retire(self, generation: Generation) -> None:
        """End what ``activate`` began: its successor is about to begin the same."""
        tasks = self.of(generation)
        if tasks is not None and tasks.consumers:
            await _end(generation, tasks.consumers)

    def describe(self, generation: Generation) -> dict[str, Any]:
        """Return the names of the tasks that run."""
        tasks = self.of(generation)
        running = list(tasks.running) if tasks is not None else ()
        return {"running": sorted(map(task_name, running))}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        """Show the tasks that run, by name."""
        yield Panel("task", (), tuple((name,) for name in facts["running"]))


class Tasks:
    """The running tasks of a generation; one that dies and is not asked for is logged.

    Attributes:
        running: All of them. ``consumers``: those of them that ``activate`` began.
    """

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self.running: set[asyncio.Task[Any]] = set()
        self.consumers: set[asyncio.Task[Any]] = set()

    def context(self) -> Context:
        """The context of a new task, whose prints go to the log."""
        return task_context()

    def add(self, task: asyncio.Task[Any]) -> None:
        """Take a task in, and look at how it ends."""
        self.running.add(task)
        generation = self._generation
        if is_activating(generation.package_name):
            self.consumers.add(task)
            task.add_done_callback(self.consumers.discard)
        elif generation.stage != "building":
            generation.jobs.add(task)
            task.add_done_callback(generation.job_ended)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.running.discard(task)
        if _unasked(task):  # whoever awaits it has its turn first
            task.get_loop().call_later(_NOTICE, self._say, task)

    def _say(self, task: asyncio.Task[Any]) -> None:
        if _unasked(task) and (error := task.exception()) is not None:
            log_exception(
                self._generation.module_id,
                f"task {task_name(task)} died, and nobody awaits it",
                error,
            )


def _unasked(task: asyncio.Task[Any]) -> bool:
    """Whether a task failed and nobody has taken its exception: asyncio's own mark of it."""
    return bool(getattr(task, "_log_traceback", False))


async def _end(generation: Generation, tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel what runs, and what that starts while it ends, and wait for it.

    Raises:
        ModframeError: If tasks don't end within their patience.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE
    while not all(task.done() for task in tasks):
        if left := await cancel_all(tasks, timeout=until - loop.time()):
            names = ", ".join(sorted(repr(task_name(task)) for task in left))
            raise ModframeError(
                f"tasks of generation {generation.number} ignore their cancellation: {names}",
                cure="let CancelledError out of them; they run on until the process ends",
                subject=generation.module_id,
            )
