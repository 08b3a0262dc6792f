"""`LostErrors`: records exceptions of module code that Python can raise to nobody.

Those are the ones that end a thread, and those of finalizers. Python prints them on stderr alone,
which in a kernel is below whichever cell is open. While an app runs, the log of the module has them
too, and a person gets one line. The engine makes one.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from ..wording import text_after_colon
from .loggers import record_failure
from .tracebacks import Raised, find_raised


class LostErrors:
    """Takes such exceptions while it is installed, and passes on those of other code.

    Args:
        tell: Prints a line where a person looks.
        thread_died: Called with the private package whose code ended a thread, the thread's name
            and the exception.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        thread_died: Callable[[str, str, BaseException], object],
    ) -> None:
        self._tell, self._thread_died = tell, thread_died
        self._before: tuple[Any, Any] = (None, None)

    def install(self) -> None:
        """Begin to take exceptions."""
        self._before = threading.excepthook, sys.unraisablehook
        threading.excepthook, sys.unraisablehook = self._take_of_thread, self._take_ignored

    def remove(self) -> None:
        """Let exceptions go where they went before, unless another tool has taken over."""
        of_thread, ignored = self._before
        if threading.excepthook == self._take_of_thread:
            threading.excepthook = of_thread
        if sys.unraisablehook == self._take_ignored:
            sys.unraisablehook = ignored

    def _take_of_thread(self, ended: threading.ExceptHookArgs, /) -> None:
        error = ended.exc_value
        if error is None or not (raised := find_raised(error)).module_id:
            self._before[0](ended)
            return
        if isinstance(error, SystemExit):  # ends a thread without a word, as Python has it
            return
        name = ended.thread.name if ended.thread is not None else "?"
        self._record(raised, f"thread {name!r} died", error)
        self._thread_died(raised.package, name, error)

    def _take_ignored(self, ignored: sys.UnraisableHookArgs, /) -> None:
        error = ignored.exc_value
        if error is None or not (raised := find_raised(error)).module_id:
            self._before[1](ignored)
            return
        where = getattr(ignored.object, "__qualname__", "") or type(ignored.object).__qualname__
        self._record(raised, f"exception ignored in {where}", error)

    def _record(self, raised: Raised, what: str, error: BaseException) -> None:
        record_failure(raised.module_id, what, error)
        self._tell(
            f"{raised.module_id}: {what}: {raised.place}: "
            f"{type(error).__name__}{text_after_colon(error)}"
        )
