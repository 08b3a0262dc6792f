"""`follow`, `leave`, `wake`: one daemon thread keeps all open views up to date.

A view is followed from its first display until it is closed, or until its `refresh` returns false.
The thread runs only while there are views. Beyond `MOST` views the oldest are paused.
"""

from __future__ import annotations

import threading
import time
from contextvars import Context
from typing import Protocol

INTERVAL = 0.5
"""Seconds between two refreshes; more if refreshing takes long."""
MOST = 8
"""How many views are followed at once."""
_COST_SHARE = 20
"""How many times as long as a refresh took the thread waits at least."""


class View(Protocol):
    """A view that can be followed."""

    def refresh(self) -> bool:
        """Show the present state; return whether to go on following."""

    def pause(self) -> None:
        """Show that the view isn't followed any more."""


_lock = threading.Lock()
_woken = threading.Event()
_views: dict[View, None] = {}
_thread: threading.Thread | None = None


def follow(view: View) -> None:
    """Keep a view up to date from now on."""
    global _thread
    with _lock:
        _views.pop(view, None)
        _views[view] = None
        surplus = list(_views)[:-MOST]
        for oldest in surplus:
            del _views[oldest]
        if _thread is None:
            # An empty context, so that what it prints goes to no cell.
            _thread = threading.Thread(
                target=Context().run, args=(_refresh_views,), name="modframe-views", daemon=True
            )
            _thread.start()
    for oldest in surplus:
        oldest.pause()


def leave(view: View) -> None:
    """Stop following a view; the thread ends with the last one."""
    with _lock:
        _views.pop(view, None)
    _woken.set()


def wake() -> None:
    """Refresh all views now: something has changed."""
    _woken.set()


def _refresh_views() -> None:
    global _thread
    pause = INTERVAL
    while True:
        _woken.wait(pause)
        _woken.clear()
        with _lock:
            if not _views:
                _thread = None
                return
            views = list(_views)
        began = time.perf_counter()
        for view in views:
            if not view.refresh():
                leave(view)
        pause = max(INTERVAL, _COST_SHARE * (time.perf_counter() - began))
