"""``%modframe errors``: the words of its line, and what it shows; the magics call it.

In come words, out goes a call of the service of `core.error_handler` and a display of its answer.
"""

from __future__ import annotations

import argparse
import shlex
from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.display import display

from ..app import AppContext
from ..observe import (
    failure_lines,
    failure_of,
    failure_table,
    group_lines,
    group_of,
    group_table,
)
from ..result import Result

USAGE = (
    "%modframe errors [MODULE] [--since 10m] [--text TEXT] [--limit 20] [--groups], or "
    "%modframe errors --explain CODE"
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. Write {USAGE}.")


def _parser() -> _Parser:
    parser = _Parser(prog="%modframe errors", add_help=False, allow_abbrev=False)
    parser.add_argument("module", nargs="?")
    parser.add_argument("--since")
    parser.add_argument("--text")
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--groups", action="store_true")
    parser.add_argument("--explain", metavar="CODE")
    return parser


def show_errors(app: AppContext, line: str) -> None:
    """Show recorded errors, or the page of a code, below the cell.

    Raises:
        UsageError: If the words can't be understood, or the service refuses what they ask for.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:  # a quotation mark is missing
        raise UsageError(f"{error}. Write {USAGE}.") from None
    asked = _parser().parse_args(words)
    service = app.get_service("core.error_handler.service")
    if asked.explain:
        page = _data_of(service.explain(asked.explain).result())
        print(f"{page['code']}\n\n{page['what']}\n\nWhy:  {page['why']}\n\nCure: {page['cure']}")
        return
    ask = service.groups if asked.groups else service.errors
    found = _data_of(ask(asked.module, asked.since, asked.text, asked.limit).result())
    if not found:
        print("no error was recorded that fits" if words else "no error was recorded")
    elif asked.groups:
        groups = [group_of(facts) for facts in found]
        _display(group_lines(groups), group_table(groups))
    else:
        failures = [failure_of(facts) for facts in found]
        _display(failure_lines(failures), failure_table(failures))


def _data_of(result: Result) -> Any:
    if not result.success:
        raise UsageError(str(result.message))
    return result.data


def _display(lines: Any, html: str) -> None:
    shown = {"text/plain": "\n".join(lines), "text/html": html}
    display(shown, raw=True)  # type: ignore[no-untyped-call]  # IPython has no annotations
