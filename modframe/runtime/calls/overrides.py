"""`Overrides`: replaces services for their callers, for a while; called by ``app.override()``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...spec import module_of_service
from ..live import Live
from ..record import Override, Record, Records
from .handles import Handles


class Overrides:
    """Keeps what replaces services in the records, so that swaps don't end it.

    Args:
        live: What runs.
        records: Where overrides are kept.
        handles: Finds the service that a name or a class means.
        published: Called with the ids of modules whose callers get something else now.
    """

    def __init__(
        self,
        live: Live,
        records: Records,
        *,
        handles: Handles,
        published: Callable[[Iterable[str]], None],
    ) -> None:
        self._live, self._records = live, records
        self._handles = handles
        self._published = published

    async def begin(self, name: Any, replacement: object) -> Override:
        """Let callers of a service get a replacement from now on.

        Raises:
            ServiceNotFoundError: If no live module has the service.
        """
        override = Override(self._handles.service_of(name), replacement)
        record = self._records[module_of_service(override.service)]
        record.overrides = [*record.overrides, override]
        self._expose(record)
        return override

    async def end(self, override: Override) -> None:
        """End an override: callers get the service again, or an older override."""
        record = self._records[module_of_service(override.service)]
        record.overrides = [other for other in record.overrides if other is not override]
        self._expose(record)

    def _expose(self, record: Record) -> None:
        generation = self._live.generations.get(record.module_id)
        if generation is not None:
            generation.expose_services(record.replacements)
            self._published([record.module_id])

    def __repr__(self) -> str:
        names = [name for record in self._records.values() for name in record.replacements]
        return f"<Overrides: {', '.join(names) or 'none'}>"
