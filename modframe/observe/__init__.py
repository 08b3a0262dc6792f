"""The event log: its files, and a ring of the newest events.

In go log records from modules and from modframe; out come `data/logs/app.log`,
`data/logs/errors.jsonl` and the newest events for views. The app owns the one `EventLog`;
modules get their loggers through `modframe.logging`. This room knows no module.
"""

from .event import Event
from .freezes import NAMED_AFTER
from .line import format_line, parse_line
from .log import EventLog
from .loggers import (
    correlation_id,
    get_framework_logger,
    let_root_listen,
    log_event,
    log_print,
    log_soon,
    log_waiting,
    record_failure,
    refusal_logged,
)
from .lost_errors import LostErrors
from .reading import LogFiles
from .tracebacks import find_defined, find_raised, fold
from .uncaught import UncaughtErrors
from .values import escape
from .watchdog import Stall, Watchdog

__all__ = [
    "NAMED_AFTER",
    "Event",
    "EventLog",
    "LogFiles",
    "LostErrors",
    "Stall",
    "UncaughtErrors",
    "Watchdog",
    "correlation_id",
    "escape",
    "find_defined",
    "find_raised",
    "fold",
    "format_line",
    "get_framework_logger",
    "let_root_listen",
    "log_event",
    "log_print",
    "log_soon",
    "log_waiting",
    "parse_line",
    "record_failure",
    "refusal_logged",
]
