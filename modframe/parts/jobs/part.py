"""`JobsPart`: the methods of a generation that ``@task`` stands on, and the view of its tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any, ClassVar

from ...runtime.generation import Generation
from ...runtime.part import Action, Panel, Part
from ...tasks import TASK
from .definition import Definition
from .faces import facts_of
from .jobs import NAME, Jobs


class JobsPart(Part["dict[str, Definition]"]):
    """Reads what tasks a generation declares; the app's `Jobs` run those of what is live."""

    name = NAME
    empty_facts: ClassVar[Mapping[str, Any]] = {"tasks": []}

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def applies(self, generation: Generation) -> bool:
        return any(_declared(generation))

    def build(self, generation: Generation) -> dict[str, Definition]:
        definitions = self.of(generation) or {}
        for method, spec in _declared(generation):
            name = spec.name or method
            definitions[name] = Definition(generation, name, spec, method=method)
        return definitions

    async def retire(self, generation: Generation) -> None:
        """Leave behind what did not end when `TasksPart` ended what ``activate`` started."""
        if self.of(generation):
            self._jobs.retired(generation)

    def describe(self, generation: Generation) -> dict[str, Any]:
        return {"tasks": [facts_of(job) for job in self._jobs.of_module(generation.module_id)]}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        rows = tuple((one["name"], *(str(one[key]) for key in _COLUMNS)) for one in facts["tasks"])
        yield Panel("named task", _COLUMNS, rows, live_only=True, tab="Tasks", actions=_ACTIONS)

    def warn(self, generation: Generation, action: str, row: str) -> str:
        """Return which run is cancelled, if one goes on, and when the next one comes."""
        job = self._jobs.find((generation.module_id, row))
        goes_on = job.state == "running"
        said = f"Its run {job.runs} goes on, and is cancelled where it is." if goes_on else ""
        if action == "Restart" and job.definition.spec.periodic:
            return f"{said} Its times count from now.".lstrip()
        return said

    async def act(self, generation: Generation, action: str, row: str) -> None:
        """Run a task now and wait for its end, restart it, or cancel it."""
        job = self._jobs.find((generation.module_id, row))
        if action == "Cancel":
            job.cancel()
        elif action == "Restart":
            job.restart()
        else:
            await job.run_now()


_ACTIONS = (Action("Run now"), Action("Restart", danger=True), Action("Cancel", danger=True))
_COLUMNS = ("times", "state", "runs", "next", "progress", "error")


def _declared(generation: Generation) -> Iterator[tuple[str, Any]]:
    """Yield name and facts of the methods of service and module class that are tasks."""
    spec = generation.spec
    service = spec.service.service_class if spec.service else None
    for cls in dict.fromkeys((service, spec.module_class)):
        methods: dict[str, Any] = {}
        for base in reversed(cls.__mro__[:-1] if cls is not None else ()):
            methods.update(vars(base))
        for name, method in methods.items():
            if isinstance(method, FunctionType) and hasattr(method, TASK):
                yield name, getattr(method, TASK)
