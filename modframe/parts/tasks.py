"""Tasks: what a module's code starts with ``asyncio.create_task`` belongs to its generation.

The app loop's task factory passes each task to its owner. Tasks that the phases start run until
the generation ends, after the module's own cleanup. Those that ``activate`` starts end when the
generation is replaced. Those that calls start are drained like the calls. The
generation remembers those that died and that nothing awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextvars import Context
from typing import Any, ClassVar

from ..errors import ModframeError
from ..masking import KnownSecrets
from ..observe import record_failure
from ..runtime.failure import as_death, note_death
from ..runtime.generation import Generation
from ..runtime.hold import Hold, holdable
from ..runtime.loop.app_loop import AppLoop
from ..runtime.loop.bounds import cancel_all
from ..runtime.output import task_context
from ..runtime.owner import is_activating
from ..runtime.part import Panel, Part
from ..runtime.stragglers import task_name

_NOTICE = 0.5
"""Seconds in which something may await a task that failed before the failure is logged."""
_PATIENCE = 2.0
"""Seconds that tasks have to end after their cancellation."""


class TasksPart(Part["Tasks"]):
    """Keeps the tasks of each generation, and ends them with it.

    No report of a task that died has one of the ``secrets``.
    """

    name = "tasks"
    empty_facts: ClassVar[Mapping[str, Any]] = {"running": [], "dead": {}}

    def __init__(self, app_loop: AppLoop, secrets: KnownSecrets) -> None:
        self._app_loop, self._secrets = app_loop, secrets

    def build(self, generation: Generation) -> Tasks:
        if generation.spec.keep_state or generation.spec.dumps_state:
            generation.hold = Hold()
        tasks = self._app_loop.owners[generation.package_name] = Tasks(generation, self._secrets)
        return tasks

    async def leave(self, generation: Generation) -> None:
        try:
            await _end(generation, generation.parts[self.name].running)
        finally:
            del self._app_loop.owners[generation.package_name]
            generation.deaths.clear()  # their frames hold the module's objects

    async def retire(self, generation: Generation) -> None:
        """End what ``activate`` started, for the successor is about to start the same."""
        tasks = self.of(generation)
        if generation.hold is not None:
            generation.hold.open()  # they are cancelled before any goes on
        if tasks is not None and tasks.consumers:
            await _end(generation, tasks.consumers)

    def describe(self, generation: Generation) -> dict[str, Any]:
        tasks = self.of(generation)
        names = [task_name(task) for task in list(tasks.running)] if tasks is not None else []
        return {"running": sorted(names), "dead": generation.deaths_of("task")}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        running = tuple((name,) for name in facts["running"])
        yield Panel("task", (), running, live_only=True, tab="Tasks")
        dead = tuple(facts["dead"].items())
        yield Panel("dead task", ("why",), dead, live_only=True, tab="Tasks")


class Tasks:
    """The running tasks of a generation; one that dies and that nothing awaits is reported.

    ``consumers`` are those that ``activate`` started.
    """

    def __init__(self, generation: Generation, secrets: KnownSecrets) -> None:
        self._generation, self._secrets = generation, secrets
        self.running: set[asyncio.Task[Any]] = set()
        self.consumers: set[asyncio.Task[Any]] = set()

    def context(self) -> Context:
        """Return the context of a new task, whose prints go to the log."""
        return task_context()

    def wrap(self, coro: Coroutine[Any, Any, Any]) -> Any:
        """Return what a new task runs: a consumer can be held while state is handed over."""
        generation = self._generation
        if generation.hold is None or not is_activating(generation.package_name):
            return coro
        return holdable(coro, generation.hold)

    def add(self, task: asyncio.Task[Any]) -> None:
        """Own a task until it is done."""
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
        if _is_unawaited_failure(task):  # what awaits it takes its turn first
            task.get_loop().call_later(_NOTICE, self._report, task)

    def _report(self, task: asyncio.Task[Any]) -> None:
        if not _is_unawaited_failure(task) or (error := task.exception()) is None:
            return
        generation, name = self._generation, task_name(task)
        said = f"task {name} died, and nobody awaits it"
        record_failure(generation.module_id, said, error, generation=generation.number)
        if generation.stage in ("building", "live"):
            note_death(generation, as_death(generation.source, name, error), self._secrets)


def _is_unawaited_failure(task: asyncio.Task[Any]) -> bool:
    """Return asyncio's own mark of a task that failed and whose exception nothing retrieved."""
    return bool(getattr(task, "_log_traceback", False))


async def _end(generation: Generation, tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and those that they start while they end, and wait for all.

    Raises:
        ModframeError: If tasks don't end in time; names them.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE
    while not all(task.done() for task in tasks):
        if running := await cancel_all(tasks, timeout=until - loop.time()):
            names = ", ".join(sorted(repr(task_name(task)) for task in running))
            raise ModframeError(
                f"tasks of generation {generation.number} ignore their cancellation: {names}",
                cure="let CancelledError out of them; they run on until the process ends",
                subject=generation.module_id,
            )
