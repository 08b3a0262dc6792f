"""`Trials`: runs the tests of each new generation of a change before the change publishes.

The transaction calls it on the app loop, after phase 2. It returns the counts, or raises the
`LoadError` that fails the change.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import LoadError
from ..finding import Finding
from ..load.text import is_code, is_test
from ..parts.database.part import declared_by
from ..parts.tasks import TasksPart
from ..parts.web.paths import prefixes_of
from ..runtime.app import App
from ..runtime.change.outcome import Passed
from ..runtime.generation import Generation
from ..runtime.live import Live
from ..runtime.loop.bounds import GRACE, cancel_all, wait_for_any
from .isolation import process_restored
from .scratch import ScratchDatabases
from .subject import Failure, Subject
from .verdict import STEP, verdict

if TYPE_CHECKING:
    from ..runtime.change.batch import Batch
    from ..runtime.change.transaction import Trial
    from .session import Run

_WRITE_TESTS = (
    "write functions called test_... in test_api.py or tests/test_....py, or run it without the "
    "tests"
)


class Trials:
    """Tests the changes of one app; runs take turns, as a process can hold one pytest run."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._turn = asyncio.Lock()

    def make(self, required: Iterable[str] = ()) -> Trial:
        """Return the trial of one change; the modules in ``required`` must have tests."""
        return partial(self._test, required=frozenset(required))

    async def _test(
        self, generation: Generation, batch: Batch, *, required: Collection[str]
    ) -> Passed | None:
        """Run the tests of a generation that is ready to go live.

        Return the counts, or None if there are no tests and none are required.

        Raises:
            LoadError: If they don't pass in time, or if there are none and they are required.
        """
        source = generation.source
        must_have = generation.module_id in required
        if not any(map(is_test, source.files)):
            if must_have:
                raise _trial_error(generation, "no-tests", "the module has no tests")
            return None
        app = self._app
        seen = _seen(app.live, batch)
        databases = ScratchDatabases(app.config, lambda: declared_by(seen.generations.values()))
        run = await self._run_of(generation, batch, seen=seen, databases=databases)
        async with self._turn:
            try:
                failures = await self._await(run, generation)
            finally:
                await asyncio.shield(databases.aclose())
        if failures:
            error = verdict(source, failures)
            error.tried = run.reports.tried
            raise error
        if run.reports.empty:
            if must_have:
                files = ", ".join(sorted(filter(is_test, source.files)))
                raise _trial_error(generation, "no-tests", f"there is no test in {files}")
            return None
        return run.reports.passed

    async def _run_of(
        self, generation: Generation, batch: Batch, *, seen: Live, databases: ScratchDatabases
    ) -> Run:
        try:
            await asyncio.to_thread(importlib.import_module, f"{__package__}.session")
            from .session import Run
        except ModuleNotFoundError as error:
            if error.name not in ("pytest", "_pytest"):
                raise
            raise _trial_error(
                generation,
                "no-pytest",
                "its tests can't be run: pytest is not installed",
                cure="pip install 'modframe[pytest]', or run it without the tests",
            ) from None
        return Run(self._subject(generation, batch, seen=seen), databases)

    def _subject(self, generation: Generation, batch: Batch, *, seen: Live) -> Subject:
        if generation.package is None:
            raise LookupError(f"{generation!r} was not loaded yet")

        def package_of(module_id: str) -> str | None:
            seen = batch.find(module_id)
            return seen.package_name if seen is not None else None

        return Subject(
            generation.source,
            generation.package,
            self._app.app_loop,
            generation.context,
            package_of=package_of,
            asgi=lambda: self._app.asgi_over(seen),
            module_ids=seen.generations.keys(),
            prefix_of=lambda key: prefixes_of(key, seen.generations[key].spec.paths)[0],
        )

    async def _await(self, run: Run, generation: Generation) -> list[Failure]:
        """Run the tests and return what failed; restore the process, however the run ends."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        timeout = self._app.config.test_timeout
        with process_restored():
            run.start(lambda: _set_from_thread(loop, over))
            try:
                await wait_for_any(over, timeout=timeout)
                overdue = None if over.is_set() else await _end(run, over, timeout)
            except asyncio.CancelledError:
                await _end(run, over, timeout)
                raise
            finally:
                if generation.package is not None:
                    generation.package.drop_tests()
                await cancel_all(_tasks_of_tests(generation))
        return [*run.reports.failures, *([overdue] if overdue else [])]


def _seen(live: Live, batch: Batch) -> Live:
    """Return a table of what would be live: the change's generations and the other live ones."""
    seen = Live()
    seen.generations = {**live.generations, **batch.going}
    return seen


def _trial_error(
    generation: Generation, rule: str, message: str, *, cure: str = _WRITE_TESTS
) -> LoadError:
    return LoadError(generation.module_id, STEP, [Finding(rule, "error", message, cure=cure)])


def _set_from_thread(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop was closed meanwhile, and nothing waits there
        loop.call_soon_threadsafe(event.set)


async def _end(run: Run, over: asyncio.Event, timeout: float) -> Failure:
    """End a run that takes too long or was cancelled; return the failure that reports it."""
    name = run.reports.current or "the import of the tests"
    file, line = run.current_place()
    run.stop()
    await wait_for_any(over, timeout=GRACE)
    state = "was ended"
    if not over.is_set():
        run.bridge.abandon()
        await wait_for_any(over, timeout=GRACE)
        state = "could not be ended, so it was left behind"
    text = f"is not done after the {timeout:g} s that all tests have (MODFRAME_TEST_TIMEOUT)"
    return Failure("test-overdue", name, f"{text} and {state}", file, line)


def _tasks_of_tests(generation: Generation) -> list[asyncio.Task[Any]]:
    """The tasks that the tests started themselves; the module's own go on."""
    tasks = TasksPart.of(generation)
    running = tasks.running if tasks is not None else ()
    return [task for task in running if _is_of_tests(task, generation)]


def _is_of_tests(task: asyncio.Task[Any], generation: Generation) -> bool:
    inner = getattr(task.get_coro(), "cr_await", None)  # the app loop wraps each coroutine
    code = getattr(inner, "cr_code", None)
    file = generation.source.file_named(code.co_filename) if code is not None else ""
    return bool(file) and not is_code(file)
