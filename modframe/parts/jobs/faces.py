"""What modules and people see of the tasks: `Task`, and ``app.tasks``, the mapping of all."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ...errors import TaskError
from ...html import section, table
from ...runtime.calls.call import Call
from ...runtime.loop.app_loop import AppLoop
from ...wording import count, near
from .definition import Key
from .job import Job
from .jobs import Jobs


class Task:
    """A named task of a module. It is looked up at each use, so it is always current."""

    def __init__(self, jobs: Jobs, app_loop: AppLoop, key: Key) -> None:
        self._jobs, self._app_loop, self._key = jobs, app_loop, key

    @property
    def _job(self) -> Job | None:
        return self._jobs.get(self._key)

    @property
    def name(self) -> str:
        """Its name, such as ``"standard.orders.poll"``."""
        return ".".join(self._key)

    @property
    def state(self) -> str:
        """``waiting running restarting done failed`` or ``cancelled``.

        ``waiting`` is also one whose module is not live.
        """
        job = self._job
        return job.state if job is not None else "waiting"

    @property
    def error(self) -> BaseException | None:
        """What the last run failed with; ``None`` if it didn't fail."""
        job = self._job
        return job.error if job is not None else None

    @property
    def runs(self) -> int:
        """How many runs have begun, over all generations of the module."""
        job = self._job
        return job.runs if job is not None else 0

    @property
    def skipped(self) -> int:
        """How many times came while a run still went on, and were skipped."""
        job = self._job
        return job.skipped if job is not None else 0

    @property
    def next(self) -> datetime | None:
        """When it runs next, in UTC; ``None`` for a task without times."""
        job = self._job
        return job.next if job is not None else None

    @property
    def progress(self) -> str:
        """How far it says it is; empty if it says nothing."""
        job = self._job
        return str(job.progress or "") if job is not None else ""

    def cancel(self) -> None:
        """Cancel its run, and let it run no more until its module is loaded again.

        Raises:
            TaskError: If its module isn't live, or has no such task any more.
        """
        self._app_loop.call("task.cancel()", lambda: self._found().cancel())

    def restart(self) -> None:
        """Cancel its run and begin anew; one that has ended or was cancelled begins again.

        The times of a periodic task count from now. Another one runs once the cancelled run has
        ended; until then its state is ``restarting``. It begins on the generation that is live.

        Raises:
            TaskError: If its module isn't live, or has no such task any more.
        """
        self._app_loop.call("task.restart()", lambda: self._found().restart())

    def run_now(self) -> Awaitable[None]:
        """Run it outside its times; one that has ended or was cancelled begins again.

        Returns:
            Something to await: the end of the run, with its error. For a task without times it
            returns once the task has begun.

        Raises:
            TaskError: If its module isn't live.
        """
        if self._app_loop.here:
            return self._found().run_now()
        return Call(self._app_loop, lambda: self._found().run_now(), f"{self.name}.run_now()")

    def _found(self) -> Job:
        return self._jobs.find(self._key)

    def __repr__(self) -> str:
        said = f", {self.progress}" if self.progress else ""
        job = self._job
        error = f", {job.error_text}" if job is not None and job.error is not None else ""
        return f"<Task {self.name}: {self.state}, {count(self.runs, 'run')}{said}{error}>"


class AppTasks(Mapping[str, Task]):
    """The named tasks of all live modules, by name such as ``"standard.orders.poll"``."""

    def __init__(self, jobs: Jobs, app_loop: AppLoop) -> None:
        self._jobs, self._app_loop = jobs, app_loop

    def __getitem__(self, name: str) -> Task:
        jobs = self._jobs.all()
        job = jobs.get(name)
        if job is None:
            raise UnknownTaskError(
                f"there is no task {name!r}",
                cure=near(name, jobs).rstrip() or "app.tasks lists those of live modules",
            )
        return Task(self._jobs, self._app_loop, job.definition.key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._jobs.all())

    def __len__(self) -> int:
        return len(self._jobs.all())

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.values())) or "<no tasks>"

    def _repr_html_(self) -> str:
        rows = [
            (name, *(one[key] for key in _KEYS))
            for name, job in self._jobs.all().items()
            for one in [facts_of(job)]
        ]
        return section("tasks", table(rows, head=("task", *_KEYS)) if rows else "", note=len(rows))


_KEYS = ("times", "state", "runs", "skipped", "next", "progress", "error")


class UnknownTaskError(TaskError, KeyError):
    """Raised by ``app.tasks[name]`` for a name that no live module has."""

    __str__ = TaskError.__str__


def facts_of(job: Job) -> dict[str, Any]:
    """Return what there is to say about a task, as JSON-ready facts; from any thread."""
    following, definition = job.next, job.definition
    return {
        "name": definition.name, "function": definition.runs, "times": definition.spec.times,
        "state": job.state, "runs": job.runs, "skipped": job.skipped,
        "next": following.isoformat(timespec="seconds") if following else "",
        "progress": str(job.progress or ""), "error": job.error_text,
    }  # fmt: skip
