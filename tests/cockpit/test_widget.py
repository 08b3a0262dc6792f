"""`app.inspect()` as a Python object: in plain Python, in a kernel, and in other widgets."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modframe import AppContext
from modframe.errors import ModframeError, ModuleNotFoundInWorkspaceError
from tests.fakes import ORDERS
from tests.faults.processes import run_script
from tests.kernels import Kernel, kernel

START = f"""
import modframe
from tests import inside
ORDERS = {ORDERS!r}
app = modframe.start(data=":memory:", modules=[])
module = app.load({{"api.py": ORDERS}}, id="orders")
"""


def test_in_plain_python_it_is_a_picture(app: AppContext) -> None:
    """Without a kernel there is a repr and HTML without script; closing it leaves nothing."""
    app.load({"api.py": ORDERS}, id="orders")
    view = app.inspect("orders", tab="history")
    assert repr(view) == "<Cockpit of standard.orders, open>"
    bundle, _ = view._repr_mimebundle_() or ({}, {})
    assert "standard.orders" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]
    view.close()
    view.close()
    assert repr(view) == "<Cockpit of standard.orders, closed>"
    assert repr(app.modules["orders"].inspect()) == "<Cockpit of standard.orders, open>"
    with pytest.raises(ModuleNotFoundInWorkspaceError, match="order"):
        app.inspect("order")


def test_without_its_package_it_says_what_to_do(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the package, how to get it, and the page, which needs none."""
    monkeypatch.delitem(sys.modules, "modframe.cockpit.widget", raising=False)
    for name in [one for one in sys.modules if one.partition(".")[0] == "anywidget"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ModframeError) as failed:
        app.inspect()
    assert "needs anywidget, which isn't installed" in str(failed.value)
    assert "%pip install anywidget" in failed.value.cure
    assert "app.serve()" in failed.value.cure


def test_a_terminal_shows_it_once(tmp_path: Path) -> None:
    """IPython in a terminal prints the repr; no picture follows it there."""
    script = f"""
    from IPython.terminal.interactiveshell import TerminalInteractiveShell
    from modframe.cockpit import displayed
    displayed.PATIENCE = 0.05
    shell = TerminalInteractiveShell.instance()
    shell.run_cell({START!r})
    shell.run_cell("view = app.inspect()\\nview")
    import threading
    for one in threading.enumerate():
        if isinstance(one, threading.Timer):
            one.join()
    shell.run_cell("app.stop()")
    """
    done = run_script(script, tmp_path)
    assert done.stdout.count("<Cockpit of all modules, open>") == 1, done.stdout + done.stderr


# -- in a kernel -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with a running app; nothing in it plays the front end but `say`."""
    with kernel(tmp_path_factory.mktemp("workspace")) as running:
        running.run(START)
        yield running


def say(shell: Kernel, view: str, **message: Any) -> None:
    """Send a message to the widget called ``view``, as its front end does."""
    comm = shell.run(f"print({view}.comm.comm_id)").stdout.strip()
    content = {"view": "one", "message": message}
    data = {"method": "custom", "content": content}
    client = shell.client
    client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": comm, "data": data}))


def hear(shell: Kernel, key: str) -> dict[str, Any]:
    """Return the next message to a front end that has a key."""
    while True:
        message = shell.client.get_iopub_msg(timeout=60)
        data = message["content"].get("data") or {}
        if message["msg_type"] == "comm_msg" and (line := data.get("content", {}).get("line")):
            told: dict[str, Any] = json.loads(line)
            if key in told:
                return told


@pytest.mark.kernel
def test_in_other_widgets_and_closed(shell: Kernel) -> None:
    """It stands in an `HBox` and a `Tab`; `close` ends it there and leaves no session or thread."""
    shell.run(
        "import ipywidgets, threading\n"
        "views = [app.inspect('orders'), app.inspect()]\n"
        "box = ipywidgets.Tab([ipywidgets.HBox([views[0]]), views[1]])\nbox"
    )
    say(shell, "views[0]", op="hello", module="standard.orders", tab="overview")
    assert hear(shell, "rows")["detail"]["id"] == "standard.orders"
    say(shell, "views[1]", op="hello", module=None, tab="overview")
    assert "standard.orders" in hear(shell, "rows")["rows"]
    assert shell.run("print(inside.open_views(app))").stdout == "2\n"
    shell.run("for view in views: view.close()\nbox.close()")
    left = shell.run(
        "from tests.waiting import wait_for\n"
        "wait_for(lambda: all(t.name != 'modframe-views' for t in threading.enumerate()))\n"
        "print(inside.open_views(app), views)"
    )
    assert left.stdout == (
        "0 [<Cockpit of standard.orders, closed>, <Cockpit of all modules, closed>]\n"
    )


@pytest.mark.kernel
def test_an_interrupted_cell_and_the_next_app(shell: Kernel) -> None:
    """A view goes on after an interrupt; when its app ends it says why, and the next one works."""
    shell.run("view = app.inspect()\nview")
    say(shell, "view", op="hello", module=None, tab="overview")
    hear(shell, "rows")
    cell = shell.send("import time\nprint('begun', flush=True)\ntime.sleep(60)")
    while shell.client.get_iopub_msg(timeout=60)["content"].get("text") != "begun\n":
        pass
    assert shell.interrupt(cell).error == "KeyboardInterrupt"
    shell.run("module = app.load({'api.py': ORDERS + '\\n# more\\n'}, id='orders')")
    say(shell, "view", op="look", module="standard.orders", tab="overview")
    assert hear(shell, "detail")["detail"]["facts"]["generation"] == 2
    shell.client.execute("app.stop()")
    assert hear(shell, "over")["over"].startswith("modframe was stopped")
    shell.run(START + "again = app.inspect()\nagain")
    say(shell, "again", op="hello", module=None, tab="overview")
    assert hear(shell, "rows")["rows"]["standard.orders"]["generation"] == 1
    say(shell, "view", op="hello", module=None, tab="overview")
    assert hear(shell, "over")["over"].startswith("modframe was stopped")
