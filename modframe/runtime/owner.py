"""`Owner`: keeps the tasks that module code starts, for a generation or a shared resource.

The app loop's task factory finds the owner of a new task and adds the task to it. Tasks that a
service's ``activate`` starts are consumers: those of the next generation begin only after they have
ended. A context variable marks them, which the tasks they start inherit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any, Protocol

from .output import task_context


class Owner(Protocol):
    """Keeps the tasks of one generation or resource."""

    def context(self) -> Context:
        """Return the context for a new task, made from the current one."""

    def wrap(self, coro: Coroutine[Any, Any, Any]) -> Any:
        """Return what a new task runs in place of its coroutine, or the coroutine."""

    def add(self, task: asyncio.Task[Any]) -> None:
        """Keep a task that is about to run."""


class ResourceTasks(set[asyncio.Task[Any]]):
    """The running tasks of a resource that generations share.

    Attributes:
        making: Whether the resource is still being made.
        borrowed: Whether it is made in the context of the caller, which its tasks must not keep.
    """

    making = True
    borrowed = False

    def context(self) -> Context:
        """Return the context for a new task."""
        if not (self.making and self.borrowed):
            return task_context()
        context = Context()
        context.run(current_resource.set, self)
        return context

    def wrap(self, coro: Coroutine[Any, Any, Any]) -> Any:
        """Return the coroutine: nothing holds it."""
        return coro

    def add(self, task: asyncio.Task[Any]) -> None:
        """Keep a task until it is done."""
        super().add(task)
        task.add_done_callback(self.discard)


current_resource: ContextVar[ResourceTasks | None] = ContextVar(
    "modframe_of_resource", default=None
)
"""Set while a shared resource is made, and so in every task that this causes."""

activating: ContextVar[str] = ContextVar("modframe_activating", default="")
"""The package whose ``activate`` started the code of a context; empty in all others."""


@contextmanager
def activation_of(package_name: str) -> Iterator[None]:
    """Mark the tasks started in this block as consumers of a generation."""
    token = activating.set(package_name)
    try:
        yield
    finally:
        activating.reset(token)


def is_activating(package_name: str) -> bool:
    """Return whether the current code was started by a generation's ``activate``."""
    return activating.get() == package_name
