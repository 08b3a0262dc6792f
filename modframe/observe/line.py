"""An event as one line of `app.log`, and back.

    2026-11-25T10:00:00.123Z INFO standard.orders order placed order_id=7 items=["tea","cup"]

A message is a JSON string if it has several lines or control characters, or looks like fields
itself; so a line has exactly one meaning and can't be forged.
`EventLog` writes lines; `modframe logs` and tests read them back.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ..wording import is_unsafe
from .event import Event
from .failure import format_time
from .values import quote

_WORD = re.compile(r"[^\W\d][\w/.:@~+\-%]*\Z")  # a text that needs no quotes
_LITERALS = frozenset({"true", "false", "null"})
_LIKE_FIELDS = re.compile(r'(?:^|\s)[\w.\-]+=|^"|^\s|\s\Z|^\Z')
_HEAD = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]{12}Z) ([\w.\-]+) ([\w.\-]+) ")
_FIELD = re.compile(r" ([\w.\-]+)=")
_TOKEN = re.compile(r"[^ ]*")
_DECODER = json.JSONDecoder()


def format_line(event: Event) -> str:
    """Format an event as one line, without its line end."""
    parts = [format_time(event.time), event.level, event.module_id, format_message(event.message)]
    parts += [f"{name}={_format_value(value)}" for name, value in event.fields.items()]
    if event.exc_type:
        parts.append(f"exc_type={_format_value(event.exc_type)}")
    if event.traceback:
        parts.append(f"traceback={_format_value(event.traceback)}")
    return " ".join(parts)


def parse_line(line: str) -> Event | None:
    """Parse a line of `app.log`; return ``None`` for any other text."""
    line = line.rstrip("\n")
    head = _HEAD.match(line)
    if head is None:
        return None
    try:
        message, at = _read_message(line, head.end())
        fields = _read_fields(line, at)
    except ValueError:
        return None
    exc_type, text = fields.pop("exc_type", ""), fields.pop("traceback", "")
    time, level, module_id = head.groups()
    return Event(
        time=datetime.fromisoformat(time),
        level=level,
        module_id=module_id,
        message=message,
        fields=MappingProxyType(fields),
        exc_type=exc_type,
        traceback=text,
    )


def format_message(text: str) -> str:
    return quote(text) if is_unsafe(text) or _LIKE_FIELDS.search(text) else text


def _format_value(value: Any) -> str:
    if isinstance(value, str) and _WORD.match(value) and value not in _LITERALS:
        return value
    return quote(value)


def _read_message(line: str, at: int) -> tuple[str, int]:
    if line.startswith('"', at):
        return _DECODER.raw_decode(line, at)
    # The blank before the message is not part of it, so a field at its start is not matched.
    field = _FIELD.search(line, at)
    end = field.start() if field else len(line)
    return line[at:end], end


def _read_fields(line: str, at: int) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    while at < len(line):
        field = _FIELD.match(line, at)
        if field is None:
            raise ValueError("not a field")
        token = _TOKEN.match(line, field.end())
        word = token[0] if token else ""
        if _WORD.match(word) and word not in _LITERALS:
            fields[field[1]], at = word, field.end() + len(word)
        else:
            fields[field[1]], at = _DECODER.raw_decode(line, field.end())
    return fields
