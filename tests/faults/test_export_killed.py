"""An export killed before any of its steps leaves all of the old or all of the new."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("kill_export.py")
KILLED = -9


def rounds(workspace: Path, first: int, step: int, *again: int | str) -> list[dict[str, Any]]:
    """Kill an export before step ``first``, ``first + step``, ... to its end, each a round."""
    words = [sys.executable, str(SCRIPT), str(workspace), *map(str, (first, step, *again))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_nothing_half(rows: list[dict[str, Any]]) -> None:
    """All files are of one export, none is left over, and nobody has changed one by hand."""
    for row in rows:
        assert row["whole"] in ("old", "new"), row
        assert (row["left"], row["by_hand"], row["after"]) == ([], "", True), row
        assert row["statuses"][2] == 0, row
    # Once the new files are there, they are there however late it is killed.
    wholes = [row["whole"] for row in rows]
    assert wholes == sorted(wholes, reverse=True)
    assert {"old", "new"} == set(wholes)


def test_killed_before_any_step_it_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """The next start finds all of the old or all of the new files, and the person's own."""
    rows = rounds(tmp_path / "shop", 0, 2)
    assert len(rows) >= 40
    assert [row["statuses"][0] for row in rows[:-1]] == [KILLED] * (len(rows) - 1)
    assert_nothing_half(rows)


def test_the_start_that_finishes_it_may_be_killed_too(tmp_path: Path) -> None:
    """Finishing what was cut off can be cut off itself."""
    rows = rounds(tmp_path / "shop", 3, 6, 5)
    assert KILLED in [row["statuses"][1] for row in rows]
    assert_nothing_half(rows)


@pytest.mark.soak
def test_killed_before_every_step_of_both(tmp_path: Path) -> None:
    """Every pair of steps, of the export and of the start after it, that leaves another disk."""
    rows = rounds(tmp_path / "shop", 0, 1, "each")
    assert len(rows) >= 40
    assert {row["statuses"][0] for row in rows} == {KILLED}
    assert {row["statuses"][1] for row in rows} == {KILLED, 0}
    assert_nothing_half(rows)


@pytest.mark.soak
def test_killed_before_every_step_an_app_starts(tmp_path: Path) -> None:
    """Every step of the export; after some of them an app starts, which reads more than its files."""
    assert_nothing_half(rounds(tmp_path / "shop", 0, 1))
