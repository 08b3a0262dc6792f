"""Where cockpits are displayed in a notebook: the cell, its replacement, and the picture below.

`Cockpit` tells `Displayed` when a cell displays it: running the cell again closes what it displayed
before. With the widget goes a static picture, as HTML: for a saved notebook, for GitHub, and for a
front end that can't load the widget. If no front end greets in time, `Display` shows the picture.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from IPython import get_ipython

from ..html import tag

PATIENCE = 5.0
"""Seconds after the end of a cell in which a front end that can load the widget greets."""
_HINT = (
    "This is a picture, for the widget did not load here. Install anywidget where JupyterLab runs, "
    "trust the notebook, reload the page, and run the cell again."
)


class Widget(Protocol):
    """A widget that can be displayed."""

    def close(self) -> None:
        """Remove it."""


@dataclass(frozen=True, slots=True)
class CellRun:
    """One run of a cell of the notebook: the id of each; both are empty outside a kernel."""

    cell: str = ""
    run: str = ""

    @classmethod
    def now(cls) -> CellRun:
        """Return the cell that runs now."""
        kernel = getattr(get_ipython(), "kernel", None)
        parent = kernel.get_parent("shell") if kernel is not None else {}
        return cls(
            str(parent.get("metadata", {}).get("cellId", "")),
            str(parent.get("header", {}).get("msg_id", "")),
        )


class Displayed:
    """The cockpits of one app that cells display."""

    def __init__(self) -> None:
        self._in_cells: dict[str, tuple[str, list[Widget]]] = {}

    def put(self, here: CellRun, widget: Widget) -> None:
        """Note that a cell displays a widget, and close those of its earlier runs."""
        if not here.cell:
            return
        run, widgets = self._in_cells.get(here.cell, ("", []))
        if run != here.run:
            for earlier in widgets:
                earlier.close()
            widgets = []
        self._in_cells[here.cell] = (here.run, [*widgets, widget])

    def remove(self, widget: Widget) -> None:
        """Note that a widget was closed."""
        for cell, (run, widgets) in list(self._in_cells.items()):
            self._in_cells[cell] = (run, [one for one in widgets if one is not widget])


class Display:
    """One place in a notebook where a widget is displayed.

    The picture takes the place of the widget if no front end greets for `PATIENCE` seconds in which
    the shell is idle: one without subshells can greet only between cells. If one greets later, the
    widget comes back.

    Args:
        bundle: The widget in every format. ``picture``: returns the one that needs no script.
    """

    def __init__(self, bundle: dict[str, Any], picture: Callable[[], str]) -> None:
        self._bundle, self._picture = bundle, picture
        self._place = {"display_id": uuid4().hex}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._settled = self._still = False
        shell: Any = get_ipython()
        self._publish = shell.display_pub.publish
        self._publish(bundle, transient=self._place)
        # A terminal has no place whose content could be replaced.
        self._events = shell.events if hasattr(shell, "kernel") else None
        if self._events is not None:
            self._events.register("pre_run_cell", self._busy)
            self._events.register("post_run_cell", self._idle)

    def greet(self) -> None:
        """Note that a front end shows the widget; the picture gives way to it. On any thread."""
        with self._lock:
            self._stop_waiting()
            self._settled = True
            if self._still:
                self._publish(self._bundle, transient=self._place, update=True)

    def close(self) -> None:
        """Leave the place as it is: the widget was closed."""
        with self._lock:
            self._stop_waiting()
            self._settled = True

    def _busy(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _idle(self, *_: object) -> None:
        self._timer = threading.Timer(PATIENCE, self._give_up)
        self._timer.daemon = True
        self._timer.start()

    def _give_up(self) -> None:
        with self._lock:
            self._stop_waiting()
            if not self._settled:
                self._still = True
                html = tag("p", _HINT) + self._picture()
                still = {"text/html": html, "text/plain": self._bundle["text/plain"]}
                self._publish(still, transient=self._place, update=True)

    def _stop_waiting(self) -> None:
        self._busy()
        events, self._events = self._events, None
        if events is not None:
            events.unregister("pre_run_cell", self._busy)
            events.unregister("post_run_cell", self._idle)
