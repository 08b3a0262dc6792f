"""Exports in forked children that are killed before a chosen step; run by `test_export_killed`.

    python kill_export.py FOLDER FIRST STEP AGAIN

In each round a child exports over the files of an earlier export and is killed with SIGKILL before
its Nth open, rename, fsync, chmod or removal. A second child, which the argument ``AGAIN`` has killed
as well, does what a start does. Prints one JSON line a round, and ends with the first round in which
the export came to its end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import modframe
from modframe.errors import ExportError
from modframe.ship import ExportRecord, export
from modframe.source import Source, find_modules
from modframe.source.folder_change import finish_changes

TEXT = """\
from modframe.decorators import module

from .helpers.text import EDITION


@module
class Orders:
    def edition(self) -> int:
        return EDITION
"""
OLD = {"api.py": TEXT, "helpers/text.py": "EDITION = 1\n", "gone.py": "X = 1\n", "README.md": "1\n"}
NEW = {
    "api.py": f"{TEXT}\n# two\n",
    "helpers/text.py": "EDITION = 2\n",
    "rows/sql.py": "EDITION = 2\n",
    "README.md": "2\n",
    "queries/all.sql": "SELECT 2\n",
}
MINE = {"notes.txt": "mine\n", "data/prices.csv": "tea,3\n"}
"""Files that modframe doesn't own."""
_EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod")
STARTED_EVERY = 25
"""Every so many rounds, the second child starts an app; else it does only what that reads first."""


def export_texts(workspace: Path, texts: dict[str, str]) -> None:
    export(
        Source.from_texts("standard.orders", texts),
        workspace / "modules",
        workspace=workspace,
        record=ExportRecord(workspace / "data"),
    )


def killed_before(number: int) -> Callable[[], None]:
    """Let this process be killed before its step of that number; return what arms it."""
    left, armed = number, False

    def step() -> None:
        nonlocal left
        if armed:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def arm() -> None:
        nonlocal armed
        armed = True

    os.fsync = lambda _: step()
    sys.addaudithook(lambda event, _: step() if event in _EVENTS else None)
    return arm


def in_child(job: Callable[[], None]) -> int:
    """Run a job in a forked child; return its exit status, negative if a signal ended it."""
    child = os.fork()
    if not child:
        try:
            job()
        except BaseException as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def files_below(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def read_as_a_start(workspace: Path) -> None:
    find_modules(workspace / "modules")
    finish_changes(workspace / "data")


def start_app(workspace: Path) -> None:
    with modframe.start(workspace=workspace, strict=True) as app:
        edition = app.get_service("orders").edition().result(30)
        assert app.modules["orders"].state == "LIVE", edition


def one_round(workspace: Path, number: int, again: int | None) -> bool:
    """Run one round; return whether the export came to its end."""
    shutil.rmtree(workspace, ignore_errors=True)
    folder = workspace / "modules/standard/orders"
    for name, text in MINE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    export_texts(workspace, OLD)

    def killed_export() -> None:
        killed_before(number)()
        export_texts(workspace, NEW)

    def killed_reader() -> None:
        if again is not None:
            killed_before(again)()
        read_as_a_start(workspace)

    status = in_child(killed_export)
    statuses = [status, in_child(killed_reader)]
    reader = start_app if number % STARTED_EVERY == 0 and again is None else read_as_a_start
    statuses.append(in_child(lambda: reader(workspace)))
    found = files_below(folder)
    is_old, is_new = found == {**OLD, **MINE}, found == {**NEW, **MINE}
    beside = [path.name for path in (*workspace.iterdir(), *(workspace / "modules").iterdir())]
    left = [name for name in beside if name not in ("data", "modules", "standard")]
    left += [path.name for path in (workspace / "data").iterdir() if "modframe" in path.name]
    by_hand = ""
    try:
        export_texts(workspace, NEW)
    except ExportError as error:
        by_hand = str(error)
    after = files_below(folder) == {**NEW, **MINE}
    row = {
        "number": number, "statuses": statuses, "left": left, "by_hand": by_hand,
        "whole": "old" if is_old else "new" if is_new else sorted(found), "after": after,
    }  # fmt: skip
    print(json.dumps(row), flush=True)
    return status == 0


def main() -> None:
    os.fsync = lambda _: None  # SIGKILL takes nothing from a disk that was written to
    sys.modules["modframe.ship.export"].load_in_fresh_process = lambda *_, **__: []  # type: ignore[attr-defined]
    workspace, first, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    again = int(sys.argv[4]) if len(sys.argv) > 4 else None
    number = first
    while not one_round(workspace, number, again):
        number += step


if __name__ == "__main__":
    main()
