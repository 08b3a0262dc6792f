"""Tasks of modules: ``@task(every=30)`` on a service's method runs it again and again.

``app_context.tasks.start(function, ...)`` takes the same arguments. `read_task` checks them for
both; the room `modframe.parts.jobs` runs the tasks.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, get_args, overload

from .errors import DecoratorError, ModframeError
from .wording import near

__all__ = ["task"]

F = TypeVar("F", bound=Callable[..., Any])
Overlap = Literal["skip", "queue"]
Restart = Literal["never", "on_failure", "always"]
TASK = "__modframe_task__"
"""The attribute of a method that holds how it runs as a task."""
MAX_RESTARTS = 5


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """How a task runs.

    Attributes:
        name: Its name within the module; empty for that of its function.
        every: Seconds between two runs; ``None`` if it is not run at an interval.
        cron: When it runs, as a cron expression in the time zone ``zone``; empty if it doesn't.
        overlap: What a time does that comes while the last run still goes on.
        restart: After which end it begins again.
        max_restarts: How often in a row it begins again after a failure.
    """

    name: str = ""
    every: float | None = None
    cron: str = ""
    zone: str = "UTC"
    overlap: Overlap = "skip"
    restart: Restart = "never"
    max_restarts: int = MAX_RESTARTS

    @property
    def periodic(self) -> bool:
        """Whether it has times at which it runs; if not, it runs from its start on."""
        return self.every is not None or bool(self.cron)

    @property
    def times(self) -> str:
        """When it runs, for people."""
        if self.every is not None:
            return f"every {self.every:g} s"
        return f"{self.cron} {self.zone}" if self.cron else "once"


class Reports(Protocol):
    """What a running task tells how far it is."""

    def report(self, done: float, total: float | None, text: str) -> None:
        """Keep how far the task is."""


current_run: ContextVar[Reports | None] = ContextVar("modframe_task", default=None)
"""The task whose run the current code belongs to."""


@overload
def task(method: F, /) -> F: ...
@overload
def task(
    *,
    every: float | None = None,
    cron: str | None = None,
    zone: str = "UTC",
    overlap: Overlap = "skip",
    restart: Restart = "never",
    max_restarts: int = MAX_RESTARTS,
    name: str = "",
) -> Callable[[F], F]: ...
def task(method: Any = None, /, **options: Any) -> Any:
    """Run a method of a service as a task while the module is live.

    With ``every`` or ``cron`` it runs at those times, one run at a time, and each run counts as a
    call: a change waits for it, so that the state which a module keeps is exact, and goes on with
    the next run on the generation that is live then. With neither it runs from the moment when the
    module is live, and is cancelled when its generation is replaced. A plain ``def`` runs in a
    thread.

    Args:
        method: The method, where the decorator stands without arguments.
        options: See `read_task`.

    Raises:
        DecoratorError: If an argument makes no sense.
    """
    spec = read_task("@task", options, error=DecoratorError)
    if method is None:
        return lambda method: _declare(method, spec)
    return _declare(method, spec)


def _declare(method: F, spec: TaskSpec) -> F:
    if not inspect.isfunction(method) or inspect.isasyncgenfunction(method):
        raise DecoratorError(
            f"@task stands on {method!r}, and belongs on a method of the service",
            cure="put it above an 'async def' or a 'def' of the class that yields nothing",
        )
    needed = [
        parameter.name
        for parameter in list(inspect.signature(method).parameters.values())[1:]
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if needed:
        raise DecoratorError(
            f"@task runs {method.__name__}() with no arguments, and it takes {', '.join(needed)}",
            cure="give them defaults, or use app_context.tasks.start(method, ...) in a phase",
        )
    setattr(method, TASK, spec)
    return method


def read_task(what: str, options: dict[str, Any], *, error: type[ModframeError]) -> TaskSpec:
    """Return how a task runs.

    Args:
        what: What was called, for messages.
        options: ``every`` (seconds) or ``cron`` (an expression of five fields, or of six with
            seconds first, in the time zone ``zone``) or neither; ``overlap``, ``restart``,
            ``max_restarts`` and ``name``.
        error: What is raised.

    Raises:
        ModframeError: If an argument makes no sense.
    """
    known = ("every", "cron", "zone", "overlap", "restart", "max_restarts", "name")
    for name in options:
        if name not in known:
            raise error(
                f"{what} has no argument {name!r}",
                cure=f"{near(name, known)}Its arguments are {', '.join(known)}",
            )
    given = {name: value for name, value in options.items() if value is not None}
    if "every" in given and "cron" in given:
        raise error(f"{what} has both every= and cron=", cure="leave one of them out")
    faults = (
        _fault_of_every(given.get("every", 1)),
        _fault_of_zone(given.get("zone", "UTC")),
        _fault_of_cron(given.get("cron", "* * * * *")),
        _fault_of_word("overlap", given.get("overlap", "skip"), get_args(Overlap)),
        _fault_of_word("restart", given.get("restart", "never"), get_args(Restart)),
        _fault_of_number(given.get("max_restarts", 0)),
        _fault_of_name(given.get("name", "")),
    )
    for fault in faults:
        if fault is not None:
            raise error(f"{what}({fault[0]}", cure=fault[1])
    return TaskSpec(**given)


Fault = tuple[str, str] | None
"""What is wrong with an argument, and what to do; ``None`` if it is right."""


def _fault_of_every(value: object) -> Fault:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and math.isfinite(value) and value > 0:  # type: ignore[arg-type, operator]  # a number
        return None
    return f"every={value!r}) is no number of seconds above 0", "write for example every=30"


def _fault_of_zone(value: object) -> Fault:
    from zoneinfo import ZoneInfo, available_timezones

    if value == "UTC":
        return None
    try:
        ZoneInfo(str(value))
    except (LookupError, ValueError, OSError):
        hint = near(str(value), available_timezones()).rstrip()
        return f"zone={value!r}) is no time zone", hint or "write for example zone='Europe/Berlin'"
    return None


def _fault_of_cron(value: object) -> Fault:
    from datetime import UTC, datetime

    from cronsim import CronSim, CronSimError

    try:
        next(CronSim(str(value), datetime.now(UTC)))
    except CronSimError as error:
        why = str(error)
        return (
            f"cron={value!r}) is no cron expression: {why[:1].lower()}{why[1:]}",
            "write minute, hour, day of the month, month, day of the week, as in '*/5 * * * *'",
        )
    except StopIteration:
        return f"cron={value!r}) never comes", "write a day that the month has"
    return None


def _fault_of_word(name: str, value: object, choices: tuple[str, ...]) -> Fault:
    if value in choices:
        return None
    listing = ", ".join(map(repr, choices))
    return (
        f"{name}={value!r}) is none of {listing}",
        near(str(value), choices).rstrip() or "choose one of them",
    )


def _fault_of_number(value: object) -> Fault:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return None
    return f"max_restarts={value!r}) is not a number from 0 on", "write for example max_restarts=5"


def _fault_of_name(value: object) -> Fault:
    if isinstance(value, str) and value == value.strip():
        return None
    return f"name={value!r}) is no name", "write for example name='poll'"
