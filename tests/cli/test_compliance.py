"""``modframe compliance``: formats, strictness, all modules, and pages of rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modframe.cli import main
from modframe.ship.rules import reference
from tests.fakes import ORDERS


@pytest.fixture
def modules(workspace: Path) -> Path:
    """Two modules: one complies, one prints."""
    for name, text in (("orders", ORDERS), ("loud", f"{ORDERS}\n\nprint('50%')\n")):
        folder = workspace / "modules/standard" / name
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(text)
    return workspace / "modules"


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["compliance", *words])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def line_of_print(modules: Path) -> int:
    lines = (modules / "standard/loud/api.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith("print"))


def test_strict_lets_warnings_fail(modules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0 without it; a line for each finding has its code and its name."""
    assert run("validate", "--module", "loud") == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head == "standard.loud: 1 warning"
    assert line.startswith(f"warning: api.py, line {line_of_print(modules)}: print() has neither")
    assert line.endswith("[MF101 print]")
    assert run("validate", "--module", "loud", "--strict") == 1
    assert run("validate", "--module", "orders", "--strict") == 0


def test_all_checks_every_module(modules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In JSON each finding then names its module; one module's findings don't."""
    assert run("validate", "--all", "--format", "json") == 0
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["module"], finding["rule"], finding["code"], finding["level"]) == (
        "standard.loud", "print", "MF101", "warning",
    )  # fmt: skip
    assert run("validate", "--module", "loud", "--format", "json") == 0
    (alone,) = json.loads(capsys.readouterr().out)["findings"]
    assert alone == {key: value for key, value in finding.items() if key != "module"}
    assert run("validate", "--all") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "standard.orders: complies"
    assert run("validate", "--all", "--module", "loud") == 2


def test_github_shows_findings_beside_lines(
    modules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A workflow command for each finding, its text escaped, with the path from here."""
    text = "from modframe.decorators import module\nx = nowhere\n"
    (modules / "standard/orders/api.py").write_text(text)
    assert run("validate", "--format", "github") == 1
    loud, orders = capsys.readouterr().out.splitlines()
    assert loud.startswith(
        f"::warning file=modules/standard/loud/api.py,line={line_of_print(modules)},"
        "title=standard.loud%3A MF101 print::print() has neither"
    )
    assert orders == (
        "::error file=modules/standard/orders/api.py,line=2,"
        "title=standard.orders%3A undefined-name::name 'nowhere' is not defined. "
        "define it or import it"
    )


def test_a_core_module_can_be_checked(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its id, though it is not in the workspace."""
    assert run("validate", "--module", "core.settings", "--strict") == 0
    assert capsys.readouterr().out == "core.settings: complies\n"


def test_explain_prints_a_page(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By code or name; all of them without one; an unknown one names the nearest."""
    assert run("explain", "MF101") == 0
    page = capsys.readouterr().out
    assert page.startswith("### MF101 print\n")
    for words in (("explain", "print"), ("validate", "--explain", "mf101")):
        assert run(*words) == 0
        assert capsys.readouterr().out == page
    assert run("explain") == 0
    assert capsys.readouterr().out == reference()
    assert run("explain", "MF1O1") == 2
    assert "there is no rule 'MF1O1'. Did you mean 'MF101'?" in capsys.readouterr().err
