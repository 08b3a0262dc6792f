"""Tasks: what a module's code starts with ``asyncio.create_task`` belongs to its generation.

The app loop's task factory writes each task down; leaving cancels those that still run. It is
entered first, so it is left last, after the module's own cleanup.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ..errors import ModframeError
from ..observe import log_exception
from ..runtime.generation import Generation
from ..runtime.loop import AppLoop
from ..runtime.part import Part

_NOTICE = 0.5
"""Seconds that a dead task may wait for somebody to ask for it."""
_PATIENCE = 2.0


class TasksPart(Part):
    """Keeps the tasks of each generation, and ends them with it."""

    name = "tasks"

    def __init__(self, app_loop: AppLoop) -> None:
        self._app_loop = app_loop

    @asynccontextmanager
    async def enter(self, generation: Generation) -> AsyncIterator[set[asyncio.Task[Any]]]:
        tasks = _Tasks(generation.module_id)
        self._app_loop.owners[generation.package_name] = tasks
        try:
            yield tasks
        finally:
            try:
                await _end(generation, tasks)
            finally:
                del self._app_loop.owners[generation.package_name]

    def describe(self, generation: Generation) -> dict[str, Any]:
        """The names of the tasks that run."""
        return {"running": sorted(map(_name, list(generation.parts["tasks"] or ())))}


class _Tasks(set[asyncio.Task[Any]]):
    """The running tasks of a generation; one that dies and is not asked for is logged."""

    def __init__(self, module_id: str) -> None:
        super().__init__()
        self._module_id = module_id

    def add(self, task: asyncio.Task[Any]) -> None:
        """Take a task in, and look at how it ends."""
        super().add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if _unasked(task):  # whoever awaits it has its turn first
            task.get_loop().call_later(_NOTICE, self._say, task)

    def _say(self, task: asyncio.Task[Any]) -> None:
        if _unasked(task) and (error := task.exception()) is not None:
            log_exception(self._module_id, f"task {_name(task)} died, and nobody awaits it", error)


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
    while running := {task for task in tasks if not task.done()}:
        for task in running:
            task.cancel()
        _, left = await asyncio.wait(running, timeout=until - loop.time())
        if left:
            names = ", ".join(sorted(repr(_name(task)) for task in left))
            raise ModframeError(
                f"{generation.module_id}: tasks of generation {generation.number} ignore their "
                f"cancellation: {names}",
                cure="let CancelledError out of them; they run on until the process ends",
            )


def _name(task: asyncio.Task[Any]) -> str:
    """The name its author gave a task, else that of the function it runs."""
    name = task.get_name()
    if name.startswith("Task-") or name == "None":  # what asyncio gives it, from 3.13 on as text
        return str(getattr(task.get_coro(), "__qualname__", name))
    return name
