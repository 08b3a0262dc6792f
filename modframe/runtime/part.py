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

    A new kind of thing that modules own is a new part: it builds or watches what the module makes
    of it, and on leaving settles all of it. What it can't settle it raises as a `ModframeError`
    that names each thing: the module is then FAILED_UNLOAD, or the swap says what leaked.
    What comes into being later, one by one, is put on ``generation.ledger`` with its name.
    """

    name: str = ""
    noun: str = ""
    """What `outline` lists, in the singular; empty for a part that lists nothing."""
    vanishes: bool = True
    """Whether what a new generation lists no more is gone: a column of a table is not."""

    @asynccontextmanager
    async def enter(self, generation: Generation) -> AsyncIterator[Any]:
        """Phase 1: build the aspect; what is yielded becomes ``generation.parts[name]``.

        Leaving releases it, with the exception if the build failed further on.
        """
        yield None

    def starts(self, generation: Generation) -> bool:
        """Whether there is anything to `start`."""
        return type(self).start is not Part.start

    async def start(self, generation: Generation) -> None:
        """Phase 2: whatever needs the other modules, called in dependency order."""

    def activates(self, generation: Generation) -> bool:
        """Whether there is anything to `activate`."""
        return False

    async def activate(self, generation: Generation) -> None:
        """After publish, in dependency order: start what consumes from outside.

        Its predecessor was retired before, so that no two do. What is raised is the load's error,
        but the generation is live and stays so.
        """

    async def retire(self, generation: Generation) -> None:
        """It was replaced, or stops: end at once what must not go on beside a successor.

        Calls inside it go on. Called once, before the successor is activated.
        """

    def end_streams(self, generation: Generation) -> None:
        """The deadline of what is still open: tell it to go."""

    def outline(self, generation: Generation) -> tuple[str, ...] | None:
        """What a loaded generation has of it, by name, entered or not; touches nothing.

        Nothing where that can't be told before phase 1. Raises what entering would raise for a
        fault that can be seen already.
        """
        return ()

    def describe(self, generation: Generation) -> dict[str, Any]:
        """What a person should see of it, as plain data for the snapshot; never waits."""
        return {}


PartContext = AbstractAsyncContextManager[Any]
