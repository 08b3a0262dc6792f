"""`ForgottenAwaits`: reports coroutines of modules that were never awaited, at the module's line.

Python warns of them wherever they are collected, on stderr alone. While an app runs, the log of the
module says it too, and the cell that the code ran for. The engine makes one.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TextIO

from ..finding import Finding
from ..observe import get_framework_logger
from .generation import Generation
from .output import print_to_cell

_NEVER_AWAITED = re.compile(r"coroutine '([^']+)' was never awaited")
_CURE = "write 'await' before the call that gave it"


class ForgottenAwaits:
    """Takes the warnings of the process while it is installed, and passes on all others.

    Args:
        generations: Returns the generations whose code runs.
    """

    def __init__(self, generations: Callable[[], Iterable[Generation]]) -> None:
        self._generations = generations
        self._before: Any = None

    def install(self) -> None:
        """Begin to take warnings."""
        self._before, warnings.showwarning = warnings.showwarning, self._show

    def remove(self) -> None:
        """Let warnings go where they went before, unless another tool has taken over."""
        if warnings.showwarning == self._show:
            warnings.showwarning = self._before

    def _show(  # noqa: PLR0917  # the signature of `warnings.showwarning`
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        found = _NEVER_AWAITED.search(str(message))
        if found is None or not issubclass(category, RuntimeWarning):
            self._before(message, category, filename, lineno, file, line)
            return
        coroutine = getattr(sys._getframe(1).f_locals.get("msg"), "source", None)
        code = getattr(coroutine, "cr_code", None)
        # Only asyncio's debug mode notes where a coroutine was made: that costs each of them 1 us.
        origin = getattr(coroutine, "cr_origin", None) or ()
        places = [*((file, line) for file, line, _ in origin), (filename, lineno)]
        if code is not None:  # collected elsewhere: the line where it is defined is known
            places.append((code.co_filename, code.co_firstlineno))
        label = _service_call(coroutine)
        what = f"the call {label}()" if label else f"coroutine {found[1]!r}"
        finding = Finding("never-awaited", "warning", f"{what} was never awaited", cure=_CURE)
        owner = label.rpartition(".")[0]
        module_id, finding = self._located(finding, places) or (owner, finding)
        if not module_id:
            self._before(message, category, filename, lineno, file, line)
            return
        get_framework_logger(module_id).warning("%s", finding)
        print_to_cell(f"warning: {module_id}: {finding}")

    def _located(
        self, finding: Finding, places: Iterable[tuple[str, int]]
    ) -> tuple[str, Finding] | None:
        """Return a module and the finding at the first place that is in a file of a module."""
        for filename, line in places:
            for generation in self._generations():
                source = generation.source
                if file := source.file_named(filename):
                    cell = source.files[file].cell
                    return source.module_id, replace(finding, file=file, line=line, cell=cell)
        return None


def _service_call(coroutine: Any) -> str:
    """Return the label of the handle's method that a coroutine is of; empty if it is of none."""
    frame = getattr(coroutine, "cr_frame", None)
    return str(getattr(frame.f_locals.get("self"), "label", "")) if frame is not None else ""
