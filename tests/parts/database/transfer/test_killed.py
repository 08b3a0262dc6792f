"""A process that is killed while a database is restored or moved leaves the old or the new one."""

from __future__ import annotations

from pathlib import Path

import pytest

import modframe
from tests.faults.processes import run_script
from tests.parts.database.transfer.test_backup import API

SCRIPT = """
import os, pathlib, signal, modframe
from tests.parts.database.transfer.test_backup import API, add

def killed(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

def after(function):
    def then_killed(*arguments, **options):
        function(*arguments, **options)
        killed()
    return then_killed

app = modframe.start(workspace=".", data="data")
app.load({"api.py": API}, id="shop")
add(app, "a")
app.database.backup("backup")
add(app, "b")
from modframe.parts.database import choice, file
from modframe.parts.database.sqlite import copies
from modframe.parts.database.transfer import moving
"""
RESTORE = 'app.database.restore("backup", replace=True)\n'
MOVE = 'app.database.move("shop", to="sqlite")\n'


def names_after(script: str, workspace: Path, engine: str) -> list[str]:
    """Return the rows that a start finds after the script was killed, on the engine with a suffix."""
    done = run_script(SCRIPT + script, workspace)
    assert done.returncode == -9, done.stderr
    with modframe.start(workspace=workspace, data=workspace / "data") as app:
        app.load({"api.py": API}, id="shop")
        service = app.get_service("shop")
        names: list[str] = service.names().result()
        service.add("more").result()
        assert service.names().result() == [*names, "more"]
    assert engine in {path.suffix for path in (workspace / "data" / "databases").iterdir()}
    return names


@pytest.mark.parametrize(
    ("script", "names"),
    [
        pytest.param("os.fsync = killed\n", ["a", "b"], marks=pytest.mark.soak),
        ("pathlib.Path.replace = killed\n", ["a", "b"]),
        ("pathlib.Path.replace = after(pathlib.Path.replace)\n", ["a"]),
    ],
    ids=["copied", "before-the-rename", "after-it"],
)
def test_in_a_restore(workspace: Path, script: str, names: list[str]) -> None:
    """The database is as it was, or as in the backup."""
    assert names_after(script + RESTORE, workspace, ".duckdb") == names


@pytest.mark.parametrize(
    ("script", "engine"),
    [
        pytest.param("moving.checksum = killed\n", ".duckdb", marks=pytest.mark.soak),
        ("choice.Chooser.keep_moved = killed\n", ".duckdb"),
        ("choice.Chooser.keep_moved = after(choice.Chooser.keep_moved)\n", ".sqlite"),
    ],
    ids=["copied", "before-the-record", "after-it"],
)
def test_in_a_move(workspace: Path, script: str, engine: str) -> None:
    """All rows are there, on the engine that the record says."""
    assert names_after(script + MOVE, workspace, engine) == ["a", "b"]
