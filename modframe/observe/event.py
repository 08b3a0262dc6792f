"""`Event`: one thing that happened, frozen; and how a log record becomes one.

In goes a `logging.LogRecord`, out comes an `Event` of plain data. `EventLog` calls it in the
thread that logs, because a record's arguments may change right after.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from ..masking import mask_text
from .failure import FACTS, Failure, format_time
from .loggers import RECORD_NAMES, module_of_logger
from .tracebacks import format_trimmed
from .values import plain

# Written after the fields in a line; a field of that name gets an underscore.
RESERVED = frozenset({"exc_type", "traceback"})
_FAILURES = frozenset({"WARNING", "ERROR", "CRITICAL"})
_NOT_KEY = re.compile(r"[^\w.\-]")


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        time: When, in UTC, to the millisecond.
        level: ``"INFO"``, ``"ERROR"`` and so on.
        module_id: The module that logged it, or the name of one of modframe's own loggers.
        message: The message, its arguments filled in.
        fields: What `extra=` carried, as plain data.
        exc_type: The exception's type, for example ``"ValueError"``; empty without one.
        traceback: The traceback's text, trimmed to module code; empty without one.
        count: How many failures it stands for; its message says so too.
    """

    time: datetime
    level: str
    module_id: str
    message: str
    fields: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    exc_type: str = ""
    traceback: str = ""
    count: int = 1

    def to_dict(self) -> dict[str, Any]:
        """The event as JSON-ready data."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "count"}
        return {**values, "time": format_time(self.time), "fields": dict(self.fields)}

    @property
    def is_failure(self) -> bool:
        """Whether it belongs into `errors.jsonl`: `complete_facts` found that it is a failure."""
        return "fingerprint" in self.fields and self.level in _FAILURES

    def to_failure(self) -> Failure:
        """Return the entry of `errors.jsonl`."""
        fields = dict(self.fields)
        facts = {name: fields.pop(name, "") for name in FACTS}
        generation = facts.pop("generation")
        return Failure(
            self.time,
            self.module_id,
            self.message,
            generation if isinstance(generation, int) else 0,
            **{name: str(fact) for name, fact in facts.items()},
            type=self.exc_type,
            traceback=self.traceback,
            count=self.count,
            fields=MappingProxyType(fields),
        )


def from_record(
    record: logging.LogRecord,
    *,
    correlation_id: object = None,
    mask: Callable[[str], str] = mask_text,
) -> Event:
    """Make the event of a log record; of one whose arguments don't fit its message too.

    ``mask`` takes the secrets out of each text.
    """
    time = datetime.fromtimestamp(record.created, UTC)
    fields = {
        _field_name(name): plain(value, name, mask=mask)
        for name, value in vars(record).items()
        if name not in RECORD_NAMES
    }
    if correlation_id is not None:
        fields.setdefault("correlation_id", str(correlation_id))
    exc_type, text = _exception_of(record)
    return Event(
        time=time.replace(microsecond=time.microsecond // 1000 * 1000),
        level=_NOT_KEY.sub("_", record.levelname),
        module_id=module_of_logger(record.name),
        message=mask(_message_of(record)),
        fields=MappingProxyType(fields),
        exc_type=exc_type,
        traceback=mask(text),
    )


def _field_name(name: str) -> str:
    name = _NOT_KEY.sub("_", str(name)) or "_"
    return f"{name}_" if name in RESERVED else name


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - the caller's objects format themselves here
        return f"{plain(record.msg)} (its arguments don't fit: {type(error).__name__})"


def _exception_of(record: logging.LogRecord) -> tuple[str, str]:
    """Return the name of the exception's type and the traceback; both empty without one."""
    exc_type, text = "", ""
    if record.exc_info and record.exc_info[1] is not None:
        exc = record.exc_info[1]
        exc_type = type(exc).__name__
        try:
            text = format_trimmed(exc)
        except Exception as error:  # noqa: BLE001 - an exception's own __str__ runs here
            text = f"{exc_type} (its text failed: {type(error).__name__})"
    if record.stack_info:
        text = f"{text}\n{record.stack_info}" if text else record.stack_info
    return exc_type, text
