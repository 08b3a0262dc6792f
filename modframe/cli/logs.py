"""``modframe logs``: prints the newest lines of ``data/logs/app.log``, then new ones as they come.

In come a file that `EventLog` writes and rotates, and a filter; out go its lines unchanged, or each
as a JSON object.
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
    """Print the log; return the exit status.

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
    module_id = module_id_of(module) if module else None
    newest: deque[str] = deque(maxlen=lines)
    position = 0
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            texts = (_format(line, module_id, as_data=as_data) for line in file)
            newest.extend(filter(None, texts))
            position = file.tell()
    for text in newest:
        print(text)
    if follow:
        for line in _follow(path, position):
            if text := _format(line, module_id, as_data=as_data):
                print(text, flush=True)
    return 0


def _format(line: str, module_id: str | None, *, as_data: bool) -> str:
    """Return the line as it is printed; empty if it is of another module."""
    line = line.rstrip("\n")
    if module_id is None and not as_data:
        return line
    event = parse_line(line)
    if event is None or (module_id is not None and event.module_id != module_id):
        return ""
    return json.dumps(event.to_dict(), ensure_ascii=False) if as_data else line


def _follow(path: Path, position: int) -> Iterator[str]:
    """Yield lines as they are written; go on with the new file when the log is rotated."""
    inode = path.stat().st_ino if path.is_file() else 0
    incomplete = ""
    while True:
        try:
            status = path.stat()
            if status.st_ino != inode or status.st_size < position:
                inode, position, incomplete = status.st_ino, 0, ""
            if status.st_size > position:
                with path.open("rb") as file:
                    file.seek(position)
                    content = file.read()
                position += len(content)
                text = incomplete + content.decode(errors="replace")
                *lines, incomplete = text.split("\n")
                yield from lines
                continue
        except FileNotFoundError:
            inode, position = 0, 0
        time.sleep(_PAUSE)
