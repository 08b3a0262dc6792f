"""`Definition`: a task as one generation of a module has it, and how its function is called."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ...runtime.generation import Generation
from ...runtime.ownership import callable_name, unwrap_callable
from ...tasks import TaskSpec

Key = tuple[str, str]
"""Module id and name of the task: what stays the same over generations."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A task of a generation.

    Attributes:
        method: The method that ``@task`` stands on; empty for a function that was started.
        function: The function that was started.
    """

    generation: Generation = field(repr=False)
    name: str
    spec: TaskSpec
    method: str = ""
    function: Any = None
    args: tuple[Any, ...] = ()

    @property
    def key(self) -> Key:
        """What its job is found by."""
        return (self.generation.module_id, self.name)

    @property
    def runs(self) -> str:
        """The name of what it runs."""
        return self.method or callable_name(self.function)

    async def run(self) -> None:
        """Run it once, on the app loop if it is a coroutine function, else in a thread."""
        function = self._target()
        if inspect.iscoroutinefunction(unwrap_callable(function)):
            await function(*self.args)
            return
        outcome = await self.generation.context.tasks.thread(partial(function, *self.args))
        if hasattr(outcome, "__await__"):
            await outcome

    def _target(self) -> Any:
        if not self.method:
            return self.function
        for owner in (*self.generation.own_services.values(), self.generation.module):
            method = getattr(owner, self.method, None)
            if callable(method):
                return method
        raise LookupError(self.method)
