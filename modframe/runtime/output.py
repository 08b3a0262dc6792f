"""Where a module's ``print`` goes: under the cell that loads or calls it, else to the log.

A context variable tells which. It is set where a cell submits something to the app loop or the
loader thread, and reset in requests and in tasks that a module starts: they have no cell.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any

from ..wording import escape, escape_in_lines

_prints_to_cell: ContextVar[bool] = ContextVar("modframe_for_cell", default=False)


def cell_context() -> Context:
    """Return a copy of the current context in which prints go to the caller's cell."""
    context = copy_context()
    context.run(_prints_to_cell.set, True)
    return context


def task_context() -> Context:
    """Return a copy of the current context in which prints go to the log."""
    context = copy_context()
    if context.get(_prints_to_cell):
        context.run(_prints_to_cell.set, False)
    return context


def print_to_cell(text: str) -> None:
    """Print a warning under the cell that this runs for; do nothing if there is none."""
    if _prints_to_cell.get():
        text = escape_in_lines(text)
        builtins.print(text, file=sys.stderr)  # noqa: T201  # the real one, for a cell


def print_to_console(text: str) -> None:
    """Print a line where a person looks: under the cell that runs or ran last, or on stderr.

    A kernel chooses the cell by a context variable, which a task keeps from the cell that started
    it; in an empty context it takes the cell that is open.
    """
    Context().run(builtins.print, escape(text), file=sys.stderr)


def make_printer(
    module_id: str, log: Callable[[str, str], None], mask: Callable[[str], str]
) -> Callable[..., None]:
    """Return the ``print`` of a module.

    Args:
        module_id: The module.
        log: Gets the module's id and a text.
        mask: Takes the secrets out of a text that goes to a cell; the log does so itself.
    """

    def module_print(
        *values: object, sep: str | None = " ", end: str | None = "\n", **options: Any
    ) -> None:
        if options.get("file") not in (None, sys.stdout, sys.stderr):
            builtins.print(*values, sep=sep, end=end, **options)  # noqa: T201  # to where it says
            return
        text = (" " if sep is None else sep).join(map(str, values))
        if options.get("file") is not None or _prints_to_cell.get():
            builtins.print(mask(text), end=end, **options)  # noqa: T201  # the real one, for a cell
        else:
            log(module_id, text)

    return module_print
