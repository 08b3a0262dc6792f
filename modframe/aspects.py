"""`Aspects`: the parts that each generation is made of, in their order; made by `Engine`.

They are left in reverse, so what stands further down ends first: a module stops, its tasks end,
then its timers, threads and sessions; what a failed load added to a database is judged after that;
what generations share is let go of at the very end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from .parts.database.part import DatabasePart, LazyDatabases
from .parts.loggers import Loggers
from .parts.metrics import MetricsPart
from .parts.resources import ResourcesPart
from .parts.service import ServicePart
from .parts.sessions import SessionsPart
from .parts.settings import SettingsPart
from .parts.tasks import TasksPart
from .parts.threads import ThreadsPart
from .parts.timers import TimersPart
from .parts.web.part import WebPart
from .runtime.generation import Generation
from .runtime.loop import AppLoop
from .runtime.part import Part


class Aspects:
    """The parts of one app.

    Args:
        app_loop: Where module code runs.
        databases: The app's databases.
        given_settings: Module id → settings given at start.
        hurry: Once set, graceful stops end at once.
        find: The live generation of a module.

    Attributes:
        parts: All of them.
        resources: The one that keeps what generations share.
    """

    def __init__(
        self,
        app_loop: AppLoop,
        *,
        databases: LazyDatabases,
        given_settings: Mapping[str, Mapping[str, Any]],
        hurry: asyncio.Event,
        find: Callable[[str], Generation | None],
    ) -> None:
        self.resources = ResourcesPart(app_loop)
        self._loggers = Loggers()
        self.parts: tuple[Part, ...] = (
            MetricsPart(find),
            self.resources,
            DatabasePart(databases),
            SessionsPart(),
            ThreadsPart(self.resources.holds),
            TimersPart(),
            TasksPart(app_loop),
            SettingsPart(given_settings),
            ServicePart(hurry),
            WebPart(),
        )

    def expect(self, generation: Generation) -> None:
        """A text is about to run: it may own things before any part is entered, and then fail."""
        self._loggers.expect(generation)
        generation.ledger.own("log handlers", lambda: self._loggers.end(generation))
        self.resources.expect(generation)
        generation.ledger.own("resources", lambda: self.resources.leave(generation))
