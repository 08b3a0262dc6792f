"""``modframe errors``: prints what `data/logs/errors.jsonl` has, one by one or by kind.

In come a filter and the files; out go lines, the newest last, or JSON, the newest first. With
``--explain`` the page of a code is printed instead.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..codes import explain, unknown_code
from ..errors import ModframeError
from ..observe import RecordedErrors, Wanted, failure_lines, group_lines
from .out import as_json, log_files, say


def show_errors(
    wanted: Wanted, workspace: Path | None, *, limit: int, grouped: bool, as_data: bool
) -> int:
    """Print recorded errors; return the exit status.

    Args:
        wanted: Which ones.
        workspace: Where the log is.
        limit: How many at most.
        grouped: Whether they are printed by kind.
        as_data: Whether they are printed as JSON.

    Raises:
        WorkspaceError: If no log is kept.
    """
    files = log_files(workspace, "errors.jsonl", needed=False)
    recorded = RecordedErrors(files)
    if grouped:
        groups = recorded.groups(wanted, limit=limit)
        facts, lines = [one.to_dict() for one in groups], group_lines(groups)
    else:
        failures = recorded.find(wanted, limit=limit)
        facts, lines = [one.to_dict() for one in failures], failure_lines(failures)
    if as_data:
        as_json(facts)
        return 0
    for line in lines:
        say(line, style="" if line.startswith(" ") else "bold")
    if not facts:
        like = "" if wanted == Wanted() else " like that"
        print(f"no error{like} in {files.path.parent}", file=sys.stderr)
    return 0


def explain_code(code: str, *, as_data: bool) -> int:
    """Print the page of a code; return the exit status.

    Raises:
        ModframeError: If it has none.
    """
    page = explain(code)
    if page is None:
        raise ModframeError(unknown_code(code))
    if as_data:
        as_json(page.to_dict())
    else:
        say(str(page))
    return 0
