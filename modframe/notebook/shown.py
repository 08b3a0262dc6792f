"""``%modframe help``, ``status``, ``health`` and ``logs``: what they show; the magics call it.

In come the words of a line, out goes a display with the rows that the shell's commands print.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from IPython.core.error import UsageError
from IPython.display import display

from ..app import AppContext
from ..html import code, section
from ..html import table as html_table
from ..observe import WantedEvents, event_lines, parse_since
from ..parts.health import HEADS as HEALTH_HEADS
from ..process import running_engine
from ..table import Table
from ..view.snapshot import HEADS, ModuleView
from ..wording import near
from .words import Parser, words_of

CHEATS = (
    ("%%module orders [FILE]", "this cell is a file of the module; run it to swap to its text"),
    ("%%module orders --plan", "say what the cell would change; --draft only keeps it"),
    ("%%module orders --test", "swap only if the module's own tests pass; --force drops uses"),
    ("%%sql [NAME <<]", "query the databases: SELECT * FROM orders.items"),
    ("%modframe status [MODULE]", "what is live, and what failed: where, why, what next"),
    ("%modframe errors [MODULE]", "what failed: --since 10m --text TEXT --groups --explain CODE"),
    ("%modframe logs [MODULE]", "the newest events: --level warning --since 10m --id ID -n 50"),
    ("%modframe health [MODULE]", "what the health checks say"),
    ("%modframe keep | drop MODULE", "go live with the draft as it is, or drop it"),
    ("app.get_service('orders')", "call its methods: await orders.place(...)"),
    ("app.modules['orders']", "its state; .history .rollback() .reload() .export() .plan"),
    ("app.serve()", "serve the API at http://127.0.0.1:8000"),
    ("app.inspect()", "open the cockpit"),
)
"""What to write, and what it does."""


def show_help(line: str) -> None:
    """Show the cheat sheet."""
    words_of(Parser("help", "%modframe help"), line)
    head = ("write", "to")
    rows = [(code(what), does) for what, does in CHEATS]
    show(Table.of(CHEATS, head=head).lines(), section("modframe", html_table(rows, head=head)))


def show_status(app: AppContext, line: str) -> None:
    """Show what runs, or all that is known of one module."""
    module_id = words_of(Parser("status", "%modframe status [MODULE]"), line).module
    snapshot = app.snapshot()
    if module_id is None:
        lines = [snapshot.summary, *Table.of(snapshot.rows(), head=HEADS).lines()]
        show(lines, snapshot._repr_html_())
    else:
        views = {view.id: view for view in snapshot.modules}
        view: ModuleView = _one(views, module_id)
        show(view.lines(), view._repr_html_())


def show_health(app: AppContext, line: str) -> None:
    """Show what the health checks of live modules said last."""
    module_id = words_of(Parser("health", "%modframe health [MODULE]"), line).module
    report = app.health()
    if module_id is not None:
        report = type(report)({module_id: _one(report, module_id)})
    show(Table.of(report.rows(), head=HEALTH_HEADS).lines(), report._repr_html_())


def show_logs(_app: AppContext, line: str) -> None:
    """Show the newest events of the log, each with its traceback below it."""
    usage = "%modframe logs [MODULE] [--level LEVEL] [--since 10m] [--id ID] [--lines 50]"
    parser = Parser("logs", usage)
    levels = ("debug", "info", "warning", "error", "critical")
    parser.add_argument("--level", "-l", type=str.lower, choices=levels, default="debug")
    parser.add_argument("--since")
    parser.add_argument("--id", default="")
    parser.add_argument("--lines", "-n", type=int)
    asked = words_of(parser, line)
    try:
        since = parse_since(asked.since, datetime.now(UTC)) if asked.since else None
    except ValueError as error:
        raise UsageError(f"{error}. Write {usage}.") from None
    wanted = WantedEvents.of(
        asked.module or "", level=asked.level, since=since, correlation_id=asked.id
    )
    events = running_engine().log.newest(wanted, lines=asked.lines)
    if not events:
        print("no event like that was logged")
    for event in events:
        print("\n".join(event_lines(event)))


def _one(known: Mapping[str, Any], module_id: str) -> Any:
    if module_id not in known:
        hint = near(module_id, known) or "%modframe status lists them"
        raise UsageError(f"there is no module {module_id!r}; {hint.rstrip()}")
    return known[module_id]


def show(lines: Iterable[str], html: str) -> None:
    shown = {"text/plain": "\n".join(lines), "text/html": html}
    display(shown, raw=True)  # type: ignore[no-untyped-call]  # IPython has no annotations
