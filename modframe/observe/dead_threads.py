"""`DeadThreads`: records exceptions that end a thread of module code.

Python prints them on stderr alone, which in a kernel is below whichever cell is open. While an app
runs, the log of the module has them too, and a person gets one line. The engine makes one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..wording import text_after_colon
from .loggers import record_failure
from .tracebacks import find_raised


class DeadThreads:
    """Takes the exceptions that end threads while it is installed, and passes on all others.

    Args:
        tell: Prints a line where a person looks.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._before: Any = None

    def install(self) -> None:
        """Begin to take exceptions."""
        self._before, threading.excepthook = threading.excepthook, self._take

    def remove(self) -> None:
        """Let exceptions go where they went before, unless another tool has taken over."""
        if threading.excepthook == self._take:
            threading.excepthook = self._before

    def _take(self, ended: threading.ExceptHookArgs, /) -> None:
        error = ended.exc_value
        if error is None or not (raised := find_raised(error)).module_id:
            self._before(ended)
            return
        if isinstance(error, SystemExit):  # ends a thread without a word, as Python has it
            return
        name = ended.thread.name if ended.thread is not None else "?"
        record_failure(raised.module_id, f"thread {name!r} died", error)
        self._tell(
            f"{raised.module_id}: thread {name!r} died: {raised.place}: "
            f"{type(error).__name__}{text_after_colon(error)}"
        )
