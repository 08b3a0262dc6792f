"""``modframe list``, ``doctor`` and ``compliance`` show disabled modules and unmet requirements."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modframe.cli import main
from tests.fakes import ORDERS


@pytest.fixture
def orders(workspace: Path) -> Path:
    """The folder of one module."""
    folder = workspace / "modules/standard/orders"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(ORDERS)
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code, capsys.readouterr().out


def test_list_shows_what_is_disabled(orders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In place of the checks, and as data."""
    (orders / ".disabled").write_text("until June")
    by = "modules/standard/orders/.disabled (until June)"
    assert f"disabled by {by}" in run(capsys, "list")[1]
    (facts,) = json.loads(run(capsys, "list", "--format", "json")[1])["modules"]
    assert facts["disabled"] == by


def test_doctor_and_compliance_say_what_is_not_installed(
    orders: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both fail, with the command; what is optional is said; a disabled module is left alone."""
    (orders / "requirements.txt").write_text("nowhere-at-all>=2\n")
    (orders / "requirements-optional.txt").write_text("neither\n")
    status, text = run(capsys, "doctor", "--format", "json")
    checks = [one for one in json.loads(text)["checks"] if one["name"] == "requirements"]
    assert status == 1
    assert [(one["state"], one["message"], one["cure"]) for one in checks] == [
        ("fail", "standard.orders requires nowhere-at-all>=2, which is not installed",
         "install it: pip install 'nowhere-at-all>=2'"),
        ("ok", "standard.orders can use neither, which is not installed", "install it: pip install 'neither'"),
    ]  # fmt: skip
    status, text = run(capsys, "compliance", "validate", "--module", "orders")
    assert status == 1
    assert "error: requirements.txt, line 1: requires nowhere-at-all>=2" in text
    assert "pip install 'nowhere-at-all>=2'" in text
    monkeypatch.setenv("MODFRAME_DISABLED", "orders,ordres")
    rows = [
        (one["name"], one["state"], one["message"])
        for one in json.loads(run(capsys, "doctor", "--format", "json")[1])["checks"]
    ]
    assert ("disabled", "ok", "standard.orders by MODFRAME_DISABLED") in rows
    assert ("disabled", "warn", "standard.ordres: there is no such module") in rows
    assert "requirements" not in [name for name, *_ in rows]
