"""`Trial`: what a change asks of each new generation before it publishes: do its tests pass?

The engine hands one to a change. Its transaction calls it, on the app loop, once phase 2 is
through; it gives back what they came to, or raises the `LoadError` that fails the change.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from ..errors import Finding, LoadError
from ..load.text import is_code, is_test
from ..names import folder_of
from ..parts.tasks import TasksPart
from ..runtime.app import App
from ..runtime.bounds import GRACE, cancel_all
from ..runtime.change.outcome import Passed
from ..runtime.generation import Generation
from ..runtime.live import Live
from .isolation import undisturbed
from .scratch import Scratch
from .subject import Failure, Subject
from .verdict import STEP, verdict

if TYPE_CHECKING:
    from ..runtime.change.batch import Batch
    from .session import Run


class Trials:
    """Makes the trials of one app; their runs take turns, for pytest is one to a process."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.turn = asyncio.Lock()

    def make(self, required: Iterable[str] = ()) -> Trial:
        """A trial for one change.

        Args:
            required: The modules that must have tests; others go through without any.
        """
        return Trial(self, frozenset(required))


class Trial:
    """The trial of one change."""

    def __init__(self, trials: Trials, required: Collection[str]) -> None:
        self._trials = trials
        self._required = required

    async def __call__(self, generation: Generation, batch: Batch) -> Passed | None:
        """Run the tests of a generation that is ready to go live.

        Returns:
            What they came to; nothing if there are none, and need be none.

        Raises:
            LoadError: If they don't pass in time, or if there are none and there must be.
        """
        source = generation.source
        must = generation.module_id in self._required
        if not any(map(is_test, source.files)):
            if must:
                raise _no_tests(generation, "the module has no tests")
            return None
        app = self._trials.app
        seen = _seen(app.live, batch)
        scratch = Scratch(app.config, seen.generations.values)
        run = await self._run_of(generation, batch, seen=seen, scratch=scratch)
        async with self._trials.turn:
            try:
                failures = await self._carry_out(run, generation)
            finally:
                await asyncio.shield(scratch.aclose())
        if failures:
            raise verdict(source, failures)
        if run.reports.none:
            if must:
                files = ", ".join(sorted(filter(is_test, source.files)))
                raise _no_tests(generation, f"there is no test in {files}")
            return None
        return run.reports.passed

    async def _run_of(
        self, generation: Generation, batch: Batch, *, seen: Live, scratch: Scratch
    ) -> Run:
        try:
            await asyncio.to_thread(importlib.import_module, f"{__package__}.session")
            from .session import Run
        except ModuleNotFoundError as error:
            if error.name not in ("pytest", "_pytest"):
                raise
            finding = Finding(
                "no-pytest",
                "error",
                "its tests can't be run: pytest is not installed",
                cure="pip install 'modframe[pytest]', or run it without the tests",
            )
            raise LoadError(generation.module_id, STEP, [finding]) from None
        return Run(self._subject(generation, batch, seen=seen), scratch)

    def _subject(self, generation: Generation, batch: Batch, *, seen: Live) -> Subject:
        app = self._trials.app
        if generation.package is None:
            raise LookupError(f"{generation!r} was not loaded yet")

        def package_of(module_id: str) -> str | None:
            seen = batch.find(module_id)
            return seen.package_name if seen is not None else None

        return Subject(
            generation.source,
            generation.package,
            app.app_loop,
            generation.context,
            folder=folder_of(app.modules_folder, generation.module_id),
            package_of=package_of,
            asgi=lambda: app.asgi_over(seen),
        )

    async def _carry_out(self, run: Run, generation: Generation) -> list[Failure]:
        """Run the tests; what failed. However it ends, the process is as it was."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        timeout = self._trials.app.config.test_timeout
        with undisturbed():
            run.start(lambda: _tell(loop, over))
            try:
                await _wait(over, timeout)
                overdue = None if over.is_set() else await _end(run, over, timeout)
            except asyncio.CancelledError:
                await _end(run, over, timeout)
                raise
            finally:
                if generation.package is not None:
                    generation.package.drop_tests()
                await cancel_all(_tasks_of_tests(generation))
        return [*run.failures(), *([overdue] if overdue else [])]


def _seen(live: Live, batch: Batch) -> Live:
    """A table of what is live, the change's generations in place of those they would replace."""
    seen = Live()
    seen.generations = {**live.generations, **batch.going}
    return seen


def _no_tests(generation: Generation, message: str) -> LoadError:
    finding = Finding(
        "no-tests",
        "error",
        message,
        cure="write functions called test_... in test_api.py or tests/test_....py, or run it "
        "without the tests",
    )
    return LoadError(generation.module_id, STEP, [finding])


def _tell(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    try:
        loop.call_soon_threadsafe(over.set)
    except RuntimeError:
        return  # the loop was closed meanwhile: nobody waits any more


async def _wait(over: asyncio.Event, timeout: float) -> None:
    waiting = asyncio.ensure_future(over.wait())
    try:
        await asyncio.wait({waiting}, timeout=timeout)
    finally:
        waiting.cancel()


async def _end(run: Run, over: asyncio.Event, timeout: float) -> Failure:
    """End a run that takes too long, or that nobody waits for any more."""
    name = run.reports.current or "the import of the tests"
    file, line = run.place()
    run.stop()
    await _wait(over, GRACE)
    state = "was ended"
    if not over.is_set():
        run.bridge.leave()
        await _wait(over, GRACE)
        state = "could not be ended, so it was left behind"
    text = f"is not done after the {timeout:g} s that all tests have (MODFRAME_TEST_TIMEOUT)"
    return Failure("test-overdue", name, f"{text} and {state}", file, line)


def _tasks_of_tests(generation: Generation) -> list[asyncio.Task[Any]]:
    """The tasks that the tests started themselves; the module's own go on."""
    tasks = TasksPart.of(generation)
    return [
        one for one in (tasks.running if tasks is not None else ()) if _is_of_tests(one, generation)
    ]


def _is_of_tests(task: asyncio.Task[Any], generation: Generation) -> bool:
    inner = getattr(task.get_coro(), "cr_await", None)  # the app loop wraps what it is given
    code = getattr(inner, "cr_code", None)
    file = generation.source.file_named(code.co_filename) if code is not None else ""
    return bool(file) and not is_code(file)
