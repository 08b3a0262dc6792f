"""`follow`, `leave`, `wake`: one daemon thread keeps all open views up to date.

A view is followed from its first display until it is closed, or says that there is nothing more
to come. Without one there is no thread. A view that stood in a cell which now shows another one
is closed; beyond a few, the oldest are only left alone.
"""

from __future__ import annotations

import threading
import time
from contextvars import Context
from typing import Protocol

INTERVAL = 0.5
"""Seconds between two looks; longer where looking is costly."""
MOST = 8
"""How many views are followed at once."""
_COST_SHARE = 20


class View(Protocol):
    """What is followed."""

    def refresh(self) -> bool:
        """Show what is; whether there may be more to come."""

    def pause(self) -> None:
        """Say that it isn't followed any more."""


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
        for one in surplus:
            del _views[one]
        if _thread is None:
            # An empty context: what it does belongs to no cell.
            _thread = threading.Thread(
                target=Context().run, args=(_keep_looking,), name="modframe-views", daemon=True
            )
            _thread.start()
    for one in surplus:
        one.pause()


def leave(view: View) -> None:
    """Don't follow a view any more; without any the thread ends."""
    with _lock:
        _views.pop(view, None)
    _woken.set()


def wake() -> None:
    """Look now: something has changed."""
    _woken.set()


def _keep_looking() -> None:
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
