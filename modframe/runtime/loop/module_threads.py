"""`ModuleThreads`: runs module code that is no coroutine on daemon threads, so that it can be left.

In go the bodies of modules (`run_body`) and the steps that are plain functions, such as phases,
hooks and constructors (`run_step`); out comes what they return. A thread that came back waits for
the next run. One that hangs is left behind, and nothing joins it when the process ends.

A step runs as if it ran on the app loop: it sees and sets the context variables of its caller,
finds the running loop, and what it schedules there begins once it has ended. The loop waits for a
short one, so that nothing runs beside it; beside a long one, it serves others.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from typing import Any, TypeVar

from ...worker import Worker
from .thread_run import Run, redirect, restore

T = TypeVar("T")
HOLD = 0.1
"""Seconds for which the loop does nothing else than wait for a step, or for a body, at most."""
_UNSET = object()


class ModuleThreads:
    """The threads of one loop that execute module code; one, unless runs overlap.

    Attributes:
        running: Task → the step that it waits for.
    """

    def __init__(self) -> None:
        self.running: dict[asyncio.Task[Any] | None, Run] = {}
        self._idle: Worker | None = None

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> ModuleThreads:
        """Return the threads of a loop."""
        threads = _of_loops.get(loop)
        if threads is None:
            threads = _of_loops[loop] = cls()
        return threads

    async def run_body(
        self, function: Callable[[], T], *, timeout: float, what: str, is_late: Callable[[], bool]
    ) -> T:
        """Run ``function`` and return its outcome; its prints land under the current cell.

        The loop waits for a short one, for as long as Python would let that thread run alone.

        Args:
            function: What to run.
            timeout: Seconds after which ``is_late`` is asked.
            what: Names it in the error.
            is_late: Returns whether the function hangs; if not, it is about to end by itself.

        Raises:
            TimeoutError: If it is late; its outcome is then dropped.
        """
        run = Run(partial(copy_context().run, function))
        worker = self._begin(run)
        if run.ends_within(min(sys.getswitchinterval(), HOLD)):
            self._give_back(worker, late=False)
            return run.outcome()  # type: ignore[no-any-return]  # what the function returned
        ended = run.end()
        overdue = TimeoutError(
            f"{what} took longer than {timeout:g} s and was left behind; does its body wait "
            "for something?"
        )

        def fail_if_late() -> None:
            if not ended.done() and is_late():
                ended.set_exception(overdue)
                run.interrupt()

        timer = asyncio.get_running_loop().call_later(timeout, fail_if_late)
        try:
            await ended
            return run.outcome()  # type: ignore[no-any-return]  # what the function returned
        finally:
            timer.cancel()
            late = not ended.done() or ended.cancelled() or ended.exception() is overdue
            self._give_back(worker, late=late)

    async def run_step(self, function: Callable[[], T], *, grace: float, hold: float = HOLD) -> T:
        """Run ``function`` in place of the loop's thread, and return its outcome.

        If the caller is cancelled, the function is broken out of.

        Args:
            function: What to run.
            grace: Seconds that it has to end in once its caller is cancelled.
            hold: Seconds after which the loop serves others beside it.
        """
        context = copy_context()
        run = Run(partial(context.run, function), asyncio.get_running_loop())
        await self._wait_for(run, grace=grace, hold=hold)
        _copy_variables(context)
        return run.outcome()  # type: ignore[no-any-return]  # what the function returned

    async def _wait_for(self, run: Run, *, grace: float, hold: float) -> None:
        """Run a step on a thread; without one to be had it runs here, as a coroutine does."""
        task = asyncio.current_task()
        redirect(run)
        try:
            worker = self._begin(run)
        except RuntimeError:
            restore(run)
            run.loop = None
            run()
            return
        self.running[task] = run
        try:
            if not run.ends_within(hold):
                await asyncio.shield(run.end())
        except asyncio.CancelledError:
            await run.break_out(grace)
            raise
        finally:
            self.running.pop(task, None)
            run.release()
            self._give_back(worker, late=run.interrupted or run.abandoned)

    def _begin(self, run: Run) -> Worker:
        """Let the idle thread or a new one run a function.

        Raises:
            RuntimeError: If there is no thread to be had.
        """
        worker = self._take()
        if not worker.submit(run):
            raise RuntimeError(f"{worker!r} runs no more jobs")
        return worker

    def _take(self) -> Worker:
        worker, self._idle = self._idle or Worker("modframe-module"), None
        return worker

    def _give_back(self, worker: Worker, *, late: bool) -> None:
        """Keep a worker for the next run; one that is late ends after what it runs now."""
        if late or self._idle is not None:
            worker.close()
        else:
            self._idle = worker

    def close(self) -> None:
        """Let the idle thread end."""
        if self._idle is not None:
            self._take().close()


_of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, ModuleThreads] = (
    weakref.WeakKeyDictionary()
)


def _copy_variables(context: Context) -> None:
    """Set what a step set in its copy of the current context."""
    current = copy_context()
    for variable, value in context.items():
        if current.get(variable, _UNSET) is not value:
            variable.set(value)
