"""``modframe health``: one run of each check, or what a server knows."""

from __future__ import annotations

import json

import pytest

from modframe.cli.commands import run
from tests.cli.conftest import Shell
from tests.fakes import simple

GOOD = simple("def check_health(self): print('looked')")
BAD = simple("def check_health(self): return 'down: no disk'")


def test_it_runs_each_check_once(shell: Shell) -> None:
    """A row for each module; status 1 if one is unhealthy; --module leaves the others out."""
    shell.write("standard.good", GOOD)
    shell.write("standard.bad", BAD)
    done = shell.run("health")
    assert done.returncode == 1
    rows = {row.split()[0]: row.split()[1:] for row in done.stdout.splitlines()}
    assert rows["standard.good"][0] == "healthy"
    assert rows["standard.bad"][0] == "unhealthy"
    assert rows["standard.bad"][-2:] == ["no", "disk"]
    assert rows["core.settings"][0] == "unknown"
    done = shell.run("health", "--module", "good", "--format", "json")
    assert done.returncode == 0
    checks = json.loads(done.stdout)["checks"]
    assert list(checks) == ["standard.good"]
    assert checks["standard.good"]["status"] == "healthy"


def test_a_module_that_does_not_load_is_unhealthy(shell: Shell) -> None:
    """With the reason."""
    shell.write("standard.bad", "x = nowhere\n")
    done = shell.run("health", "bad")
    assert done.returncode == 1
    assert "FAILED: " in done.stdout


def test_an_unknown_module(shell: Shell) -> None:
    """Is an error, with the nearest name."""
    shell.write("standard.orders", GOOD)
    done = shell.run("health", "--module", "ordres")
    assert done.returncode == 1
    assert "orders" in done.stderr


def test_one_module_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    """As a word or as an option; two are refused."""
    for command in ("health", "errors", "logs"):
        assert run([command, "orders", "--module", "shop"]) == 2
        assert "give one module" in capsys.readouterr().err


def test_no_server(shell: Shell) -> None:
    """Is an error that says where an address comes from."""
    done = shell.run("health", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "http://127.0.0.1:9/health does not answer" in done.stderr
