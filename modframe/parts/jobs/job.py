"""`Job`: one named task of a module, run over all its generations, one run at a time.

It belongs to the app. A periodic one has a timer, and nothing else between two runs. A task drives
it while it has something to run; each run has a task of its own, which ends of generations cancel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from datetime import datetime
from typing import Literal

from ...errors import ModframeError, reason_line
from ...masking import KnownSecrets
from ...observe import Numbers, record_failure
from ...runtime.calls.delivery import CutError, pause_after, run_live
from ...runtime.failure import as_death, note_death
from ...runtime.gate import Work, current_work
from ...runtime.generation import Generation
from ...runtime.loop.app_loop import AppLoop
from ...runtime.owner import activation_of
from ...tasks import current_run
from .definition import Definition
from .progress import Progress
from .times import Times, times_of
from .waiters import Waiters

State = Literal["waiting", "running", "restarting", "done", "failed", "cancelled"]
_STEADY = 60.0
"""Seconds after which a run counts as a good one: a failure is then the first in a row."""
_QUEUED = 1000
"""How many runs may wait for the one that goes on."""


class Job:
    """A task over the generations of its module.

    Args:
        definition: What it runs; replaced by that of the next generation.
        find: Finds the live generation of a module.
        app_loop: The app loop.
        secrets: The secrets that no report of a failure may have.
        numbers: Counts the runs.

    Attributes:
        state: ``waiting running restarting done failed`` or ``cancelled``.
        runs: How many runs have begun. ``skipped``: how many times came while a run went on, or
            while something kept the loop. ``failures``: how many runs failed in a row.
        error: What the last run failed with; ``None`` once a run ends well.
        progress: How far it says it is; ``None`` if it says nothing.
        closed: Whether no live generation has it any more.
    """

    def __init__(
        self,
        definition: Definition,
        *,
        find: Callable[[str], Generation | None],
        app_loop: AppLoop,
        secrets: KnownSecrets,
        numbers: Numbers,
    ) -> None:
        self._secrets, self._numbers = secrets, numbers
        self.definition = definition
        self.state: State = "waiting"
        self.runs = self.skipped = self.failures = 0
        self.error: BaseException | None = None
        self.progress: Progress | None = None
        self.closed = False
        self._find, self._app_loop, self._loop = find, app_loop, app_loop.loop
        self._times: Times | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0
        self._waiters = Waiters(self.label)
        self._work: Work | None = None
        self._driver: asyncio.Task[None] | None = None
        self._run: asyncio.Task[None] | None = None
        self._run_of: Definition | None = None
        self._cut = False
        self._wake = asyncio.Event()

    @property
    def label(self) -> str:
        """What messages call it: ``standard.orders.poll``."""
        return ".".join(self.definition.key)

    @property
    def is_going(self) -> bool:
        """Whether it has not ended: it runs, or will run."""
        return self.state in ("waiting", "running", "restarting")

    @property
    def error_text(self) -> str:
        """What the last run failed with, as one line without secrets; empty if it didn't fail."""
        error = self.error
        if error is None:
            return ""
        return self._secrets.mask(f"{type(error).__name__}: {reason_line(error)}")

    @property
    def next(self) -> datetime | None:
        """When it runs next, in UTC; ``None`` if that is not known."""
        return self._times.next if self._times is not None else None

    # -- what it is to do -----------------------------------------------------------------

    def begin(self) -> None:
        """Begin: at its next time if it is periodic, else now."""
        self.state = "running" if self._run is not None else "waiting"
        if self.definition.spec.periodic:
            if self._times is None:
                self._times = times_of(self.definition.spec)
                self._arm()
        else:
            self._due = 1
        self._go_on()

    def follow(self, definition: Definition) -> None:
        """Run what the next generation has from now on; a pause ends, and so does a cancellation.

        A time that was set stays, unless the new generation says other times. A run of the old
        generation that goes on from its start ends when that one retires; the new one begins then.
        """
        before, self.definition = self.definition.spec, definition
        spec = definition.spec
        if (before.every, before.cron, before.zone) != (spec.every, spec.cron, spec.zone):
            self._disarm()
        self.failures, self.error = 0, None
        self._wake.set()
        if spec.periodic and not before.periodic:
            self._due = 0
        self.begin()

    def request(self) -> int:
        """Ask for a run; return the number of the run that does for it.

        While one goes on, another is queued or this one is skipped, as the task says.
        """
        spec = self.definition.spec
        number = self._waiters.ended + self._due + 1
        if self._due and (spec.overlap == "skip" or self._due >= _QUEUED or not spec.periodic):
            self.skipped += spec.periodic
            return self._waiters.ended + 1
        self._due += 1
        self._go_on()
        return number

    def run_now(self) -> asyncio.Future[None]:
        """Ask for a run outside its times; return what is done when it has ended.

        A task without times begins again if it has ended, and what is returned is done at once. A
        cancelled task goes on.
        """
        periodic = self.definition.spec.periodic
        if self.state == "cancelled" and periodic:
            self.begin()
        if not self._due:
            self._work = current_work.get()  # a hand-over may wait for what asks
        number = self.request()
        return self._waiters.future(self._loop, number if periodic else 0)

    def cancel(self) -> None:
        """Cancel its run, and let it run no more until its module is loaded again."""
        self._disarm()
        self._due = 0
        if self.is_going:
            self.state = "cancelled"
        self._wake.set()
        if self._run is not None:
            self._cut = True
            self._run.cancel()

    def restart(self) -> None:
        """Cancel its run and begin anew: a periodic task at its times, counted from now.

        The next run begins once the one that is cancelled has ended.
        """
        self.cancel()
        self._waiters.give_up()
        self.failures, self.error = 0, None
        self.begin()
        if self._run is not None:
            self.state = "restarting"

    def close(self) -> None:
        """Let it run no more: no live generation has it. What runs ends with its generation."""
        self.closed = True
        self._disarm()
        self._due = 0
        self._wake.set()
        self.error = None
        if self._run is None:
            self._waiters.give_up()

    def leave_behind(self, generation: Generation) -> None:
        """Wait no longer for a run of a generation that retired and ignores its cancellation."""
        definition = self._run_of
        if (
            self._run is not None
            and self._driver is not None
            and definition is not None
            and definition.generation is generation
            and not (definition.spec.periodic or self._run.done())
        ):
            self._due = int(definition is not self.definition and self._due)
            self._driver.cancel()

    # -- times ----------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._times is not None:
            # A context of its own, and no module code in it: nothing takes it for a module's timer.
            self._timer = self._loop.call_later(self._times.sleep(), self._look, context=Context())

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._times = None

    def _look(self) -> None:
        if self._times is None:
            return
        came = self._times.look()
        self._arm()
        if came:
            self.skipped += came - 1
            self.request()

    # -- runs -----------------------------------------------------------------------------

    def _go_on(self) -> None:
        if self._driver is None and self._due and not self.closed:
            self._wake.clear()
            self._driver = self._app_loop.spawn(self._drive(), name=self.label)
            self._driver.add_done_callback(self._stopped)

    def _stopped(self, driver: asyncio.Task[None]) -> None:
        if self._driver is driver:
            self._driver = self._run = self._run_of = None
            if not driver.cancelled() and (error := driver.exception()) is not None:
                self._due = 0
                record_failure(self.definition.key[0], f"{self.label} can't go on", error)
            self._go_on()

    async def _drive(self) -> None:
        """Run what is due, until nothing is."""
        while self._due:
            pause = await self._run_and_settle()
            self._run = self._run_of = None
            if pause and self._due:
                self._wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)
        if self.closed or self.state == "cancelled":
            self._waiters.give_up()
        elif self.state == "restarting":
            self.state = "waiting"

    async def _run_and_settle(self) -> float:
        """Run once; return the seconds before the next try, if there is one."""
        definition, began = self.definition, self._loop.time()
        self.runs += 1
        error: BaseException | None = None
        try:
            await self._run_once(definition)
        except CutError:
            self.runs -= definition.spec.periodic
            self._leave_if_over(definition)
            return 0.0
        except Exception as fault:  # noqa: BLE001  # the module's own; it is recorded
            error = fault
        took = self._loop.time() - began
        self._numbers.happened("tasks", took, failed=error is not None)
        if took > _STEADY:
            self.failures = 0
        return self._settle(self._run_of or definition, error)

    def _leave_if_over(self, definition: Definition) -> None:
        """Let a run that was cut not be given again, if nothing is there to run it."""
        if self.closed or self.state == "cancelled" or self._find(definition.key[0]) is None:
            self._due = 0
        elif definition is self.definition and definition.generation.stage in ("retired", "closed"):
            self._due = 0  # its successor, or it itself built again, lets it begin
            self.state = "waiting"

    async def _run_once(self, definition: Definition) -> None:
        """Run once, in a task that an end can cancel.

        Raises:
            CutError: If the run was cut, or there is no generation to run on.
            ModframeError: If it let a ``CancelledError`` out.
        """
        self._run_of, self.progress, self._cut = definition, None, False
        run = self._run = self._start_run(definition)
        self.state = "running"
        try:
            await asyncio.shield(run)
        except asyncio.CancelledError:
            if not run.cancelled():
                raise  # the driver is: the run is left behind
            if self._was_ended(definition):
                raise CutError from None
            raise ModframeError(
                f"{self.label} was cancelled", cure="let it handle CancelledError of what it awaits"
            ) from None

    def _was_ended(self, definition: Definition) -> bool:
        over = definition is not self.definition or definition.generation.stage != "live"
        return self.closed or self._cut or over

    def _start_run(self, definition: Definition) -> asyncio.Task[None]:
        context, work, self._work = Context(), self._work, None
        if work is not None:
            context.run(current_work.set, work)
        context.run(current_run.set, self)
        if definition.spec.periodic:
            return self._loop.create_task(self._tick(), name=self.label, context=context)
        return context.run(self._start_consumer, definition)

    def _start_consumer(self, definition: Definition) -> asyncio.Task[None]:
        """Start a run without times as what ``activate`` starts: it ends when its generation does.

        Raises:
            CutError: If that has happened.
        """
        package = definition.generation.package_name
        owner = self._app_loop.owners.get(package)
        if owner is None:
            raise CutError
        with activation_of(package):
            run = owner.wrap(definition.run())
            task: asyncio.Task[None] = self._loop.create_task(
                run, name=self.label, context=copy_context()
            )
            owner.add(task)
        return task

    async def _tick(self) -> None:
        """Run a periodic task once, on the generation that is live, as a call."""
        module_id = self.definition.key[0]
        await run_live(lambda: self._find(module_id), self._run_on, label=self.label)

    async def _run_on(self, generation: Generation) -> None:
        if self.closed or self.definition.generation is not generation:
            raise CutError
        self._run_of = self.definition
        await self._run_of.run()

    # -- what came of a run ---------------------------------------------------------------

    def _settle(self, definition: Definition, error: BaseException | None) -> float:
        """Note what came of a run; return the seconds before the same run is made again, if any."""
        spec = definition.spec
        restarted = self._cut and self.state != "cancelled"
        # The error of a generation that was replaced would keep it in memory; it is logged.
        self.error = error if definition is self.definition else None
        if error is None:
            self.failures = 0
            definition.generation.forget_death(definition.name)
            again = spec.restart == "always" and not spec.periodic
        else:
            self.failures += 1
            again = spec.restart != "never" and self.failures <= spec.max_restarts
        again = again or (restarted and not spec.periodic)
        again = again and not self.closed and self.state != "cancelled"
        if error is not None:
            self._record(definition, error, again=again)
        if restarted or (definition is not self.definition and not self.definition.spec.periodic):
            return 0.0  # what was asked for since is due, or the next generation's
        if again:
            self.state = "restarting"
            return pause_after(self.failures)
        if self.state != "cancelled":
            ended: State = "done" if error is None else "failed"
            self.state = "waiting" if spec.periodic else ended
        self._due = max(self._due - 1, 0)
        self._waiters.end(error)
        return 0.0

    def _record(self, definition: Definition, error: BaseException, *, again: bool) -> None:
        generation, name = definition.generation, definition.name
        times = f"{self.failures} times in a row" if self.failures > 1 else ""
        what = f"has failed {times}".rstrip()
        then = "it begins again" if again else "it runs at its next time"
        dead = not again and not definition.spec.periodic
        if dead:
            what, then = f"died, having failed {times}" if times else "died", "it runs no more"
        record_failure(
            generation.module_id, f"task {name} {what}; {then}", error, generation=generation.number
        )
        if (dead or self.failures > 1) and generation.stage == "live":
            death = as_death(generation.source, name, error, fate=f"{what}; {then}")
            note_death(generation, death, self._secrets)

    def report(self, done: float, total: float | None, text: str) -> None:
        """Keep how far it says it is."""
        self.progress = Progress(done, total, text)
