"""`Overrides`: replaces services for their callers, for a while; called by ``app.override()``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ...spec import module_of_service
from ..live import Live
from ..record import Override, Record, Records
from .handles import Handles


@dataclass(frozen=True, repr=False)
class Overrides:
    """Keeps what replaces services in the records, so that swaps don't end it."""

    live: Live
    records: Records
    handles: Handles
    published: Callable[[Iterable[str]], None]

    async def begin(self, name: Any, replacement: object) -> Override:
        """Let callers of a service get a replacement from now on.

        Raises:
            ServiceNotFoundError: If no live module has the service.
        """
        override = Override(self.handles.service_of(name), replacement)
        record = self.records[module_of_service(override.service)]
        self._expose(record, [*record.overrides, override])
        return override

    async def end(self, override: Override) -> None:
        """End an override: callers get the service again, or an older override."""
        record = self.records[module_of_service(override.service)]
        self._expose(record, [other for other in record.overrides if other is not override])

    def _expose(self, record: Record, overrides: list[Override]) -> None:
        record.overrides = overrides
        generation = self.live.generations.get(record.module_id)
        if generation is not None:
            generation.expose_services(record.replacements)
            self.published([record.module_id])

    def __repr__(self) -> str:
        names = [name for record in self.records.values() for name in record.replacements]
        return f"<Overrides: {', '.join(names) or 'none'}>"
