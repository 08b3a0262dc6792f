"""Fixtures of the pytest plugin, in a pytest of its own: a user's tests, and what goes wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from modframe.ship import scaffold
from tests.cli.conftest import PATIENCE, Shell
from tests.fakes import ORDERS
from tests.trial.user_tests import API, PASS, TESTS, WHOLE, WHOLE_PASS


def run_pytest(shell: Shell, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in the shell's folder as a user does."""
    # Installed, the plugin comes by its entry point, and a second time would be refused.
    if not any(one.name == "modframe" for one in entry_points(group="pytest11")):
        words = ("-p", "modframe.pytest_plugin", *words)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=shell.folder, env={**shell.env, **env}, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def orders(shell: Shell) -> Shell:
    """A workspace with the module of `user_tests`, its tests in its folder."""
    shell.write("standard.orders", API)
    shell.write("standard.orders", TESTS, "tests/test_orders.py")
    shell.write("standard.orders", WHOLE, "tests/test_whole.py")
    return shell


@pytest.mark.parametrize(
    "more",
    [
        ("-p", "no:asyncio", "-p", "no:anyio"),
        pytest.param(
            ("-n", "2", "-o", "asyncio_mode=auto", "--import-mode=importlib"),
            marks=pytest.mark.soak,
        ),
    ],
    ids=["without-async-plugins", "xdist-and-asyncio-auto"],
)
def test_the_same_files_pass_in_a_terminal(orders: Shell, more: tuple[str, ...]) -> None:
    """They pass with and without plugins for async tests, and spread over processes."""
    scaffold("parts", workspace=orders.folder)  # with a test of its own
    done = run_pytest(orders, *more, "modules")
    assert f"{PASS + WHOLE_PASS + 1} passed" in done.stdout, done.stdout + done.stderr
    assert "error" not in done.stdout
    assert not (orders.folder / "data").exists()


TESTS_FOLDER = '''
import json
import pathlib

import modframe
import pytest
from modframe.process import current_app


def test_all_modules(modframe_app, app_context):
    assert {"standard.orders", "standard.stock"} <= set(modframe_app.modules)
    assert app_context is modframe_app


@pytest.mark.modframe("stock")
def test_one(modframe_app, service):
    assert "standard.orders" not in modframe_app.modules
    assert service.total().result() == 40


@pytest.mark.modframe(notebook="notebooks/tea.ipynb")
def test_from_a_notebook(modframe_app, module_client):
    assert module_client("tea").get("/total").json() == {"total": 42}
    assert "standard.stock" not in modframe_app.modules


class TestKept:
    """With a folder of data, from a fixture."""

    @pytest.fixture
    def modframe_options(self, tmp_path):
        return {"data": tmp_path, "modules": ["orders"]}

    def test_is_kept(self, modframe_app, service, tmp_path):
        service.add().result()
        modframe_app.stop()
        with modframe.start(modules=["orders"], data=tmp_path) as again:
            assert again.get_service("orders").total().result() == 1


def test_nothing_is_left():
    assert current_app() is None


class TestOwnApp:
    @pytest.fixture
    def mine(self):
        with modframe.start(modules=["stock"], data=":memory:") as app:
            yield app

    def test_it_is_used(self, mine, client, modframe_app):
        assert modframe_app is mine
        assert client.get("/api/v1/stock/total").json() == {"total": 42}

    @pytest.fixture(autouse=True)
    def after(self, mine):
        yield
        assert current_app() is mine
'''


