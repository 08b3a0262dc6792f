"""The history with a clock that goes back, damaged rows, and generations that had errors."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.desk import history as history_file
from modframe.desk.history import History
from modframe.source import Source
from tests.faults.processes import run_script

EDITION = """\
from fastapi import APIRouter
from modframe.decorators import module

router = APIRouter()


@router.get("/fail")
def fail():
    raise LookupError("nothing here")


@module
class Orders:
    def edition(self) -> int:
        return {number}
"""


def load(app: AppContext, number: int) -> modframe.Module:
    return app.load({"api.py": EDITION.format(number=number)}, id="orders")


def edition(app: AppContext) -> int:
    number: int = app.get_service("orders").edition().result(30)
    return number


def editions(module: Any) -> list[str]:
    texts = (entry.source.texts["api.py"] for entry in module.history)
    return [text.rsplit("return ", 1)[1].strip() for text in texts]


def hours_back(hours: int) -> type[datetime]:
    """A clock that was set back."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(hours=hours)

    return Clock


@pytest.fixture
def app(workspace: Path) -> Iterator[AppContext]:
    """A running app that has had three editions in an earlier run, of which the third is live."""
    with modframe.start(workspace=workspace) as first:
        for number in (1, 2, 3):
            load(first, number)
    with modframe.start(workspace=workspace) as running:
        yield running


def rows(workspace: Path, statement: str, *values: object) -> None:
    """Change the file of the history."""
    connection = sqlite3.connect(workspace / "data/history.sqlite")
    with connection:
        connection.execute(statement, values)
    connection.close()


# -- order -------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_changes_no_order(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollback goes to what was live before, though its time is later."""
    monkeypatch.setattr(history_file, "datetime", hours_back(5))
    module = load(app, 4)
    assert editions(module) == ["1", "2", "3", "4"]
    times = [entry.time for entry in module.history]
    assert times != sorted(times)
    module.rollback()
    assert edition(app) == 3
    assert editions(module) == ["1", "2", "3", "4", "3"]
    sequences = [entry.sequence for entry in module.history]
    assert sequences == sorted(set(sequences))


def test_what_another_process_made_live_meanwhile_is_no_predecessor(
    app: AppContext, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the history, after what this run began with, and no rollback goes there."""
    load(app, 4)
    monkeypatch.setattr(history_file, "datetime", hours_back(5))
    other = History(workspace / "data/history.sqlite")
    source = Source.from_texts("standard.orders", {"api.py": EDITION.format(number=9)})
    assert app.modules["orders"].history[-1].sequence
    other.note(source, generation=1, outcome="live elsewhere")
    other.close()
    module = load(app, 5)
    assert editions(module) == ["1", "2", "3", "4", "9", "5"]
    module.rollback()
    assert edition(app) == 4
    module.rollback(to=app.modules["orders"].history[2])
    assert edition(app) == 3


# -- damage ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("files", "replace(files, 'return 2', 'return 7')"),
        ("files", "CAST(x'7bff00fe' AS TEXT)"),
        ("files", "'{}'"),
        ("leaked", "'no json'"),
        ("time", "'some day'"),
        ("generation", "5"),
    ],
)
def test_a_damaged_entry_is_named_and_left_out(
    app: AppContext, workspace: Path, caplog: pytest.LogCaptureFixture, column: str, value: str
) -> None:
    """The display and one line of the log say so; a rollback takes the entry before it."""
    rows(workspace, f"UPDATE entries SET {column} = {value} WHERE id = 2")
    module = load(app, 3)
    with caplog.at_level(logging.WARNING, "modframe.history"):
        history = [module.history, module.history][-1]
    assert editions(module) == ["1", "3", "3"]
    assert ", 1 damaged and left out" in repr(history)
    assert "is damaged and left out (row 2 in " in history._repr_html_()
    said = [line for line in caplog.messages if "damaged" in line]
    assert len(said) == 1
    assert said[0].startswith("the history of standard.orders: the entry of ")
    module.rollback()
    assert edition(app) == 1


def test_an_entry_of_an_earlier_version_is_checked_by_its_text(
    app: AppContext, workspace: Path
) -> None:
    """It has no checksum; the digest of its text is as good."""
    rows(workspace, "UPDATE entries SET checksum = NULL, errors = NULL")
    rows(workspace, "UPDATE entries SET files = replace(files, '2', '7') WHERE id = 2")
    module = load(app, 3)
    assert editions(module) == ["1", "3", "3"]
    assert [entry.errors for entry in module.history] == [0, 0, 0]


def test_two_processes_open_a_file_of_an_earlier_version(tmp_path: Path) -> None:
    """The columns that it lacks are added once, and neither loses an entry."""
    file = tmp_path / "history.sqlite"
    connection = sqlite3.connect(file)
    connection.executescript(
        """PRAGMA user_version = 1;
        CREATE TABLE entries (
            id INTEGER PRIMARY KEY, module_id TEXT NOT NULL, run TEXT NOT NULL,
            generation INTEGER NOT NULL, time TEXT NOT NULL, origin TEXT NOT NULL,
            place TEXT NOT NULL, digest TEXT NOT NULL, outcome TEXT NOT NULL,
            leaked TEXT NOT NULL, files TEXT NOT NULL
        );"""
    )
    connection.close()
    assert History(file).entries("standard.m1") == ()
    script = """
        import sys
        from pathlib import Path
        from modframe.desk.history import History
        from modframe.source import Source

        history = History(Path("history.sqlite"))
        for number in range(5):
            source = Source.from_texts("standard.orders", {"api.py": f"{MARK}, {number}"})
            history.note(source, generation=number + 1, outcome="live")
        history.close()
    """
    other = Source.from_texts("standard.orders", {"api.py": "mine"})
    mine = History(file)
    mine.note(other, generation=1, outcome="live")
    for mark in ("1", "2"):
        done = run_script(script.replace("{MARK}", mark), tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    mine.close()
    assert len(History(file).entries("standard.orders")) == 11


# -- errors ------------------------------------------------------------------------------------


async def test_a_rollback_says_how_many_errors_the_generation_had(
    app: AppContext, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are counted while it is live, shown, and kept for the next run."""
    module = load(app, 4)
    client = app.test_client()
    for _ in range(2):
        answer = await client.get("/api/v1/orders/fail")
        assert answer.status_code == 500
    await client.aclose()
    load(app, 5)
    assert [entry.errors for entry in module.history] == [0, 0, 0, 2, 0]
    assert "<th" in module.history._repr_html_()
    module.rollback()
    assert edition(app) == 4
    assert "standard.orders: rolled back to 1, which had 2 errors while it was live" in (
        capsys.readouterr().err
    )
    assert module.history[-1].outcome.startswith(
        "rollback to 1, which had 2 errors while it was live · standard.orders 2 → 3"
    )
    module.rollback()
    assert capsys.readouterr().err == ""
    app.stop()
    again = History(workspace / "data/history.sqlite")
    assert [entry.errors for entry in again.entries("standard.orders")] == [0, 0, 0, 2, 0, 0, 0]
    assert again.entries("standard.orders")[-1].time <= datetime.now(UTC)
