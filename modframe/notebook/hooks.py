"""`Hooks`: what modframe does before and after each cell of a shell.

The running cell is noted for the magics, and Ctrl-C is counted for `call.py`. A cell that computes
holds the interpreter for a switch interval at a time, so while a cell runs and the API is served,
the interval is shortened.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from ..process import current_app
from ..runtime.calls.call import Interrupts
from .cell import Cells


class Hooks:
    """The callbacks of one shell's ``pre_run_cell`` and ``post_run_cell``."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.cells = Cells()
        self._lock = threading.Lock()
        self._cells_running = 0
        self._interval = 0.0
        self._handler: Any = None
        self._counting: Callable[[int, Any], Any] | None = None

    def install(self) -> None:
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)

    def remove(self) -> None:
        """Unregister the callbacks, and undo what they changed."""
        self._shell.events.unregister("pre_run_cell", self._before)
        self._shell.events.unregister("post_run_cell", self._after)
        self._restore_interval()
        self._stop_counting()

    def _before(self, info: Any) -> None:
        self.cells.running = info.raw_cell or ""
        self._shorten_interval()
        self._count_interrupts()

    def _after(self, result: Any) -> None:
        self.cells.running = ""
        self._restore_interval()
        self._stop_counting()

    # -- switch interval ------------------------------------------------------------------

    def _shorten_interval(self) -> None:
        app = current_app()
        with self._lock:
            self._cells_running += 1
            if app is None or not app.serving or self._interval:
                return
            wanted = app.config.switch_interval
            if wanted and wanted < sys.getswitchinterval():
                self._interval = sys.getswitchinterval()
                sys.setswitchinterval(wanted)

    def _restore_interval(self) -> None:
        with self._lock:
            self._cells_running = max(0, self._cells_running - 1)
            if self._interval and not self._cells_running:
                sys.setswitchinterval(self._interval)
                self._interval = 0.0

    # -- interrupts -----------------------------------------------------------------------

    def _count_interrupts(self) -> None:
        """Count Ctrl-C before its handler runs, so that a cancelled await knows of it."""
        if threading.current_thread() is not threading.main_thread():
            return
        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler):
            return

        def counting(number: int, frame: Any) -> Any:
            Interrupts.count += 1
            _wake_loop()
            return handler(number, frame)

        self._handler, self._counting = handler, counting
        signal.signal(signal.SIGINT, counting)

    def _stop_counting(self) -> None:
        if (
            self._counting is not None
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is self._counting
        ):
            signal.signal(signal.SIGINT, self._handler)
        self._counting = None


def _wake_loop() -> None:
    """Make the kernel's loop run its callbacks.

    ipykernel cancels the cell by a callback, and one that a signal handler adds does not wake the
    loop.
    """
    try:
        asyncio.get_running_loop().call_soon_threadsafe(int)
    except RuntimeError:
        return  # no loop runs: the handler raises KeyboardInterrupt right here
