"""`make_parts`: the parts that every generation is made of, in their order; the engine calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..masking import KnownSecrets
from ..observe import Numbers
from ..runtime.generation import Generation
from ..runtime.loop.app_loop import AppLoop
from ..runtime.part import Part, Parts
from .children import ChildrenPart
from .clients import ClientsPart
from .database.lazy import LazyDatabases
from .database.part import DatabasePart
from .events import Events, EventsPart
from .health import HealthPart
from .integrity import IntegrityPart
from .jobs import Jobs, JobsPart
from .log_handlers import LogHandlersPart
from .metrics import MetricsPart
from .pools import PoolsPart
from .resources import ResourcesPart
from .service import ServicePart
from .sessions import SessionsPart
from .settings import SettingsPart, SettingsSources
from .tasks import TasksPart
from .threads import ThreadsPart
from .timers import TimersPart
from .traffic import TrafficPart
from .web.part import WebPart
from .web.path_table import PathTable


def make_parts(
    app_loop: AppLoop,
    *,
    live: Callable[[], Iterable[Generation]],
    databases: LazyDatabases,
    resources: ResourcesPart,
    pools: PoolsPart,
    events: Events,
    jobs: Jobs,
    paths: PathTable,
    settings: SettingsSources,
    secrets: KnownSecrets,
    numbers: Numbers,
    hurry: asyncio.Event,
    more: Sequence[Part[Any]] = (),
) -> Parts:
    """Make the parts in the order they are prepared and entered.

    They are left in reverse, so a part stands below those that it may use. At an end, the
    health check ends, the routes go and the module stops first; then its tasks, timers, threads
    and sessions, which may run until that stop. With no session open, a failed load's additions
    to the database are taken back. Resources and log handlers are settled last: all others may
    use them.

    Args:
        app_loop: The loop that module code runs on.
        live: Returns the generations that are live.
        databases: The module databases.
        resources: The part that keeps what the generations of a module share.
        pools: The part with the threads and child processes of ``app_context.tasks``.
        events: The queues of the events that modules publish.
        jobs: The named tasks of modules.
        paths: Which modules claim a path.
        settings: What sets the modules' settings.
        secrets: Gets the secrets in what tasks raise.
        numbers: What is counted.
        hurry: Once set, graceful stops end at once.
        more: Further parts; what module code runs may use them to its end.
    """
    return Parts(
        (
            LogHandlersPart(),
            MetricsPart(live),
            resources,
            ChildrenPart(),
            ClientsPart(),
            pools,
            DatabasePart(databases),
            *more,
            SessionsPart(),
            ThreadsPart(resources.holds),
            TimersPart(),
            TasksPart(app_loop, secrets),
            EventsPart(events),
            JobsPart(jobs),
            SettingsPart(settings),
            ServicePart(hurry, SettingsPart.of),
            WebPart(paths),
            TrafficPart(numbers),
            HealthPart(app_loop, numbers),
            IntegrityPart(),
        )
    )
