"""``%modframe errors``: the words of its line, and what it shows; the magics call it.

In come words, out goes a call of the service of `core.error_handler` and a display of its answer.
"""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError

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
from .shown import show
from .words import Parser, words_of

USAGE = (
    "%modframe errors [MODULE] [--since 10m] [--text TEXT] [--limit 20] [--groups], or "
    "%modframe errors --explain CODE"
)


def _parser() -> Parser:
    parser = Parser("errors", USAGE)
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
    asked = words_of(_parser(), line)
    service = app.get_service("core.error_handler.service")
    if asked.explain:
        page = _data_of(service.explain(asked.explain).result())
        print(f"{page['code']}\n\n{page['what']}\n\nWhy:  {page['why']}\n\nCure: {page['cure']}")
        return
    ask = service.groups if asked.groups else service.errors
    found = _data_of(ask(asked.module, asked.since, asked.text, asked.limit).result())
    if not found:
        print("no error was recorded that fits" if line.strip() else "no error was recorded")
    elif asked.groups:
        groups = [group_of(facts) for facts in found]
        show(group_lines(groups), group_table(groups))
    else:
        failures = [failure_of(facts) for facts in found]
        show(failure_lines(failures), failure_table(failures))


def _data_of(result: Result) -> Any:
    if not result.success:
        raise UsageError(str(result.message))
    return result.data
