"""`Facts`: what the engine hands over of an app, for tools and resources."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...masking import KnownSecrets
from ...observe import EventLog
from ...runtime.live import Live
from ...runtime.record import Records
from ...source import Source
from ...view.snapshot import ModuleView, Snapshot


@dataclass(frozen=True, slots=True)
class Facts:
    """What assistants are shown of an app, and the way to its services.

    Attributes:
        live: The table of what runs. ``records``: what is known of each module beside it.
        view: Returns what is known of one module.
        snapshot: Returns what is known of everything.
        get_service: Returns the handle of a service by its name.
        log: The event log.
        secrets: Those of the app, which no text shows.
        spawn: Begins a task of the framework on the app loop.
    """

    live: Live
    records: Records
    view: Callable[[str], ModuleView]
    snapshot: Callable[[], Snapshot]
    get_service: Callable[[str], Any]
    log: EventLog
    secrets: KnownSecrets
    spawn: Callable[..., asyncio.Task[None]]

    def source(self, module_id: str) -> Source | None:
        """Return the text of a module as it runs, else its draft; ``None`` if there is neither."""
        generation, record = self.live.generations.get(module_id), self.records.get(module_id)
        if generation is not None:
            return generation.source
        return record.draft if record is not None else None
