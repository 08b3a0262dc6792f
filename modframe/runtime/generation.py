"""`Generation`: one load of one source, with all that its parts built; made by the swap."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from ..errors import Finding
from ..source import Source
from ..spec import ModuleSpec
from .bounds import first_of

if TYPE_CHECKING:
    from ..load import Package


class Generation:
    """One load of a module: its private package, its spec, its parts, and who is inside it.

    Attributes:
        number: Counts the module's loads from 1 in each run of the app; used up at publish.
        package_name: ``modules.standard.orders~3``.
        context: The ``app_context`` of its code.
        ledger: What it owns; closing it settles all.
        parts: Part name → what the part built.
        services: Full service name → instance. ``streams``: its async generator methods.
        findings: What the reader and the parts noticed without refusing the module.
        in_flight: Calls and requests that are inside at the moment.
    """

    def __init__(self, source: Source, number: int) -> None:
        self.source = source
        self.number = number
        self.package_name = f"modules.{source.module_id}~{number}"
        self.context: Any = None
        self.package: Package | None = None
        self.ledger = AsyncExitStack()
        self.parts: dict[str, Any] = {}
        self.module: Any = None
        self.services: dict[str, Any] = {}
        self.streams: frozenset[str] = frozenset()
        self.findings: list[Finding] = []
        self.in_flight = 0
        self.built_at = time.time()
        self._spec: ModuleSpec | None = None
        self._empty: asyncio.Event | None = None

    @property
    def module_id(self) -> str:
        """The module's id."""
        return self.source.module_id

    @property
    def spec(self) -> ModuleSpec:
        """What the module says about itself; there once it was loaded."""
        if self._spec is None:
            raise LookupError(f"{self!r} was not loaded yet")
        return self._spec

    @spec.setter
    def spec(self, spec: ModuleSpec) -> None:
        self._spec = spec

    @property
    def loaded(self) -> bool:
        """Whether its text was executed and read."""
        return self._spec is not None

    def release(self) -> None:
        """Count one call or request out; wakes a drain when it was the last."""
        self.in_flight -= 1
        if self._empty is not None and not self.in_flight:
            self._empty.set()

    async def drain(self, timeout: float, *, hurry: asyncio.Event) -> bool:
        """Wait until nobody is inside; whether that came true.

        Args:
            timeout: The bound, in seconds.
            hurry: Once set, nothing is waited for.
        """
        if self.in_flight and not hurry.is_set():
            self._empty = asyncio.Event()
            await first_of(self._empty, hurry, timeout=timeout)
        return not self.in_flight

    def service(self, name: str | None) -> Any:
        """A service's instance by its full name, or the module's only one.

        Raises:
            KeyError: If the module has no such service.
        """
        if name is None:
            for instance in self.services.values():
                return instance
            raise KeyError(self.module_id)
        return self.services[name]

    def __repr__(self) -> str:
        return f"<Generation {self.module_id} {self.number}: {self.in_flight} in flight>"
