"""`UncaughtErrors`: what Python prints of an exception that ends a script, safe to show.

A module's exception goes out to whoever called it, as it is. One that a script does not catch is
printed by Python, with what it says; while an app runs, the secrets of its modules are taken out of
that text, and what would control the terminal is escaped. `process.py` makes one for each app.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from ..wording import escape_in_lines


class UncaughtErrors:
    """Prints the exceptions that nobody caught while it is installed.

    Args:
        mask: Takes the secrets out of a text.
    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._before: Any = None

    def install(self) -> None:
        """Begin to print them."""
        self._before, sys.excepthook = sys.excepthook, self._print

    def remove(self) -> None:
        """Let the hook before print them again, unless another tool has taken over.

        While an exception goes up, as out of ``with modframe.start()``, it is the next one printed.
        """
        if sys.excepthook == self._print and sys.exception() is None:
            sys.excepthook = self._before

    def _print(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None, /
    ) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        safe = escape_in_lines(self._mask(text))
        if safe == text or sys.stderr is None:
            self._before(kind, error, trace)
        else:
            print(safe, end="", file=sys.stderr)  # noqa: T201  # as Python does
