"""`Part`: one aspect of a generation (settings, database, web, ...), as the swap sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from .generation import Generation


class Part:
    """Builds one aspect of each generation, releases it, and describes it.

    A part is one object for the whole app; what it makes for a generation stands in
    ``generation.parts[name]``. Nothing that a part does before publish may touch what is live.
    """

    name: str = ""

    @asynccontextmanager
    async def enter(self, generation: Generation) -> AsyncIterator[Any]:
        """Phase 1: build the aspect; what is yielded becomes ``generation.parts[name]``.

        Leaving releases it, with the exception if the build failed further on.
        """
        yield None

    async def start(self, generation: Generation) -> None:
        """Phase 2: whatever needs the other modules, called in dependency order."""

    def describe(self, generation: Generation) -> dict[str, Any]:
        """What a person should see of it, as plain data for the snapshot; never waits."""
        return {}


PartContext = AbstractAsyncContextManager[Any]
