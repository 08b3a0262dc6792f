"""`Owner`: whose a task is that module code starts: a generation's, or a shared resource's.

The app loop's task factory asks for the owner, and hands the task over to it. Tasks that a
service's ``activate`` starts are consumers: a successor's begin only once they have ended. They are
recognised by a context variable, which the tasks they start inherit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any, Protocol

from .output import task_context


class Owner(Protocol):
    """Keeps the tasks of one generation."""

    def context(self) -> Context:
        """The context for a task of its code, made from the one that starts it."""

    def add(self, task: asyncio.Task[Any]) -> None:
        """Take in a task that is about to run."""


class ResourceTasks(set[asyncio.Task[Any]]):
    """The running tasks of a resource that generations share.

    Attributes:
        making: Whether it isn't ready yet.
        borrowed: Whether it is made in the context of whoever asks, which tasks must not keep.
    """

    making = True
    borrowed = False

    def context(self) -> Context:
        """The context for one more."""
        if not (self.making and self.borrowed):
            return task_context()
        context = Context()
        context.run(current_resource.set, self)
        return context

    def add(self, task: asyncio.Task[Any]) -> None:
        """Keep a task until it is done."""
        super().add(task)
        task.add_done_callback(self.discard)


current_resource: ContextVar[ResourceTasks | None] = ContextVar(
    "modframe_of_resource", default=None
)
"""Set while a shared resource is made, and so in every task that comes of it."""

_activating: ContextVar[str] = ContextVar("modframe_activating", default="")


@contextmanager
def activation_of(package_name: str) -> Iterator[None]:
    """What starts tasks in here starts consumers of a generation."""
    token = _activating.set(package_name)
    try:
        yield
    finally:
        _activating.reset(token)


def is_activating(package_name: str) -> bool:
    """Whether what runs here was begun by a generation's ``activate``."""
    return _activating.get() == package_name
