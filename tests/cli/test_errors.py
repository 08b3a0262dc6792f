"""``modframe errors``: recorded errors in the shell, and the pages of codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modframe.observe import EventLog, record_failure
from tests.cli.conftest import Shell


@pytest.fixture
def told(shell: Shell) -> Shell:
    """A workspace with errors of two kinds, some of them in a file put aside."""
    with EventLog(shell.folder / "data/logs", max_bytes=1500) as log:
        for number in range(6):
            record_failure("orders", f"order {number} is lost", code="LOST", generation=1)
            log.flush()
        try:
            raise ValueError("no \x1b[2J number")
        except ValueError as error:
            record_failure("shop", "it failed", error, place="api.py, line 3", correlation_id="c7")
    return shell


def test_errors_are_printed_with_the_newest_last(told: Shell) -> None:
    """What, where and the traceback; nothing in them controls the terminal."""
    assert (told.folder / "data/logs/errors.jsonl.1").exists()
    lines = told.run("errors").stdout.splitlines()
    heads = [line for line in lines if not line.startswith("    ")]
    assert len(heads) == 7
    assert " standard.orders · LOST · generation 1 · " in heads[0]
    assert lines[1] == "    order 0 is lost"
    assert " standard.shop · ValueError · api.py, line 3 · id c7 · " in heads[-1]
    assert lines[-1] == "    ValueError: no \\u001b[2J number"


def test_errors_are_chosen_and_given_as_json(told: Shell) -> None:
    """The newest first, with the facts of the file."""

    def messages(*options: str) -> list[str]:
        done = told.run("errors", "--format", "json", *options)
        assert done.returncode == 0, done.stderr
        return [one["message"] for one in json.loads(done.stdout)]

    lost = [f"order {number} is lost" for number in reversed(range(6))]
    assert messages() == ["it failed", *lost]
    assert messages("--module", "orders") == lost
    assert messages("--module", "orders", "--limit", "2") == lost[:2]
    assert messages("--text", "NUMBER") == ["it failed"]
    assert messages("--since", "10m") == messages()
    assert messages("--since", "2999-01-01") == []


def test_groups_have_their_number(told: Shell) -> None:
    """As lines and as JSON."""
    lines = told.run("errors", "--groups").stdout.splitlines()
    heads = sorted(line for line in lines if not line.startswith("    "))
    assert heads[0].startswith("1 time standard.shop · ValueError · api.py, line 3 · ")
    assert heads[1].startswith("6 times standard.orders · LOST · generation 1 · ")
    assert lines[lines.index(heads[1]) + 1] == "    order 5 is lost"
    groups = json.loads(told.run("errors", "--groups", "--format", "json").stdout)
    assert sorted(group["count"] for group in groups) == [1, 6]


def test_a_code_is_explained(shell: Shell) -> None:
    """In any workspace, whether or not there is a log."""
    page = shell.run("errors", "--explain", "SETTINGS_UNAVAILABLE").stdout
    assert page.startswith("SETTINGS_UNAVAILABLE\n\n")
    assert "\nWhy:  " in page
    assert "\nCure: " in page
    facts = json.loads(shell.run("errors", "--explain", "syntax-error", "--format", "json").stdout)
    assert facts["code"] == "syntax-error"
    unknown = shell.run("errors", "--explain", "SETTINGS_UNAVAILABEL")
    assert unknown.returncode == 1
    assert "did you mean 'SETTINGS_UNAVAILABLE'?" in unknown.stderr


def test_what_cannot_be_meant_is_a_wrong_use_and_no_error_is_no_failure(shell: Shell) -> None:
    """A time that is none; a workspace without a log; a data folder that keeps none."""
    wrong = shell.run("errors", "--since", "yesterday")
    assert wrong.returncode == 2
    assert "'yesterday' is no time; write 10m, 2h or 1d" in wrong.stderr
    nothing = shell.run("errors")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "no error in " in nothing.stderr


def test_errors_of_an_earlier_version_are_printed(shell: Shell) -> None:
    """Which had fewer facts."""
    earlier = Path(__file__).parents[1] / "compatibility/shop/data/logs/errors.jsonl"
    folder = shell.folder / "data/logs"
    folder.mkdir(parents=True)
    (folder / "errors.jsonl").write_bytes(earlier.read_bytes())
    lines = shell.run("errors").stdout.splitlines()
    assert " standard.orders · LookupError · " in lines[0]
    assert lines[1] == "    order refused"
    assert lines[-1] == "    LookupError: no coffee here"