def notebook(*cells: str) -> str:
    rows = [
        {"cell_type": "code", "source": cell, "metadata": {}, "outputs": [], "execution_count": 0}
        for cell in cells
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": rows})


@pytest.mark.soak
def test_a_folder_of_tests_beside_modules(orders: Shell) -> None:
    """All modules, one, those of a notebook; data that is kept; an app that a test started."""
    orders.write("standard.stock", ORDERS.replace('"orders"', '"stock"'))
    tea = (
        "%%module tea\n"
        + ORDERS.replace('"orders"', '"tea"').replace("@module", "@module(path='/tea')").strip()
    )
    write(orders.folder / "notebooks/tea.ipynb", notebook("1 / 0", tea))
    write(orders.folder / "tests/test_all.py", TESTS_FOLDER)
    done = run_pytest(orders, "tests")
    assert "6 passed" in done.stdout, done.stdout + done.stderr


WRONG = """
import modframe
import pytest


@pytest.mark.modframe("bad")
def test_bad(modframe_app): ...


@pytest.mark.modframe("orders", setings={})
def test_argument(client): ...


def test_which(service): ...


@pytest.mark.modframe("ordes")
def test_unknown(client): ...


@pytest.mark.modframe("orders")
def test_client_of(module_client):
    module_client("ordes")


@pytest.mark.modframe(settings={"orders": {"limit": 3}}, modules=["orders"])
class TestOther:
    @pytest.fixture(autouse=True)
    def mine(self):
        with modframe.start(modules=["orders"], data=":memory:"):
            yield

    def test_conflict(self, modframe_app): ...


@pytest.mark.modframe(notebook="nowhere.ipynb")
def test_notebook(modframe_app): ...
"""


@pytest.mark.soak
def test_what_goes_wrong_is_said_in_a_line(orders: Shell) -> None:
    """Each error is that of the module or the test, without modframe's frames."""
    (orders.folder / "pyproject.toml").write_text("[tool.modframe]\n")
    for file in ("test_orders.py", "test_whole.py"):
        (orders.folder / "modules/standard/orders/tests" / file).unlink()
    orders.write("standard.bad", "x = nowhere\n")
    write(orders.folder / "tests/test_wrong.py", WRONG)
    write(orders.folder / "tests/test_import.py", "from modules.standard.bad.api import x\n")
    done = run_pytest(orders, "tests", "--continue-on-collection-errors", "-p", "no:logging")
    text = done.stdout
    assert "1 failed, 7 errors" in text, text
    assert "LoadError: standard.bad: api.py, line 1: name 'nowhere'" in text
    assert "modframe/ship" not in text
    assert "standard.bad: api.py, line 1: name 'nowhere' is not defined" in text
    assert "no argument 'setings'. Did you mean 'settings'?" in text
    assert re.search(r"there is no module 'standard.ordes'. Did you mean 'standard.orders'", text)
    assert "service: the test lies in no module's folder" in text
    assert "test_client_of" in text
    assert "runs in this process already, with other arguments: settings=" in text
    assert "there is no notebook" in text
    assert "start_with" not in text


@pytest.mark.soak
def test_outside_a_workspace(shell: Shell) -> None:
    """A fixture says that there is none; one of a common name leaves it to another plugin."""
    write(shell.folder / "conftest.py", "pytest_plugins = ['theirs']\n")
    write(
        shell.folder / "theirs.py",
        "import pytest\n\n\n@pytest.fixture\ndef client():\n    return 'theirs'\n",
    )
    write(
        shell.folder / "test_it.py",
        "def test_whole(modframe_app): ...\n\n\ndef test_service(service): ...\n\n\n"
        "def test_client(client):\n    assert client == 'theirs'\n",
    )
    done = run_pytest(shell, PYTHONPATH=f"{shell.env['PYTHONPATH']}:{shell.folder}")
    assert "1 passed, 2 errors" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("the test lies in no workspace of modframe") >= 2


IN_A_PROCESS = """
import pytest, modframe
app = modframe.start(strict=True)
app.get_service("orders").add().result()
code = pytest.main(["-q", "-p", "no:cacheprovider", *PLUGIN, "modules"])
print(int(code), app.get_service("orders").total().result(), app.modules["orders"].state)
app.stop()
"""

OWN_DATABASES = """
import pytest
from sqlalchemy import text


@pytest.fixture
async def row(service):
    assert await service.add() == 1


@pytest.mark.parametrize("turn", [1, 2])
async def test_async(row, service, client, turn):
    assert await service.add() == 2
    assert (await client.get("/api/v1/orders/total")).json() == {"total": 2}


@pytest.mark.parametrize("turn", [1, 2])
def test_sync(service, turn):
    assert service.add().result() == 1


async def test_session(app_context):
    async with app_context.database.integrity_session("orders", "look") as session:
        assert (await session.execute(text("SELECT count(*) FROM rows"))).scalar() == 0
"""


@pytest.mark.soak
def test_databases_of_tests_in_an_app_that_ran_before(shell: Shell) -> None:
    """pytest called in a notebook or script leaves its data alone, and each test has its own."""
    shell.write("standard.orders", API)
    shell.write("standard.orders", OWN_DATABASES, "test_databases.py")
    plugged = any(one.name == "modframe" for one in entry_points(group="pytest11"))
    plugin = [] if plugged else ["-p", "modframe.pytest_plugin"]
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS.replace("*PLUGIN", f"*{plugin}")],
        cwd=shell.folder, env=shell.env, capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip
    assert "5 passed" in done.stdout, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "0 1 LIVE", done.stdout


@pytest.mark.soak
def test_databases_of_tests_in_a_terminal(shell: Shell) -> None:
    """Each test begins with empty tables, also where it and others run at the same time."""
    shell.write("standard.orders", API)
    shell.write("standard.orders", OWN_DATABASES, "test_databases.py")
    done = run_pytest(shell, "-n", "2", "modules", MODFRAME_DATABASE_URL="duckdb:///real")
    assert "5 passed" in done.stdout, done.stdout + done.stderr
    assert not (shell.folder / "real").exists()


SEED = """
async def seed(session):
    session.add(Row())
"""
SEEDED = """
import pytest


async def test_seeded(service):
    assert await service.total() == 1


@pytest.mark.without_seed
async def test_empty(service):
    assert await service.total() == 0
"""


@pytest.mark.soak
def test_a_seed_in_a_terminal(shell: Shell) -> None:
    """Each test begins with what the seed gives, but for those that the marker leaves out."""
    shell.write("standard.orders", API + SEED)
    shell.write("standard.orders", SEEDED, "test_seeded.py")
    done = run_pytest(shell, "modules")
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_a_project_without_modframe_imports_nothing_of_it(shell: Shell) -> None:
    """Beside the plugin's own file, a run loads only what makes plain imports work."""
    write(
        shell.folder / "test_it.py",
        "import sys\n\n\ndef test_it():\n"
        "    heavy = {'fastapi', 'sqlalchemy', 'pydantic', 'duckdb', 'uvicorn', 'IPython',\n"
        "             'modframe.app', 'modframe.observe', 'modframe.source'}\n"
        "    assert not heavy & set(sys.modules)\n",
    )
    done = run_pytest(shell)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
