"""`Check`: the health check of one generation, which runs it in turns and keeps what it said.

The health part makes one, begins it after publish and ends it at retirement. A run is no request:
nothing waits for it, and a hand-over that would have to cuts it short. One that hangs is left
behind, on a daemon thread if it is a plain function, and isn't started again while it still hangs.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable
from contextvars import Context, copy_context
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ...errors import ModframeError
from ...load.health import GIVEN
from ...observe import Numbers, log_event, record_failure
from ...runtime.failure import as_load_error
from ...runtime.gate import Work, current_work
from ...runtime.generation import Generation, Step
from ...runtime.loop.app_loop import AppLoop
from ...runtime.loop.bounds import OverdueError, run_plain, run_with_timeout
from ...runtime.loop.breaking import BrokenOutError
from ...runtime.owner import activation_of
from ...wording import count
from .health import Health
from .verdict import Verdict, verdict_of

_SOON = 1.0
"""Seconds until a run that was cut short, or could not begin, is tried again."""
_COST_SHARE = 20
"""How many times as long as a run kept the app loop, until it was broken out of, a pause is."""
_PATIENCE = 0.25
"""Seconds that a run has to end in at the end of its generation."""
_FIRST = "first health check"
_STILL = "; it isn't started again while that run goes on"
CODE = "health-check"
"""The code of the failures that are recorded."""


class Check:
    """Runs the check of one generation.

    Args:
        generation: The generation.
        check: The name of a method, or a function, as its spec has it.
        app_loop: Where it runs. ``numbers``: counts its runs.

    Attributes:
        health: What the last run said.
        said: Set once a run has said something.
    """

    def __init__(
        self,
        generation: Generation,
        check: str | Callable[..., Any],
        app_loop: AppLoop,
        *,
        numbers: Numbers,
    ) -> None:
        self._generation, self._check, self._app_loop = generation, check, app_loop
        self._numbers = numbers
        self._spec = generation.spec.health
        self.health = Health(group=self._spec.group)
        self.said = asyncio.Event()
        self._error: BaseException | None = None
        self._left_behind: OverdueError | None = None
        self._began = self._kept_loop = 0.0
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    @property
    def name(self) -> str:
        """What messages call it, such as ``check_health()``; before publish with a remark."""
        check = self._check
        name = f"{check}()" if isinstance(check, str) else Step(check).name
        return f"{name} ({_FIRST})" if self._generation.stage == "building" else name

    # -- in turns -------------------------------------------------------------------------

    def begin(self) -> None:
        """Run it from now on: at once, unless it has passed already."""
        self._due(self._spec.interval if self.health.at is not None else 0)

    def _due(self, seconds: float) -> None:
        if self._over or (self._spec.group == "startup" and not self.health.fails):
            return
        self._timer = self._app_loop.loop.call_later(seconds, self._start, context=Context())

    def _start(self) -> None:
        if self._generation.gate is not None:  # what is inside now holds up the hand-over
            self._due(_SOON)
            return
        # The context is empty: what the check prints and logs belongs to no cell and no request.
        self._task = self._app_loop.spawn(
            self._run(), name=f"{self.name} of {self._generation.package_name}"
        )
        self._task.add_done_callback(self._end_run)

    def _end_run(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            record_failure(self._generation.module_id, f"{self.name} could not be run", error)
        at_least = _COST_SHARE * self._kept_loop
        self._due(_SOON if task.cancelled() else max(self._spec.interval, at_least))

    async def run_now(self) -> None:
        """Run it outside its turns and wait for the end; a run that is under way does for it."""
        if not self._over and (self._task is None or self._task.done()):
            if self._timer is not None:
                self._timer.cancel()
            self._start()
        if self._task is not None:
            await asyncio.wait({self._task})

    def end(self) -> None:
        """Run it no more, and cancel the run that is under way; does not wait for its end."""
        self._over = True
        self.said.set()  # nothing else will be said
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    async def settle(self) -> None:
        """Wait a moment for the last run.

        Raises:
            ModframeError: If it still runs.
        """
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=_PATIENCE)
        if (self._task is not None and not self._task.done()) or self._hangs:
            raise ModframeError(
                f"{self.name} of generation {self._generation.number} still runs",
                cure="give what it waits for a timeout; it runs on until the process ends",
                subject=self._generation.module_id,
            )

    # -- once -----------------------------------------------------------------------------

    async def confirm(self) -> None:
        """Run it before the generation goes live.

        Raises:
            Exception: What it raised, or a `ModframeError` if its verdict is not good.
        """
        self._generation.step = Step(self._function(), _FIRST)
        while self.health.at is None:
            task = self._app_loop.spawn(self._run(), context=copy_context())
            try:
                await asyncio.wait({task})
            finally:
                task.cancel()
            if not task.cancelled():
                task.result()
        error, self._error = self._error, None
        if error is not None:
            raise error
        if self.health.status != "healthy":
            raise ModframeError(
                f"{self.name} says {self.health.status}: {self.health.detail}",
                cure="correct what it names; the module goes live only if it is healthy first",
            )

    @property
    def _hangs(self) -> bool:
        return self._left_behind is not None and self._left_behind.still_runs

    async def _run(self) -> None:
        """Run it and keep the verdict; nothing is kept of a run that is cancelled."""
        if self._hangs:
            said = self.health.said.removesuffix(_STILL)
            self._keep(Verdict("unhealthy", f"{said}{_STILL}"), self._left_behind)
            return
        current_work.set(_Look(asyncio.current_task()))
        self._began, self._kept_loop, self._left_behind = time.perf_counter(), 0.0, None
        function = self._function()
        step = partial(_call, function)
        try:
            with activation_of(self._generation.package_name):
                outcome = await run_with_timeout(step, self._spec.timeout, what=self.name)
            verdict, failure = verdict_of(outcome), None
        except Exception as error:  # noqa: BLE001  # the module's own: it is what the check says
            failure = error
            if isinstance(error, OverdueError):
                self._left_behind = error
            if isinstance(error.__cause__, BrokenOutError):
                self._kept_loop = time.perf_counter() - self._began
            verdict = Verdict("unhealthy", self._explain(error, function))
        self._keep(verdict, failure)

    def _function(self) -> Callable[[], Any]:
        generation, check = self._generation, self._check
        if isinstance(check, str):
            owners = (generation.module, generation.service_instance)
            methods: list[Any] = [getattr(owner, check, None) for owner in owners]
            return next(filter(callable, methods), methods[0])
        given = {
            "app_context": generation.context,
            "module": generation.module,
            "service": generation.service_instance,
        }
        return partial(check, **{name: given[GIVEN[name]] for name in self._spec.takes})

    def _explain(self, error: Exception, function: Callable[[], Any]) -> str:
        """Return where and why it failed, without the next step, which depends on the reader."""
        step = Step(function)
        finding = as_load_error(self._generation.source, "health", error, running=step).findings[0]
        return f"{finding.place}: {finding.message}" if finding.place else finding.message

    def _keep(self, verdict: Verdict, error: BaseException | None) -> None:
        before, status = self.health, verdict.status
        took = time.perf_counter() - self._began
        failures = before.failures + 1 if status == "unhealthy" else 0
        self._numbers.happened("checks", took, failed=failures > 0)
        self.health = Health(
            status,
            at=datetime.now(UTC),
            took=took,
            said=verdict.detail,
            failures=failures,
            group=self._spec.group,
        )
        self._error = error if self._generation.stage == "building" else None
        self.said.set()
        if (status, verdict.detail) != (before.status, before.said):
            self._generation.note_change()
        if status != before.status and self._generation.stage != "building":
            self._log(before, error)

    def _log(self, before: Health, error: BaseException | None) -> None:
        """Log that the verdict has changed; the same one again is not worth a line."""
        key, number, health = self._generation.module_id, self._generation.number, self.health
        said = f"{self.name} says {health.status}{f': {health.detail}' if health.detail else ''}"
        if health.status == "unhealthy":
            record_failure(key, said, error, generation=number, code=CODE)
        elif health.status == "degraded":
            log_event(key, said, level=logging.WARNING, generation=number)
        elif before.at is not None:
            after = f" after {count(before.failures, 'failure')}" if before.failures else ""
            log_event(key, f"{said}{after}", generation=number)


class _Look(Work):
    """The work of one run, which gives way to a hand-over."""

    __slots__ = ("_task",)

    def __init__(self, task: asyncio.Task[Any] | None) -> None:
        self._task = task

    def give_way(self) -> None:
        """Cancel the run; it is tried again later."""
        if self._task is not None:
            self._task.cancel()


async def _call(check: Callable[[], Any]) -> Any:
    """Call a check on the loop if it makes a coroutine, else on a thread, beside the loop."""
    outcome = check() if inspect.iscoroutinefunction(check) else await run_plain(check, hold=0)
    return await outcome if inspect.isawaitable(outcome) else outcome
