"""`Facts`: what the engine hands over of an app, for tools and resources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...masking import KnownSecrets
from ...observe import EventLog
from ...runtime.live import Live
from ...source import Source
from ...view.snapshot import ModuleView, Snapshot


@dataclass(frozen=True, slots=True)
class Facts:
    """What assistants are shown of an app, and the way to its services.

    Attributes:
        live: The table of what runs.
        view: Returns what is known of one module.
        snapshot: Returns what is known of everything.
        source: Returns the text of a module: the live one, else its draft; ``None`` without one.
        get_service: Returns the handle of a service by its name.
        log: The event log.
        secrets: Those of the app, which no text shows.
    """

    live: Live
    view: Callable[[str], ModuleView]
    snapshot: Callable[[], Snapshot]
    source: Callable[[str], Source | None]
    get_service: Callable[[str], Any]
    log: EventLog
    secrets: KnownSecrets
