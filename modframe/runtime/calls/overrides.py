"""`Overrides`: gives callers of a service something else for a while; called by the app's verbs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...spec import module_of_service
from ..live import Live
from ..record import Override, Record, Records
from .handles import Handles


class Overrides:
    """What stands in for services, kept in the records, so that it outlasts every swap.

    Args:
        live: What runs. ``records``: what is known beside it.
        handles: Know which service a name or a class means.
        published: Told the ids of modules whose callers get something else now.
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
        """Give callers of a service something else from now on.

        Raises:
            ServiceNotFoundError: If no live module has the service.
        """
        override = Override(self._handles.service_of(name), replacement)
        record = self._records[module_of_service(override.service)]
        record.overrides = [*record.overrides, override]
        self._offer(record)
        return override

    async def end(self, override: Override) -> None:
        """Let callers have the service again, or what an older override gives them."""
        record = self._records[module_of_service(override.service)]
        record.overrides = [one for one in record.overrides if one is not override]
        self._offer(record)

    def _offer(self, record: Record) -> None:
        generation = self._live.generations.get(record.module_id)
        if generation is not None:
            generation.expose_services(record.replacements)
            self._published([record.module_id])

    def __repr__(self) -> str:
        names = [name for record in self._records.values() for name in record.replacements]
        return f"<Overrides: {', '.join(names) or 'none'}>"
