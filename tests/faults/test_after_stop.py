"""After ``app.stop()`` nothing starts again by surprise; a person says when it should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import modframe
from modframe.errors import NotRunningError
from tests.fakes import simple
from tests.faults.processes import run_script
from tests.kernels import Kernel, kernel

ORDERS = simple("async def get(self):\n    return 1")
STOPPED = "NotRunningError: modframe was stopped. Call modframe.start() to begin again"


def test_in_a_script_every_way_to_the_app_says_that_it_was_stopped(workspace: Path) -> None:
    """The object that `start()` returned, and the names that lead to the running app."""
    app = modframe.start(workspace=workspace, data=":memory:")
    app.load({"api.py": ORDERS}, id="orders")
    app.stop()
    for use in (
        lambda: app.load({"api.py": ORDERS}, id="orders"),
        lambda: app.serve(port=0),
        lambda: app.run(None),
        lambda: modframe.app_context.modules,
        lambda: modframe.app_context.get_service("orders"),
    ):
        with pytest.raises(
            NotRunningError, match=r"^modframe was stopped\. Call modframe\.start\(\)"
        ):
            use()
    assert repr(modframe.app_context) == "<modframe: stopped; modframe.start() begins again>"
    assert modframe.app_context.stop() is app.stop()
    with modframe.start(workspace=workspace, data=":memory:"):
        assert "core.framework" in modframe.app_context.modules


def test_before_a_start_the_app_is_not_called_stopped(workspace: Path) -> None:
    """It never ran."""
    script = "import modframe; print(modframe.app_context); modframe.app_context.modules"
    done = run_script(script, workspace)
    assert done.stdout == "<modframe: not started>\n"
    assert "modframe is not running. Call modframe.start() first" in done.stderr


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Kernel]:
    """A kernel in which a module was live, and the app was stopped."""
    with kernel(tmp_path) as run:
        run.run("%load_ext modframe")
        run.run(f"%%module orders\n{ORDERS}")
        assert run.run("await app.get_service('orders').get()").value == "1"
        run.run("app.stop()")
        yield run


@pytest.mark.kernel
def test_touching_the_app_in_a_kernel_starts_nothing(stopped: Kernel) -> None:
    """Each use says that it was stopped and what to do; showing it only shows it."""
    uses = (
        "app.modules",
        "app_context.get_service('orders')",
        "app.serve(port=0)",
        "%%sql\nselect 1",
        "%modframe drop orders",
    )
    for use in uses:
        assert STOPPED in stopped.run(use, fails=True).text
    assert stopped.run("app.stop()").value.startswith("<stopped 4 modules in ")
    assert stopped.run("app").value == "<modframe: stopped; modframe.start() begins again>"
    assert (
        stopped.run("from modframe.process import current_app; current_app() is None").value
        == "True"
    )


@pytest.mark.kernel
@pytest.mark.parametrize(
    "again",
    [
        "%load_ext modframe",
        "%reload_ext modframe",
        "import modframe; modframe.start()",
        f"%%module orders\n{ORDERS}",
    ],
)
def test_what_starts_anew_in_a_kernel(stopped: Kernel, again: str) -> None:
    """Loading the extension again, a start, and the next module cell; then once more."""
    for _ in range(2):
        cell = stopped.run(again)
        assert "already loaded" not in cell.text
        assert stopped.run("'core.framework' in app.modules").value == "True"
        stopped.run("app.stop()")
        assert STOPPED in stopped.run("app.modules", fails=True).text


@pytest.mark.kernel
def test_the_extension_can_be_taken_out_after_a_stop(stopped: Kernel) -> None:
    """And loaded once more; loading it while the app runs is IPython's own business."""
    stopped.run("%unload_ext modframe")
    assert "not found" in stopped.run(f"%%module orders\n{ORDERS}", fails=True).text
    stopped.run("%load_ext modframe")
    stopped.run("app.modules")
    assert "already loaded" in stopped.run("%load_ext modframe").text
