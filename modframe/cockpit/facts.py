"""`Facts`: what the cockpit shows of an app, and what it may ask of it. The engine makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..masking import KnownSecrets
from ..observe import EventLog, Numbers, Watchdog
from ..parts.database.lazy import LazyDatabases
from ..parts.health import Overview
from ..runtime.live import Live
from ..runtime.loop.app_loop import AppLoop
from ..runtime.part import Parts
from ..runtime.record import Records
from ..source import Source
from ..view.collect import Collector
from ..view.snapshot import Snapshot

if TYPE_CHECKING:
    from ..ship import ExportPlan


@dataclass(frozen=True, slots=True)
class Facts:
    """What a cockpit knows of one app.

    Attributes:
        app: Returns the `AppContext`, whose verbs the operations call, as a person does in a cell.
        asgi: Returns the application that answers requests without a port.
        live: What runs. ``records``: what is known of each module beside it.
        seen: Makes the views of modules. ``parts``: do what the buttons of their panels say.
        snapshot: Returns the whole snapshot.
        health: Knows how healthy the modules are.
        current: Returns the text of a module as it is now, which a reload builds.
        plan_export: Returns what an export of a module would write.
        watching: Returns whether saved files are swapped in.
        url: Returns where the API is served; empty if it isn't.
    """

    app: Callable[[], Any]
    app_loop: AppLoop
    asgi: Callable[[], Any]
    live: Live
    records: Records
    seen: Collector
    parts: Parts
    snapshot: Callable[[], Snapshot]
    health: Overview
    numbers: Numbers
    log: EventLog
    watchdog: Watchdog
    secrets: KnownSecrets
    current: Callable[[str], Source]
    plan_export: Callable[[str], ExportPlan]
    databases: LazyDatabases
    watching: Callable[[], bool]
    url: Callable[[], str]
    workspace: str
    data: str

    def clean(self, message: Mapping[str, Any]) -> Any:
        """Return a message without the secrets of the app."""
        return self.secrets.replace_in(message) if self.secrets else message
