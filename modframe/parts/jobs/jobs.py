"""`Jobs`: the named tasks of one app; it follows what is live, and starts what modules ask for.

The engine makes one and tells it what is live. Modules and people reach it by `faces`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...errors import NotRunningError, TaskError
from ...masking import KnownSecrets
from ...observe import Numbers
from ...runtime.generation import Generation
from ...runtime.loop.app_loop import AppLoop
from ...runtime.ownership import callable_name
from ...tasks import TaskSpec
from .definition import Definition, Key
from .job import Job

NAME = "jobs"
_KEPT = 100
"""Tasks of a module that have ended and that are still listed."""


class Jobs:
    """The tasks of all modules that are live.

    Args:
        app_loop: The loop that module code runs on.
        find: Finds the live generation of a module.
        secrets: The secrets that no report of a failure may have.
        numbers: Counts the runs.
    """

    def __init__(
        self,
        app_loop: AppLoop,
        find: Callable[[str], Generation | None],
        *,
        secrets: KnownSecrets,
        numbers: Numbers,
    ) -> None:
        self._app_loop, self._find, self._secrets = app_loop, find, secrets
        self._numbers = numbers
        self._modules: dict[str, dict[str, Job]] = {}

    # -- what is live ---------------------------------------------------------------------

    def published(self, module_ids: Iterable[str]) -> None:
        """Follow what is live now of these modules."""
        for module_id in module_ids:
            generation = self._find(module_id)
            wanted = generation.parts.get(NAME) if generation is not None else None
            if wanted or module_id in self._modules:
                self._follow(module_id, dict(wanted or {}))

    def _follow(self, module_id: str, wanted: dict[str, Definition]) -> None:
        jobs = self._modules.setdefault(module_id, {})
        for name in [name for name in jobs if name not in wanted]:
            jobs.pop(name).close()
        for definition in wanted.values():
            self._begin(jobs, definition)
        if not jobs:
            del self._modules[module_id]

    def _begin(self, jobs: dict[str, Job], definition: Definition) -> None:
        job = jobs.get(definition.name)
        if job is None:
            job = jobs[definition.name] = Job(
                definition,
                find=self._find,
                app_loop=self._app_loop,
                secrets=self._secrets,
                numbers=self._numbers,
            )
            job.begin()
        elif job.definition is not definition:
            job.follow(definition)

    def retired(self, generation: Generation) -> None:
        """Let the tasks of the next generation begin, whatever ignores its cancellation."""
        for job in self.of_module(generation.module_id):
            job.leave_behind(generation)

    # -- what modules start ---------------------------------------------------------------

    def start(
        self, generation: Generation, function: Any, args: tuple[Any, ...], spec: TaskSpec
    ) -> Key:
        """Start a function as a task of a generation, from any thread.

        It begins when the generation is live.

        Raises:
            TaskError: If it can't be run, or a task of that name goes on.
            NotRunningError: If the generation has ended.
        """
        if not callable(function):
            if hasattr(function, "close"):
                function.close()  # a coroutine, which nothing awaits
            raise TaskError(
                f"tasks.start() takes a function and its arguments, not {function!r}",
                cure="leave the parentheses out: tasks.start(poll, 30), not tasks.start(poll(30))",
            )
        name = spec.name or callable_name(function).rpartition(".")[2]
        if generation.stage in ("retired", "closed"):
            raise NotRunningError(
                f"generation {generation.number} of {generation.module_id} has ended, and can't "
                f"start {name!r}",
                cure="start it while the module runs",
            )
        definitions = generation.parts.setdefault(NAME, {})
        job = self.get((generation.module_id, name)) if generation.stage == "live" else None
        if name in definitions and (job is None or job.is_going):
            raise TaskError(
                f"there is a task {name!r} of {generation.module_id} already",
                cure="give name=, or cancel that one first",
            )
        definition = Definition(generation, name, spec, function=function, args=args)
        definitions[name] = definition
        if generation.stage == "live":
            self._app_loop.loop.call_soon_threadsafe(self._adopt, definition)
        return definition.key

    def _adopt(self, definition: Definition) -> None:
        """Begin what a live generation has started, unless it was replaced meanwhile."""
        generation, name = definition.generation, definition.name
        definitions = generation.parts.get(NAME, {})
        if self._find(generation.module_id) is not generation or definitions.get(name) is not (
            definition
        ):
            return
        jobs = self._modules.setdefault(generation.module_id, {})
        self._begin(jobs, definition)
        ended = [one for one, job in jobs.items() if not job.is_going]
        for one in ended[:-_KEPT]:
            jobs.pop(one).close()
            definitions.pop(one, None)

    # -- looking --------------------------------------------------------------------------

    def get(self, key: Key) -> Job | None:
        """Return a task that a live generation has."""
        return self._modules.get(key[0], {}).get(key[1])

    def find(self, key: Key) -> Job:
        """Return a task that a live generation has.

        Raises:
            TaskError: If there is none.
        """
        job = self.get(key)
        if job is None:
            raise TaskError(
                f"the task {'.'.join(key)} has not begun, or has ended with its module",
                cure="it begins when its module is live",
            )
        return job

    def all(self) -> dict[str, Job]:
        """Return all tasks by name, such as ``standard.orders.poll``; from any thread."""
        modules = list(self._modules.values())
        return {job.label: job for jobs in modules for job in list(jobs.values())}

    def of_module(self, module_id: str) -> list[Job]:
        """Return the tasks of a module; from any thread."""
        return list(self._modules.get(module_id, {}).values())
