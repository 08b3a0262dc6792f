"""`app.inspect()` in a real JupyterLab: beside cells that run, keys, other views, and restarts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.notebook import Notebook
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

START = """
import modframe
app = modframe.start(data=":memory:")
ORDERS = '''
import asyncio
from modframe.decorators import module

@module
class Orders:
    \"\"\"Keeps <script>document.title = "owned"</script> orders\"\"\"

    def __init__(self):
        self._asked = asyncio.Event()

    async def asked(self):
        await self._asked.wait()

    def total(self, plus: int = 0) -> int:
        \"\"\"The <b>sum</b> of all orders.\"\"\"
        print("a print of the module")
        self._asked.set()
        return 40 + plus
'''
app.load({"api.py": ORDERS}, id="orders")
"""
OPEN = Callable[..., Notebook]


def shown(notebook: Notebook, index: int) -> Any:
    """Return the cockpit below a cell, once it has heard of the app."""
    view = notebook.cell(index).locator("[data-lm-suppress-shortcuts]").first
    view.get_by_role("tab", name="Overview").wait_for()
    return view


def test_beside_cells(open_notebook: OPEN, jupyter: tuple[str, str, Path]) -> None:
    """It answers while a cell computes, follows a swap, and leaves other cells and keys alone."""
    hold = "app.get_service('orders').asked().result(60)\nprint('asked')"
    swap = "m = app.load({'api.py': ORDERS + '    def added(self): return 1'}, id='orders')"
    count = "from tests import inside\ninside.open_views(app)"
    notebook = open_notebook(START, "app.inspect('orders')", hold, swap, count)
    notebook.run(0)
    notebook.run(1)
    view = shown(notebook, 1)
    assert view.get_by_text("Keeps <script>").is_visible()
    assert "owned" not in notebook.page.title()
    # A key on one of its buttons is no shortcut of the notebook, which would delete a cell.
    view.get_by_role("button", name="Reload").focus()
    notebook.page.keyboard.press("d")
    notebook.page.keyboard.press("d")
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == 5
    # A cell that holds the kernel until the module is called from the cockpit.
    notebook.start(2)
    notebook.page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="busy"]')
    view.get_by_role("tab", name="Services").click()
    view.locator("[data-method='total']").click()
    view.get_by_role("button", name="Run", exact=True).click()
    notebook.see(2, "asked")
    assert notebook.output(2) == "asked"
    assert "a print" not in notebook.output(1)
    notebook.run(3)
    view.get_by_text("generation 2").first.wait_for()
    assert notebook.output(3) == ""
    # Running the cell again leaves one view, at the same tab.
    notebook.run(1)
    view = shown(notebook, 1)
    view.get_by_role("tab", name="Services", selected=True).wait_for()
    notebook.run(4)
    assert notebook.output(4) == "1"


def test_a_restarted_kernel_is_no_news(open_notebook: OPEN, jupyter: Any) -> None:
    """It says so within seconds; the saved notebook has the picture, and none of its data."""
    notebook = open_notebook(START, "app.inspect()")
    notebook.run(0)
    notebook.run(1)
    view = shown(notebook, 1)
    page = notebook.page
    page.keyboard.press("Control+s")
    _, _, folder = jupyter
    [path] = folder.glob("test_a_restarted*.ipynb")

    def read() -> Any:
        text = path.read_text()
        return json.loads(text) if text.endswith("}\n") else None  # else it is being written

    wait_for(lambda: (saved := read()) and saved["cells"][1]["outputs"])
    saved = wait_for(read)
    [output] = saved["cells"][1]["outputs"]
    assert "standard.orders" in "".join(output["data"]["text/html"])
    assert "widgets" not in saved["metadata"]
    exporter = pytest.importorskip("nbconvert").HTMLExporter()
    exported, _ = exporter.from_filename(str(path))
    assert "standard.orders" in exported
    assert "application/vnd.jupyter.widget" not in exported
    page.locator('[data-jp-item-name="restart"]').click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    view.get_by_text("no news").first.wait_for()


def test_two_views_of_one_widget(open_notebook: OPEN) -> None:
    """Each has a place of its own, follows every swap, and hears no answer of the other's."""
    notebook = open_notebook(
        START,
        "from ipywidgets import HBox\nview = app.inspect('orders')\nHBox([view])",
        "view",
        "m = app.load({'api.py': ORDERS + '    def added(self): return 1'}, id='orders')",
        "from tests import inside\ninside.open_views(app)",
        "view.close()",
    )
    for index in range(3):
        notebook.run(index)
    first, second = shown(notebook, 1), shown(notebook, 2)
    second.get_by_role("tab", name="History").click()
    first.get_by_role("tab", name="Services").click()
    first.locator("[data-method='total']").click()
    first.get_by_role("button", name="Run", exact=True).click()
    first.get_by_text("40", exact=True).first.wait_for()
    second.get_by_role("tab", name="History", selected=True).wait_for()
    notebook.run(3)
    for view in (first, second):
        view.get_by_text("generation 2").first.wait_for()
    notebook.run(4)
    assert notebook.output(4) == "2"
    notebook.run(5)
    notebook.run(4)
    assert notebook.output(4) == "0"


def test_where_it_can_t_load_there_is_a_picture(open_notebook: OPEN) -> None:
    """Without anywidget's extension a picture and a hint stand there after some seconds."""
    notebook = open_notebook(START, "app.inspect()")
    notebook.page.route("**/extensions/anywidget/**", lambda route: route.abort())
    notebook.open()
    notebook.run(0)
    notebook.run(1)
    notebook.see(1, "This is a picture, for the widget did not load here.")
    assert "standard.orders" in notebook.output(1)


HOLD = """() => {
    const { send } = WebSocket.prototype;
    const held = [];
    let holds = true;
    WebSocket.prototype.send = function (data) {
        const text = typeof data === "string" ? data : new TextDecoder().decode(data);
        if (holds && text.includes('"op":"hello"')) held.push(() => send.call(this, data));
        else send.call(this, data);
    };
    window.letGo = () => {
        holds = false;
        for (const one of held) one();
    };
}"""


def test_a_late_hello_takes_the_place_of_the_picture(open_notebook: OPEN) -> None:
    """A front end that loads slowly shows the picture first, and the cockpit once it is there."""
    notebook = open_notebook(START, "app.inspect()")
    notebook.page.evaluate(HOLD)
    notebook.run(0)
    notebook.run(1)
    notebook.see(1, "This is a picture, for the widget did not load here.")
    notebook.page.evaluate("letGo()")
    shown(notebook, 1)
    assert "This is a picture" not in notebook.output(1)
