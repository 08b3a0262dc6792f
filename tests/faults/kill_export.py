"""Exports in forked children that are killed before a chosen step; run by `test_export_killed`.

    python kill_export.py FOLDER FIRST STEP [AGAIN]

In each round a child exports over the files of an earlier export and is killed with SIGKILL before
its Nth open, rename, fsync, chmod or removal. A second child, which the argument ``AGAIN`` has killed
as well, does what a start does. Prints one JSON line a round, and ends with the first round in which
the export came to its end.

With "each" for ``AGAIN`` the second child is killed before every step that it has. What is on the
disk after a kill decides all that follows, so what was there before is not tried again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial
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
Disk = list[tuple[str, int, bytes]]
"""What a workspace holds: paths, folders before what is in them, with their modes and texts."""
_CHANGE = re.compile(r"(?<=\.modframe-change-)[0-9a-f]+")
_EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod")
KILLED = -signal.SIGKILL
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


def disk_of(workspace: Path) -> Disk:
    paths = sorted(workspace.rglob("*"))
    return [
        (
            path.relative_to(workspace).as_posix(),
            path.stat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in paths
    ]


def put_back(workspace: Path, disk: Disk) -> None:
    shutil.rmtree(workspace)
    workspace.mkdir()
    for name, mode, text in disk:
        path = workspace / name
        path.mkdir() if stat.S_ISDIR(mode) else path.write_bytes(text)
        path.chmod(stat.S_IMODE(mode))


def export_killed(workspace: Path, number: int) -> int:
    """Export over an earlier export, killed before a step; return the child's exit status."""
    shutil.rmtree(workspace, ignore_errors=True)
    folder = workspace / "modules/standard/orders"
    for name, text in MINE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    export_texts(workspace, OLD)

    def job() -> None:
        killed_before(number)()
        export_texts(workspace, NEW)

    return in_child(job)


def reader_killed(workspace: Path, again: int | None) -> int:
    """Do what a start does, killed before a step or not; return the child's exit status."""

    def job() -> None:
        if again is not None:
            killed_before(again)()
        read_as_a_start(workspace)

    return in_child(job)


def tell(
    workspace: Path, number: int, statuses: list[int], *, reader: Callable[[Path], None]
) -> None:
    """Start once more, export once more, and print what was found."""
    folder = workspace / "modules/standard/orders"
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


def one_round(workspace: Path, number: int, again: int | None) -> bool:
    """Run one round; return whether the export came to its end."""
    status = export_killed(workspace, number)
    statuses = [status, reader_killed(workspace, again)]
    reader = start_app if number % STARTED_EVERY == 0 and again is None else read_as_a_start
    tell(workspace, number, statuses, reader=reader)
    return status == 0


def each_pair(workspace: Path, number: int, *, tried: set[str], judged: set[str]) -> bool:
    """As `one_round`, with the second child killed before each of its steps in turn."""
    status = export_killed(workspace, number)
    disk = disk_of(workspace)
    if is_new(disk, tried):
        for second in killed_readers(workspace, disk):
            if is_new(disk_of(workspace), judged):
                tell(workspace, number, [status, second], reader=read_as_a_start)
    return status == 0


def killed_readers(workspace: Path, disk: Disk) -> Iterator[int]:
    """Kill a start before each of its steps, each time from one disk; yield its exit status."""
    again, status = 0, KILLED
    while status == KILLED:
        put_back(workspace, disk)
        status = reader_killed(workspace, again)
        again += 1
        yield status


def is_new(disk: Disk, seen: set[str]) -> bool:
    """Return whether nothing like it was seen so far, whatever the number of its change."""
    key = _CHANGE.sub("", repr(disk))
    new = key not in seen
    seen.add(key)
    return new


def main() -> None:
    os.fsync = lambda _: None  # SIGKILL takes nothing from a disk that was written to
    sys.modules["modframe.ship.export"].load_in_fresh_process = lambda *_, **__: []  # type: ignore[attr-defined]
    workspace, first, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    again = sys.argv[4] if len(sys.argv) > 4 else None
    turn = partial(one_round, again=None)
    if again == "each":
        turn = partial(each_pair, tried=set(), judged=set())
    elif again is not None:
        turn = partial(one_round, again=int(again))
    number = first
    while not turn(workspace, number):
        number += step


if __name__ == "__main__":
    main()
