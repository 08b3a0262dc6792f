"""`ChangeLog`: what changes did to modules, as lines of the event log.

The swap notes each outcome, on the app loop. The lines are written a moment later, because the
caller of a change waits for it and not for its line; whoever reads the log flushes first. Those of
a large start are written some at a time, so that they hold up neither calls nor the first snapshot.
"""

from __future__ import annotations

import sys
from collections import deque
from pathlib import Path

from ...observe import log_event
from ...source import Source
from ..loop import AppLoop
from .ending import HEAD_START
from .outcome import Outcome

_AT_A_TIME = 20
_PAUSE = 0.01
"""Seconds between two times."""
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
            self._app_loop.loop.call_later(HEAD_START, self._flush_some)
        self._waiting.append(outcome)

    def _flush_some(self) -> None:
        self.flush(_AT_A_TIME)
        if self._waiting:
            self._app_loop.loop.call_later(_PAUSE, self._flush_some)

    def flush(self, at_most: int = sys.maxsize) -> None:
        """Log what waits, the oldest first; from any thread."""
        for _ in range(at_most):
            try:
                outcome = self._waiting.popleft()
            except IndexError:
                return  # none waits any more
            line = str(outcome).removeprefix(f"{outcome.module_id} ")
            number = outcome.after or outcome.before
            log_event(outcome.module_id, line, generation=number)
