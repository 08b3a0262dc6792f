"""`ChangeLog`: what changes did to modules, as lines of the event log.

The swap notes each outcome, on the app loop. The lines are written a moment later, because the
caller of a change waits for it and not for its line; whoever reads the log flushes first.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from pathlib import Path

from ...observe import log_event
from ...source import Source
from ..loop import AppLoop
from .ending import HEAD_START
from .outcome import Outcome

_FRAMEWORK = f"{Path(__file__).parents[2]}/"


class ChangeLog:
    """The lines of one app's changes; those of the framework's own modules are left out.

    They come with it: a start that keeps nothing makes no file.
    """

    def __init__(self, app_loop: AppLoop) -> None:
        self._app_loop = app_loop
        self._waiting: deque[Outcome] = deque()

    def note(self, source: Source, outcome: Outcome) -> None:
        """Log what a change did to a module, soon."""
        if source.place.startswith(_FRAMEWORK):
            return
        if not self._waiting:
            self._app_loop.loop.call_later(HEAD_START, self.flush)
        self._waiting.append(outcome)

    def flush(self) -> None:
        """Log what waits; from any thread."""
        with suppress(IndexError):  # none waits any more
            while True:
                outcome = self._waiting.popleft()
                line = str(outcome).removeprefix(f"{outcome.module_id} ")
                number = outcome.after or outcome.before
                log_event(outcome.module_id, line, generation=number)
