"""Stragglers: the tasks that are still inside a generation at its deadline, found and cancelled.

Called by ending and hand-over. A call only counts itself in and out, which is fast; its task is
found afterwards, by a frame of an entry point of modframe's: the handle and the dispatcher name
theirs with `register_entry_point`.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType, FrameType, FunctionType
from typing import Any

from .gate import Work
from .generation import Generation
from .hold import HOLDABLE
from .loop.bounds import GRACE

Describe = Callable[[Mapping[str, Any]], str]
"""Local variables of an entry point's frame → a text of what runs there."""

_ENTRY_POINTS: dict[CodeType, Describe] = {}
"""Process-wide: code objects of modframe's own functions, added at import."""


def register_entry_point(function: FunctionType | Any, describe: Describe) -> None:
    """Declare that a function runs inside the generation in its local variable ``generation``."""
    _ENTRY_POINTS[function.__code__] = describe


def tasks_inside(generation: Generation) -> dict[asyncio.Task[Any], str]:
    """Return task → what it runs, of the tasks inside a generation; must be on the app loop."""
    tasks = {task: what for task, what, _ in _find_inside(generation)}
    for task in generation.jobs:
        if not task.done():
            tasks.setdefault(task, f"task {task_name(task)}")
    return tasks


def work_inside(generation: Generation) -> set[Work]:
    """Return the work whose calls are inside a generation."""
    if not generation.in_flight:
        return set()
    return {work for _, _, work in _find_inside(generation) if work is not None}


def work_of(tasks: Iterable[asyncio.Task[Any]]) -> set[Work]:
    """Return the work that tasks belong to."""
    outermost = (next(frames(task.get_coro()), None) for task in tasks)
    values = (frame.f_locals.get("work") for frame in outermost if frame is not None)
    return {work for work in values if isinstance(work, Work)}


def _find_inside(
    generation: Generation,
) -> Iterator[tuple[asyncio.Task[Any], str, Work | None]]:
    """Yield each task inside, what it runs there, and the work that this belongs to."""
    for task in asyncio.all_tasks():
        work: Work | None = None
        for frame in frames(task.get_coro()):
            variables = frame.f_locals
            if isinstance(value := variables.get("work"), Work):
                work = value  # of the loop's wrapper of the task, or of a request within it
            describe = _ENTRY_POINTS.get(frame.f_code)
            if describe is not None and variables.get("generation") is generation:
                yield task, describe(variables), work
                break


def task_name(task: asyncio.Task[Any]) -> str:
    """Return the name that its author gave a task, else that of the function it runs."""
    name = task.get_name()
    if name.startswith("Task-") or name == "None":  # asyncio's default, or "None" from 3.13 on
        return str(getattr(task.get_coro(), "__qualname__", name))
    return name


def frames(waiting: Any) -> Iterator[FrameType]:
    """Yield the frames of an awaitable and of what it awaits, outermost first."""
    while waiting is not None:
        for kind in ("cr", "ag", "gi"):
            if hasattr(waiting, f"{kind}_frame"):
                if (frame := getattr(waiting, f"{kind}_frame")) is not None:
                    yield frame
                    if frame.f_code is HOLDABLE:
                        waiting = frame.f_locals["coro"]
                        break
                waiting = getattr(waiting, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
                break
        else:
            # The awaitable of an async generator's step doesn't tell which generator; gc does.
            waiting = next(
                (object_ for object_ in gc.get_referents(waiting) if hasattr(object_, "ag_frame")),
                None,
            )


async def cancel_stragglers(generation: Generation) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cancel the tasks inside a generation and wait for their end, at most `GRACE` seconds.

    Returns:
        What was cancelled, and what of that ignored it and is still inside.
    """
    cancelled = tasks_inside(generation)
    for task in cancelled:
        generation.cancelled.add(task)
        task.cancel()
    if cancelled:
        await generation.drain(GRACE, hurry=asyncio.Event())
    remaining = tasks_inside(generation)
    return tuple(sorted(cancelled.values())), tuple(sorted(remaining.values()))


def cancelled_at_deadline(generation: Generation) -> bool:
    """Return whether `cancel_stragglers` caused the ``CancelledError`` at hand, and uncancel it."""
    task = asyncio.current_task()
    if task is None or task not in generation.cancelled:
        return False
    generation.cancelled.discard(task)
    task.uncancel()
    return True
