"""The event log: its files, a ring of the newest events, and the recorded failures.

In go log records from modules and from modframe; out come `data/logs/app.log`,
`data/logs/errors.jsonl`, the newest events for views, and failures by filter and kind; `Numbers`
has what is counted and measured.
The app owns the one `EventLog`; modules get their loggers through `modframe.logging`. This room
knows no module.
"""

from .access import AccessLine, AccessLog
from .durations import Durations
from .event import Event
from .failure import Failure, failure_of, parse_failure
from .fingerprint import Fingerprint
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
    record_result,
    refusal_logged,
)
from .lost_errors import LostErrors
from .numbers import OTHER, SAMPLED, SERVER, TIMED, Answer, Calls, Numbers, Requests, ServiceCalls
from .reading import LogFiles
from .recorded import Group, RecordedErrors, Wanted, group_of
from .report import event_lines, failure_lines, failure_table, group_lines, group_table
from .series import POINTS, STEP, Series
from .since import parse_since
from .spans import begin_span, end_span, span, tracing
from .tracebacks import find_defined, find_raised, fold
from .uncaught import UncaughtErrors
from .wanted_events import WantedEvents
from .watchdog import Stall, Watchdog

__all__ = [
    "NAMED_AFTER",
    "OTHER",
    "POINTS",
    "SAMPLED",
    "SERVER",
    "STEP",
    "TIMED",
    "AccessLine",
    "AccessLog",
    "Answer",
    "Calls",
    "Durations",
    "Event",
    "EventLog",
    "Failure",
    "Fingerprint",
    "Group",
    "LogFiles",
    "LostErrors",
    "Numbers",
    "RecordedErrors",
    "Requests",
    "Series",
    "ServiceCalls",
    "Stall",
    "UncaughtErrors",
    "Wanted",
    "WantedEvents",
    "Watchdog",
    "begin_span",
    "correlation_id",
    "end_span",
    "event_lines",
    "failure_lines",
    "failure_of",
    "failure_table",
    "find_defined",
    "find_raised",
    "fold",
    "format_line",
    "get_framework_logger",
    "group_lines",
    "group_of",
    "group_table",
    "let_root_listen",
    "log_event",
    "log_print",
    "log_soon",
    "log_waiting",
    "parse_failure",
    "parse_line",
    "parse_since",
    "record_failure",
    "record_result",
    "refusal_logged",
    "span",
    "tracing",
]
