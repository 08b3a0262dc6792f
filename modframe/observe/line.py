"""An event as one line of `app.log`, and back.

    2026-11-25T10:00:00.123Z INFO standard.orders order placed order_id=7 items=["tea","cup"]

Whatever isn't plain is a JSON string: a message over several lines, one with control characters,
and one that itself looks like fields, so a line says exactly one thing and can't be forged.
`EventLog` writes lines; `modframe logs` and tests read them back.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from types import MappingProxyType
from typing import Any

from .event import Event, stamp
from .values import is_live, quote

_WORD = re.compile(r"[^\W\d][\w/.:@~+\-%]*\Z")  # a text that needs no quotes
_LITERALS = frozenset({"true", "false", "null"})
_LIKE_FIELDS = re.compile(r'(?:^|\s)[\w.\-]+=|^"|^\s|\s\Z|^\Z')
_HEAD = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]{12}Z) ([\w.\-]+) ([\w.\-]+) ")
_FIELD = re.compile(r" ([\w.\-]+)=")
_TOKEN = re.compile(r"[^ ]*")
_DECODER = json.JSONDecoder()


def format_line(event: Event) -> str:
    """The event as one line, without its line end."""
    parts = [stamp(event.time), event.level, event.module_id, _message(event.message)]
    parts += [f"{name}={_value(value)}" for name, value in event.fields.items()]
    if event.exc_type:
        parts.append(f"exc_type={_value(event.exc_type)}")
    if event.traceback:
        parts.append(f"traceback={_value(event.traceback)}")
    return " ".join(parts)


def parse_line(line: str) -> Event | None:
    """The event that a line says; ``None`` if it is no line of `app.log`'s."""
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


def _message(text: str) -> str:
    return quote(text) if is_live(text) or _LIKE_FIELDS.search(text) else text


def _value(value: Any) -> str:
    if isinstance(value, str) and _WORD.match(value) and value not in _LITERALS:
        return value
    return quote(value)


def _read_message(line: str, at: int) -> tuple[str, int]:
    if line.startswith('"', at):
        return _DECODER.raw_decode(line, at)
    # The head's own blank is not the message's, so a first field can't be taken for it.
    found = _FIELD.search(line, at)
    end = found.start() if found else len(line)
    return line[at:end], end


def _read_fields(line: str, at: int) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    while at < len(line):
        found = _FIELD.match(line, at)
        if found is None:
            raise ValueError("not a field")
        token = _TOKEN.match(line, found.end())
        word = token[0] if token else ""
        if _WORD.match(word) and word not in _LITERALS:
            fields[found[1]], at = word, found.end() + len(word)
        else:
            fields[found[1]], at = _DECODER.raw_decode(line, found.end())
    return fields
