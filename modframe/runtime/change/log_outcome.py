"""`log_outcome`: what a change did to a module, as a line of the event log.

The swap calls it on the app loop. The line is written a moment later, because the caller of a
change waits for it and not for its line; it has the time of the change.
"""

from __future__ import annotations

import time
from pathlib import Path

from ...observe import log_event, log_soon, log_waiting
from ...source import Source
from ..loop.app_loop import AppLoop
from .ending import HEAD_START
from .outcome import Outcome

_AT_A_TIME = 20
_PAUSE = 0.01
"""Seconds between two times."""
_FRAMEWORK = f"{Path(__file__).parents[2]}/"


def log_outcome(app_loop: AppLoop, source: Source, outcome: Outcome) -> None:
    """Log an outcome, soon; those of the framework's own modules are left out.

    They come with it: a start that keeps nothing makes no file.
    """
    if source.place.startswith(_FRAMEWORK):
        return
    at = time.time()

    def log() -> None:
        line = str(outcome).removeprefix(f"{outcome.module_id} ")
        log_event(outcome.module_id, line, at=at, generation=outcome.after or outcome.before)

    if log_soon(log):
        app_loop.loop.call_later(HEAD_START, _log_some, app_loop)


def _log_some(app_loop: AppLoop) -> None:
    if log_waiting(_AT_A_TIME):
        app_loop.loop.call_later(_PAUSE, _log_some, app_loop)
