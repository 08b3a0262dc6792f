"""`Refresher`: one daemon thread that keeps the open views of an app up to date.

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


class Refresher:
    """Refreshes the views of one app, every half second and at each change.

    Attributes:
        in_cells: Cell id → the id of the run that displayed a view, and the view.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._views: dict[View, None] = {}
        self._thread: threading.Thread | None = None
        self.in_cells: dict[str, tuple[str, View]] = {}

    @property
    def views(self) -> tuple[View, ...]:
        """The views that are followed, oldest first."""
        with self._lock:
            return tuple(self._views)

    def follow(self, view: View) -> None:
        """Keep a view up to date from now on."""
        with self._lock:
            self._views.pop(view, None)
            self._views[view] = None
            surplus = list(self._views)[:-MOST]
            for oldest in surplus:
                del self._views[oldest]
            if self._thread is None:
                # An empty context, so that what it prints goes to no cell.
                self._thread = threading.Thread(
                    target=Context().run, args=(self._run,), name="modframe-views", daemon=True
                )
                self._thread.start()
        for oldest in surplus:
            oldest.pause()

    def leave(self, view: View) -> None:
        """Stop following a view; the thread ends with the last one."""
        with self._lock:
            self._views.pop(view, None)
        self._woken.set()

    def wake(self) -> None:
        """Refresh all views now: something has changed."""
        if not self._woken.is_set():  # it stays set while there is no view
            self._woken.set()

    def _run(self) -> None:
        pause = INTERVAL
        while True:
            self._woken.wait(pause)
            self._woken.clear()
            with self._lock:
                if not self._views:
                    self._thread = None
                    return
                views = list(self._views)
            began = time.perf_counter()
            for view in views:
                if not view.refresh():
                    self.leave(view)
            pause = max(INTERVAL, _COST_SHARE * (time.perf_counter() - began))
