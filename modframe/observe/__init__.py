"""The event log: its files, and a ring of the newest events.

In go log records from modules and from modframe; out come `data/logs/app.log`,
`data/logs/errors.jsonl` and the newest events for views. The app owns the one `EventLog`;
modules get their loggers through `modframe.logging`. This room knows no module.
"""

from .event import Event
from .line import format_line, parse_line
from .log import EventLog
from .loggers import (
    correlation_id,
    get_framework_logger,
    let_root_listen,
    log_event,
    log_print,
    record_failure,
)

__all__ = [
    "Event",
    "EventLog",
    "correlation_id",
    "format_line",
    "get_framework_logger",
    "let_root_listen",
    "log_event",
    "log_print",
    "parse_line",
    "record_failure",
]
