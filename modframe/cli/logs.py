"""``modframe logs``: prints the newest lines of ``data/logs/app.log``, then new ones as they come.

In come the files that `EventLog` writes and rotates, and a filter; out goes each line as it stands
there, with its traceback below it, or as a JSON object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ..errors import ModframeError
from ..observe import Event, WantedEvents, event_lines, parse_line
from ..wording import escape
from .out import log_files, say, style_of


def show_logs(
    wanted: WantedEvents, workspace: Path | None, *, lines: int | None, follow: bool, as_data: bool
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
    everything = wanted == WantedEvents() and not as_data

    def pick(line: str) -> str | Event | None:
        return line if everything else wanted.event_in(line)

    newest: list[str | Event]
    newest, end = files.newest(pick, limit=wanted.limit(lines), enough=wanted.ends_at)
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


def _print(one: str | Event, *, as_data: bool) -> None:
    if as_data and isinstance(one, Event):
        print(escape(json.dumps(one.to_dict(), ensure_ascii=False)), flush=True)
        return
    event = parse_line(one) if isinstance(one, str) else one
    if event is None:  # something else wrote it
        print(escape(str(one)), flush=True)
        return
    head, *traceback = event_lines(event, one if isinstance(one, str) else "")
    say(head, style=style_of(event.level) if event.level != "INFO" else "")
    for line in traceback:
        say(line)
