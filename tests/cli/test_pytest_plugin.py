"""The pytest plugin, in a pytest of its own: plain imports, and logs that `caplog` hears."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from tests.cli.conftest import PATIENCE, Shell
from tests.fakes import ORDERS

TESTS = """
import asyncio
import pytest


def test_a_plain_import_is_loaded_and_not_started():
    from modules.standard.orders.api import Orders, app_context
    import modules.standard.orders.api as again
    assert again.Orders is Orders
    assert Orders().twice(2) == 4
    with pytest.raises(Exception, match="is not started.*Start the app first"):
        app_context.get_service("orders")
    with pytest.raises(Exception, match="is not started"):
        app_context.database


def test_one_module_imports_another():
    from modules.standard.stock.api import Orders
    from modules.standard.orders.api import Orders as same
    assert Orders is same


def test_one_that_isn_t_there():
    with pytest.raises(ModuleNotFoundError, match="modules.standard.nope"):
        import modules.standard.nope


def test_one_that_does_not_load_says_why():
    with pytest.raises(Exception, match="name 'nowhere' is not defined"):
        import modules.standard.bad.api


def test_logs_are_heard(caplog):
    import modframe.logging
    modframe.logging.get_framework_logger("orders").warning("tea is out")
    assert "tea is out" in caplog.text


def test_a_running_app_comes_first():
    import modframe
    with modframe.start(data=":memory:", modules=["orders"]) as app:
        from modules.standard.orders import api
        assert api.__name__ == "modules.standard.orders~1.api"
        assert app.get_service("orders").total().result(10) == 40
"""


@pytest.mark.soak
def test_people_s_tests_import_modules_by_their_plain_names(shell: Shell) -> None:
    """Every test of the inner run passes, from the workspace and from the module's folder."""
    shell.write("standard.orders", ORDERS)
    shell.write(
        "standard.stock",
        "from modules.standard.orders.api import Orders\nfrom modframe.decorators import module\n"
        "\n\n@module\nclass Stock:\n    pass\n",
    )
    shell.write("standard.bad", "x = nowhere\n")
    tests = shell.write("standard.orders", TESTS, "tests/test_orders.py")
    # Installed, the plugin comes by its entry point, and a second time would be refused.
    installed = any(one.name == "modframe" for one in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "modframe.pytest_plugin"]
    for folder in (shell.folder, tests.parent):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, str(tests)],
            cwd=folder, env=shell.env, capture_output=True, text=True, timeout=PATIENCE,
            check=False,
        )  # fmt: skip
        assert "6 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_costs_next_to_nothing_to_load(shell: Shell) -> None:
    """What it needs for a first import is imported then, and not at pytest's start."""
    program = (
        "import sys, modframe.pytest_plugin; heavy = {'fastapi', 'sqlalchemy', 'pydantic', "
        "'duckdb', 'uvicorn', 'IPython'} & set(sys.modules); sys.exit(repr(heavy) if heavy else 0)"
    )
    assert shell.python("-c", program).end() == 0
