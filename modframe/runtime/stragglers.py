"""Who is still inside a generation at its deadline: found, cancelled and named.

A call on the hot path only counts itself in and out; who it was is told afterwards from the
frames of the tasks that wait. The handle and the dispatcher say which frames count, by
`register_entry_point`.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType, FrameType, FunctionType
from typing import Any

from .bounds import GRACE
from .gate import Work
from .generation import Generation

Describe = Callable[[Mapping[str, Any]], str]
"""A marked frame's variables → what runs there, for people."""

_ENTRY_POINTS: dict[CodeType, Describe] = {}


def register_entry_point(function: FunctionType | Any, describe: Describe) -> None:
    """Say that a function's frames are inside the generation that its variable of that name is."""
    _ENTRY_POINTS[function.__code__] = describe


def tasks_inside(generation: Generation) -> dict[asyncio.Task[Any], str]:
    """The tasks that are inside a generation, each with what it does there; on the app loop."""
    found = {task: what for task, what, _ in _inside(generation)}
    for task in generation.jobs:
        if not task.done():
            found.setdefault(task, f"task {task_name(task)}")
    return found


def work_inside(generation: Generation) -> set[Work]:
    """The work whose calls are inside a generation."""
    if not generation.in_flight:
        return set()
    return {work for _, _, work in _inside(generation) if work is not None}


def work_of(tasks: Iterable[asyncio.Task[Any]]) -> set[Work]:
    """The work that tasks belong to."""
    outermost = (next(frames(task.get_coro()), None) for task in tasks)
    begun = (frame.f_locals.get("work") for frame in outermost if frame is not None)
    return {work for work in begun if isinstance(work, Work)}


def _inside(
    generation: Generation,
) -> Iterator[tuple[asyncio.Task[Any], str, Work | None]]:
    """Task, what it does inside, and the work that it belongs to there."""
    for task in asyncio.all_tasks():
        work: Work | None = None
        for frame in frames(task.get_coro()):
            here = frame.f_locals
            if isinstance(begun := here.get("work"), Work):
                work = begun  # the loop's wrapper of the task says it, and a request inside anew
            describe = _ENTRY_POINTS.get(frame.f_code)
            if describe is not None and here.get("generation") is generation:
                yield task, describe(here), work
                break


def task_name(task: asyncio.Task[Any]) -> str:
    """The name its author gave a task, else that of the function it runs."""
    name = task.get_name()
    if name.startswith("Task-") or name == "None":  # what asyncio gives it, from 3.13 on as text
        return str(getattr(task.get_coro(), "__qualname__", name))
    return name


def frames(waiting: Any) -> Iterator[FrameType]:
    """The frames of what a coroutine awaits, outermost first."""
    while waiting is not None:
        for kind in ("cr", "ag", "gi"):
            if hasattr(waiting, f"{kind}_frame"):
                if (frame := getattr(waiting, f"{kind}_frame")) is not None:
                    yield frame
                waiting = getattr(waiting, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
                break
        else:
            # The step of an async generator does not tell which; the collector does.
            waiting = next(
                (one for one in gc.get_referents(waiting) if hasattr(one, "ag_frame")), None
            )


async def cancel_stragglers(generation: Generation) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cancel whoever is inside a generation.

    Returns:
        What was cancelled, and what of it ignores that and runs on.
    """
    found = tasks_inside(generation)
    for task in found:
        generation.cancelled.add(task)
        task.cancel()
    if found:
        await generation.drain(GRACE, hurry=asyncio.Event())
    left = tasks_inside(generation)
    return tuple(sorted(found.values())), tuple(sorted(left.values()))


def cancelled_at_deadline(generation: Generation) -> bool:
    """Return whether `cancel_stragglers` caused the ``CancelledError`` at hand, and uncancel it."""
    task = asyncio.current_task()
    if task is None or task not in generation.cancelled:
        return False
    generation.cancelled.discard(task)
    task.uncancel()
    return True
