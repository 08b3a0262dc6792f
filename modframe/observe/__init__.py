"""What can be read afterwards: the event log's files and its ring.

In go log records from modules and from modframe; out come `data/logs/app.log`,
`data/logs/errors.jsonl` and the newest events for views. The app owns the one `EventLog`;
modules get their loggers through `modframe.logging`. This room knows no module.
"""

from .event import Event
from .line import format_line, parse_line
from .log import EventLog
from .loggers import get_framework_logger, let_root_listen
from .speak import correlation_id, log_exception, log_print

__all__ = [
    "Event",
    "EventLog",
    "correlation_id",
    "format_line",
    "get_framework_logger",
    "let_root_listen",
    "log_exception",
    "log_print",
    "parse_line",
]
