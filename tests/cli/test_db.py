"""``modframe db``: from a table that a notebook made to production and back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from textwrap import dedent

import pytest

import modframe
from modframe.cli import commands
from tests.cli.conftest import Shell
from tests.parts.database.revisions.support import models

API = '''
from modframe.decorators import module
from .db_models import Order


@module
class Orders:
    """Counts what was ordered."""
'''


def write_module(workspace: Path, *, column: str = "note", more: str = "") -> None:
    """Write the module with a text column of that name, and one more line of its model."""
    home = workspace / "modules" / "standard" / "orders"
    home.mkdir(parents=True, exist_ok=True)
    (home / "api.py").write_text(API)
    (home / "db_models.py").write_text(models(f"{column} = Column(String)") + more)


def versions(workspace: Path) -> Path:
    return workspace / "modules/standard/orders/migrations/versions"


class Commands:
    """Runs ``modframe db`` in this process, as the shell's program does in its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self.folder = folder

    def __call__(self, *words: str, status: int = 0) -> str:
        """Return what a command printed, its error included."""
        self._capsys.readouterr()
        done = commands.run(["db", *words, "--workspace", str(self.folder)])
        out, err = self._capsys.readouterr()
        assert done == status, out + err
        return str(out) + str(err)


@pytest.fixture
def run(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Run commands on the test's workspace."""
    return Commands(capsys, workspace)


def test_from_a_notebook_to_production_and_back(
    run: Commands, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What grew by itself becomes revisions, which upgrade a copy that has older tables."""
    write_module(workspace)
    said = run("revision", "orders", "-m", "make orders")
    assert "wrote" in said
    assert "  add table orders\n" in said
    assert [path.name for path in versions(workspace).iterdir()] == ["0001_make_orders.py"]
    production = Commands(capsys, workspace / "production")
    shutil.copytree(workspace / "modules", production.folder / "modules")
    assert "  0001_make_orders\n" in production("upgrade")
    # A notebook adds a column by itself; the revision finds it all the same.
    write_module(workspace, more="    total = Column(Integer)\n")
    with modframe.start() as app:
        assert "total" in app.database.sql("SELECT * FROM shop.orders").columns
    assert "  add column orders.total\n" in run("check", status=1)
    assert "  add column orders.total\n" in run("revision", "orders", "-m", "add totals")
    assert "the revisions make what the models say" in run("check")
    assert "nothing to do" in run("revision", "orders", "-m", "again")
    said = run("upgrade", "orders")
    assert "0001_make_orders (table orders there already)" in said
    assert "0002_add_totals (column orders.total there already)" in said
    shutil.copytree(workspace / "modules", production.folder / "modules", dirs_exist_ok=True)
    facts = json.loads(production("history", "--format", "json"))
    assert [one["done"] for one in facts["databases"][0]["revisions"]] == [True, False]
    assert "  0002_add_totals\n" in production("upgrade", "orders")
    assert production("history", "orders").count("  done     ") == 2
    assert "  0002_add_totals\n" in production("downgrade", "orders", "-1")
    assert "pending  0002_add_totals.py" in production("history", "orders")


def test_a_module_in_a_notebook(run: Commands, workspace: Path) -> None:
    """Cells of a notebook on disk are read as files are; their revisions lie in modules/."""
    cells = [
        ("%%module orders\n" + API, "code"),
        ("%%module orders db_models.py\n" + models("note = Column(String)"), "code"),
    ]
    notebook = {
        "cells": [
            {
                "cell_type": kind,
                "id": str(number),
                "metadata": {},
                "source": text,
                "outputs": [],
                "execution_count": None,
            }
            for number, (text, kind) in enumerate(cells)
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = workspace / "orders.ipynb"
    path.write_text(json.dumps(notebook))
    said = run("revision", "orders", "-m", "first", status=1)
    assert "Name the notebook that has its cells with --notebook" in said
    run("revision", "orders", "-m", "first", "--notebook", str(path))
    assert (versions(workspace) / "0001_first.py").is_file()
    assert "  0001_first\n" in run("upgrade", "--notebook", str(path))


def test_errors_are_one_line_and_a_status(run: Commands, workspace: Path) -> None:
    """What is wrong with revisions is said by the command that meets it, with status 1."""
    write_module(workspace)
    assert "there is no module 'standard.ordres'" in run("check", "ordres", status=1)
    versions(workspace).mkdir(parents=True)
    broken = versions(workspace) / "0001_make.py"
    broken.write_text("revision = = 1\n")
    said = run("check", status=1)
    assert "error: standard.orders: migrations/versions/0001_make.py, line 1: " in said
    broken.write_text(
        dedent(
            """
            revision = "one"
            down_revision = None
            def upgrade(): raise ValueError("no such thing")
            def downgrade(): pass
            """
        )
    )
    said = run("upgrade", status=1)
    assert "0001_make.py, line 4: the revision failed" in said
    assert "ValueError: no such thing" in said
    assert "nothing was changed" in said.casefold()
    said = run("revision", "orders", "-m", "x", "--rename", "nonsense", status=2)
    assert "'nonsense' is no rename" in said


def test_a_rename_is_written_as_it_is_said(run: Commands, workspace: Path) -> None:
    """Without the option a hint says how to write it; with it the column keeps its values."""
    write_module(workspace)
    run("revision", "orders", "-m", "first")
    write_module(workspace, column="remark")
    said = run("check", status=1)
    assert "--rename orders.note=remark" in said
    said = run("revision", "orders", "-m", "second", "--rename", "orders.note=remark")
    assert "  rename column orders.note to remark\n" in said
    assert 'new_column_name="remark"' in (versions(workspace) / "0002_second.py").read_text()
    assert "the revisions make what the models say" in run("check", "orders")


def test_a_module_with_two_databases(run: Commands, workspace: Path) -> None:
    """The main one's revisions lie in the folder, the other's in one of its name in there."""
    assert "no module in" in run("check")
    write_module(workspace)
    home = workspace / "modules" / "standard" / "orders"
    more = (
        models("note = Column(String)").replace("shop", "archive").replace("orders", "old_orders")
    )
    (home / "archived.py").write_text(more)
    assert "add table orders" in run("revision", "orders", "-m", "first")
    said = run("revision", "orders", "-m", "first", "--database", "archive")
    assert "add table old_orders" in said
    files = sorted(
        path.relative_to(versions(workspace)) for path in versions(workspace).rglob("*.py")
    )
    assert files == [Path("0001_first.py"), Path("archive/0001_first.py")]
    assert run("check").count("the revisions make what the models say") == 2
    said = run("upgrade")
    assert said.index("database 'shop': upgraded") < said.index("database 'archive': upgraded")
    assert "has no database 'archiv'. Did you mean 'archive'?" in run(
        "check", "orders", "--database", "archiv", status=1
    )


def test_the_program_has_the_commands(shell: Shell) -> None:
    """``modframe db`` is there, and a step of one is an argument, not an option."""
    write_module(shell.folder)
    listed = shell.run("db", "--help").stdout
    for command in ("revision", "upgrade", "downgrade", "history", "check"):
        assert command in listed
    done = shell.run("db", "downgrade", "orders", "-1")
    assert done.returncode == 1
    assert "can't be downgraded to '-1'" in done.stderr
