"""Events, failures and groups as lines of text and as HTML, in the shell and below a cell.

In come failures and groups, the newest first; out come lines, the newest last, where a person looks
in a terminal, and tables, the newest first. The lines of an event are those of `app.log`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from ..html import code, section, table, tag
from ..wording import count, escape, one_line
from .event import Event
from .failure import Failure, format_time
from .line import format_line
from .recorded import Group
from .tracebacks import fold

_INDENT = "    "


def event_lines(event: Event, written: str = "") -> Iterator[str]:
    """Yield the lines of an event: as it is in the file, and its traceback below it.

    ``written`` is the line of the file, where that is known.
    """
    if not event.traceback:
        yield written or format_line(event)
        return
    yield format_line(replace(event, exc_type="", traceback=""))
    yield from _indented(event.traceback)


def _indented(traceback: str) -> Iterator[str]:
    whole = os.environ.get("MODFRAME_DEBUG")
    lines = traceback.split("\n") if whole else fold(traceback)
    yield from (f"{_INDENT}{escape(line)}" for line in lines)


def failure_lines(failures: Sequence[Failure]) -> Iterator[str]:
    """Yield the lines of failures: what and where, and the traceback below it."""
    for failure in reversed(failures):
        yield escape(" · ".join(filter(None, _head(failure))))
        yield from (f"{_INDENT}{escape(line)}" for line in failure.message.split("\n"))
        if failure.traceback:
            yield from _indented(failure.traceback)


def _head(failure: Failure) -> Iterator[str]:
    yield f"{format_time(failure.time)} {failure.module_id}"
    yield failure.kind
    yield failure.place
    yield f"generation {failure.generation}" if failure.generation else ""
    yield f"id {failure.correlation_id}" if failure.correlation_id else ""
    yield failure.fingerprint


def group_lines(groups: Sequence[Group]) -> Iterator[str]:
    """Yield two lines for each group: number, kind and where; what the newest one says."""
    for group in reversed(groups):
        newest = group.newest
        last, first = format_time(group.last), format_time(group.first)
        when = last if first == last else f"{last}, first {first}"
        facts = (
            f"{count(group.count, 'time')} {newest.module_id}",
            newest.kind,
            newest.place,
            group.generations_text,
            when,
            newest.fingerprint,
        )
        yield escape(" · ".join(filter(None, facts)))
        yield f"{_INDENT}{escape(one_line(newest.message))}"


def _time_of(time: datetime) -> str:
    """Return a time that a narrow column breaks between date and time."""
    return format_time(time).replace("T", " ")


def failure_table(failures: Iterable[Failure]) -> str:
    """Return failures as an HTML table."""
    head = ("time", "module", "kind", "place", "generation", "message")
    rows = [
        (
            _time_of(one.time), one.module_id, tag("strong", one.kind), code(one.place),
            one.generation or "", one.message,
        )
        for one in failures
    ]  # fmt: skip
    return section("errors", table(rows, head=head), note=f"{len(rows)}, the newest first")


def group_table(groups: Iterable[Group]) -> str:
    """Return groups as an HTML table."""
    head = ("times", "module", "kind", "place", "generations", "last", "message")
    rows = [
        (
            group.count, one.module_id, tag("strong", one.kind), code(one.place),
            group.generations_text, _time_of(group.last), one.message,
        )
        for group in groups
        for one in [group.newest]
    ]  # fmt: skip
    return section("kinds of errors", table(rows, head=head), note=f"{len(rows)}, the last first")
