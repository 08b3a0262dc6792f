"""``modframe logs``: prints the newest lines of ``data/logs/app.log``, then new ones as they come.

In come the files that `EventLog` writes and rotates, and a filter; out goes each line as it stands
there, with its traceback below it, or as a JSON object.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ..errors import ModframeError
from ..observe import Event, fold, format_line, parse_line
from ..wording import escape
from .out import log_files

_LINES = 50
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are printed; what is empty or 0 leaves out none.

    Attributes:
        module_id: Only this module's.
        level: Only those of this level, a number of `logging`, and above.
        since: Only those that are not older.
        correlation_id: Only those that belong to this request.
    """

    module_id: str = ""
    level: int = 0
    since: datetime | None = None
    correlation_id: str = ""

    def event_in(self, line: str) -> Event | None:
        """Return the event of a line; ``None`` if it has none, or one that isn't wanted."""
        if self.module_id not in line or self.correlation_id not in line:
            return None
        event = parse_line(line)
        return event if event is not None and self._wants(event) else None

    def _wants(self, event: Event) -> bool:
        return (
            self.module_id in ("", event.module_id)
            and _number_of(event.level) >= self.level
            and (self.since is None or event.time >= self.since)
            and self.correlation_id in ("", str(event.fields.get("correlation_id")))
        )

    def ends_at(self, line: str) -> bool:
        """Return whether all lines above one are too old."""
        event = parse_line(line) if self.since is not None else None
        return event is not None and self.since is not None and event.time < self.since


def show_logs(
    wanted: Filter, workspace: Path | None, *, lines: int | None, follow: bool, as_data: bool
) -> int:
    """Print the log; return the exit status.

    Args:
        wanted: What is printed.
        workspace: Where the log is.
        lines: How many at most; by default 50, or all that a time or a request asks for.
        follow: Whether to go on with what is logged from now on.
        as_data: Whether each is printed as a JSON object.

    Raises:
        WorkspaceError: If there is no log.
    """
    files = log_files(workspace, "app.log", needed=not follow)
    asks_for_all = wanted.since is not None or wanted.correlation_id
    limit = None if lines is None and asks_for_all else _LINES if lines is None else lines
    everything = wanted == Filter() and not as_data

    def pick(line: str) -> str | Event | None:
        return line if everything else wanted.event_in(line)

    newest: list[str | Event]
    newest, end = files.newest(pick, limit=limit, enough=wanted.ends_at)
    for one in newest:
        _print(one, as_data=as_data)
    if follow:
        for line in files.follow(end):
            if (new := pick(line)) is not None:
                _print(new, as_data=as_data)
    elif wanted.correlation_id and not newest:
        raise ModframeError(
            f"no event in {files.path.parent} has the correlation id {wanted.correlation_id!r}",
            cure="copy the id from the answer's correlation_id or its header X-Correlation-ID, and "
            "name the workspace of the server with --workspace",
        )
    elif not newest and not as_data:
        whose = f"of {wanted.module_id}" if wanted.module_id else "like that"
        print(f"no event {whose} in {files.path.parent}", file=sys.stderr)
    return 0


def _number_of(level: str) -> int:
    """Return the number of a level; one of a person's own is never left out."""
    return logging.getLevelNamesMapping().get(level, logging.CRITICAL)


def _print(one: str | Event, *, as_data: bool) -> None:
    if as_data and isinstance(one, Event):
        print(escape(json.dumps(one.to_dict(), ensure_ascii=False)), flush=True)
        return
    event = parse_line(one) if isinstance(one, str) else one
    if event is None:  # something else wrote it
        print(escape(str(one)), flush=True)
        return
    print("\n".join([_head_of(one, event), *_traceback_of(event)]), flush=True)


def _head_of(one: str | Event, event: Event) -> str:
    """Return the line of an event, as it is in the file if it has no traceback."""
    if event.traceback:
        return format_line(replace(event, exc_type="", traceback=""))
    return one if isinstance(one, str) else format_line(event)


def _traceback_of(event: Event) -> Iterator[str]:
    if event.traceback:
        whole = os.environ.get("MODFRAME_DEBUG")
        lines = event.traceback.split("\n") if whole else fold(event.traceback)
        yield from (f"{_INDENT}{escape(line)}" for line in lines)
