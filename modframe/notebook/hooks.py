"""What happens around every cell: it is noted, Ctrl-C is counted, the API gets its turns.

A cell that computes holds the interpreter for a switch interval at a time; while one runs and a
server is up, the interval is short, and put back afterwards.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from ..app import current_app
from ..runtime.calls.call import Interrupts
from .cell import Cells, RunningCell


class Hooks:
    """The callbacks of one shell's ``pre_run_cell`` and ``post_run_cell``."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.cells = Cells()
        self._lock = threading.Lock()
        self._running = 0
        self._interval = 0.0
        self._handler: Any = None
        self._counting: Callable[[int, Any], Any] | None = None

    def install(self) -> None:
        """Begin to listen."""
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)

    def remove(self) -> None:
        """Stop listening, and put everything back."""
        self._shell.events.unregister("pre_run_cell", self._before)
        self._shell.events.unregister("post_run_cell", self._after)
        self._lengthen()
        self._stop_counting()

    def _before(self, info: Any) -> None:
        self.cells.running = RunningCell(info.raw_cell or "")
        self._shorten()
        self._count_interrupts()

    def _after(self, result: Any) -> None:
        self.cells.running = None
        self._lengthen()
        self._stop_counting()

    # -- switch interval ------------------------------------------------------------------

    def _shorten(self) -> None:
        app = current_app()
        with self._lock:
            self._running += 1
            if app is None or not app.serving or self._interval:
                return
            wanted = app.config.switch_interval
            if wanted and wanted < sys.getswitchinterval():
                self._interval = sys.getswitchinterval()
                sys.setswitchinterval(wanted)

    def _lengthen(self) -> None:
        with self._lock:
            self._running = max(0, self._running - 1)
            if self._interval and not self._running:
                sys.setswitchinterval(self._interval)
                self._interval = 0.0

    # -- interrupts -----------------------------------------------------------------------

    def _count_interrupts(self) -> None:
        """Stand before the handler there is, so that a cancelled await knows it was Ctrl-C."""
        if threading.current_thread() is not threading.main_thread():
            return
        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler):
            return

        def counting(number: int, frame: Any) -> Any:
            Interrupts.count += 1
            _wake()
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


def _wake() -> None:
    """Let the kernel's loop look around: ipykernel cancels the cell by a callback on it, and a
    callback set from a signal handler does not end the loop's waiting.
    """
    try:
        asyncio.get_running_loop().call_soon_threadsafe(int)
    except RuntimeError:
        return  # no loop runs: the handler raises KeyboardInterrupt right here
