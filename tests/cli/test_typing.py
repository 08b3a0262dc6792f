"""mypy over a workspace of `modframe init`: what is right passes, and a wrong call is found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from modframe.load.imports import DOORS
from modframe.ship.workspace import STUBS
from tests.cli.conftest import ROOT, Shell

USE = """
from modframe import app_context, start
from modules.standard.orders.services import OrdersService


async def right() -> bool:
    orders = start().get_service(OrdersService)
    return (await orders.create_record("tea")).success


async def wrong() -> None:
    await app_context.get_service(OrdersService).create_record(3)
    await start().get_service(OrdersService).nothing()


async def test_it(modframe_app) -> None:
    with modframe_app.override("orders", object()):
        pass
"""


@pytest.mark.soak
def test_mypy_passes_modules_and_finds_wrong_calls(shell: Shell) -> None:
    """A scaffolded module and exported ones pass with the settings that init writes."""
    assert shell.run("init").returncode == 0
    assert shell.run("scaffold", "--name", "orders").returncode == 0
    for name in ("library", "sensors"):  # what the notebooks export
        shutil.copytree(ROOT / "modules/standard" / name, shell.folder / "modules/standard" / name)
    (shell.folder / "use.py").write_text(USE)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", "modules", "use.py"],
        cwd=shell.folder, env=shell.env, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines()[:-1] == [
        'use.py:12: error: Argument 1 to "create_record" of "OrdersService" has incompatible type '
        '"int"; expected "str"  [arg-type]',
        'use.py:13: error: "OrdersService" has no attribute "nothing"  [attr-defined]',
    ]


def test_each_door_has_a_stub() -> None:
    """What `core` is inside modules, mypy knows of all."""
    assert set(STUBS) == {f"typings/core/{door}.pyi" for door in ("__init__", *DOORS)}


def test_doctor_says_what_mypy_lacks(shell: Shell) -> None:
    """It is content with what init wrote, and names what was taken out."""

    def found() -> tuple[str, str]:
        done = shell.run("doctor", "--format", "json")
        (check,) = (one for one in json.loads(done.stdout)["checks"] if one["name"] == "mypy")
        return check["state"], check["message"]

    shell.run("init")
    assert found()[0] == "ok"
    (shell.folder / "typings/core/database.pyi").unlink()
    (shell.folder / "pyproject.toml").write_text("[tool.modframe]\n[tool.mypy]\nstrict = true\n")
    state, message = found()
    assert state == "warn"
    assert "typings/core/database.pyi is missing" in message
    assert "modframe.mypy_plugin" in message
