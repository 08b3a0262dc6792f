"""``modframe logs``: the newest lines of ``data/logs/app.log``, and those that come.

In come a file that `EventLog` writes and rotates, and a filter; out go its lines as they are, or
each as a JSON object.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from ..errors import WorkspaceError
from ..observe import parse_line
from ..source.workspace import data_folder
from ..spec import module_id_of
from .out import workspace_at

_PAUSE = 0.2


def show_logs(
    module: str | None, workspace: Path | None, *, lines: int, follow: bool, as_data: bool
) -> int:
    """Print the log; the exit status.

    Raises:
        WorkspaceError: If there is no log.
    """
    home = workspace_at(workspace)
    data = data_folder(None, home)
    path = data / "logs" / "app.log" if data is not None else None
    if path is None or (not path.is_file() and not follow):
        raise WorkspaceError(
            f"there is no log at {path}" if path else "with MODFRAME_DATA=:memory: no log is kept",
            cure="it is there once modframe ran in this workspace: start a notebook or "
            "'modframe serve'",
        )
    wanted = module_id_of(module) if module else None
    kept: deque[str] = deque(maxlen=lines)
    position = 0
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            kept.extend(text for line in file if (text := _shown(line, wanted, as_data=as_data)))
            position = file.tell()
    for text in kept:
        print(text)
    if follow:
        for line in _following(path, position):
            if text := _shown(line, wanted, as_data=as_data):
                print(text, flush=True)
    return 0


def _shown(line: str, wanted: str | None, *, as_data: bool) -> str:
    """The line as it is to be printed; empty if it isn't asked for."""
    line = line.rstrip("\n")
    if wanted is None and not as_data:
        return line
    event = parse_line(line)
    if event is None or (wanted is not None and event.module_id != wanted):
        return ""
    return json.dumps(event.to_dict(), ensure_ascii=False) if as_data else line


def _following(path: Path, position: int) -> Iterator[str]:
    """Lines as they are written; a file that was put aside is left for the new one."""
    begun = path.stat().st_ino if path.is_file() else 0
    rest = ""
    while True:
        try:
            now = path.stat()
            if now.st_ino != begun or now.st_size < position:
                begun, position, rest = now.st_ino, 0, ""
            if now.st_size > position:
                with path.open("rb") as file:
                    file.seek(position)
                    content = file.read()
                position += len(content)
                *whole, rest = (rest + content.decode(errors="replace")).split("\n")
                yield from whole
                continue
        except FileNotFoundError:
            begun, position = 0, 0
        time.sleep(_PAUSE)
