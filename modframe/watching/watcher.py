"""`Watcher`: what ``app.watch()`` gives to a person: whether it watches, and the way to end it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..html import tag

if TYPE_CHECKING:
    from .watching import Watching


class Watcher:
    """Watches saved files for a person, until it is stopped or the app is.

    Args:
        watching: What does it.
        block: Runs a coroutine function on the app loop and waits.
    """

    def __init__(
        self, watching: Watching, *, block: Callable[[Callable[[], Awaitable[object]]], object]
    ) -> None:
        self._watching = watching
        self._block = block

    @property
    def running(self) -> bool:
        """Whether saved files are still swapped to."""
        return self._watching.running

    def stop(self) -> None:
        """Watch no more; what is live stays, and a swap under way comes to its end."""
        if self.running:
            self._block(self._watching.end)

    def __repr__(self) -> str:
        return f"<Watcher {self._watching.describe()}>"

    def _repr_html_(self) -> str:
        return tag("div", repr(self))
