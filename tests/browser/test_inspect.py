"""`app.inspect()` in a real JupyterLab: the buttons, the busy kernel, swaps, quiet, and markup."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.notebook import Notebook

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

    def fail(self):
        raise ValueError("no such order: <i>7</i>")
'''
app.load({"api.py": ORDERS}, id="orders")
"""
INSPECT = "app.inspect('orders')"
OPEN = Callable[..., Notebook]


def opened(open_notebook: OPEN, *cells: str) -> tuple[Notebook, Any]:
    """Open a notebook whose second cell shows the services of the orders."""
    notebook = open_notebook(START, INSPECT, *cells)
    notebook.run(0)
    notebook.run(1)
    view = notebook.cell(1).locator(".modframe-view")
    view.get_by_role("tab", name="Services 3").click()
    return notebook, view


def opened_method(view: Any, name: str) -> Any:
    """Return a method's part of the view, opened."""
    part = view.locator(".jupyter-widget-Collapse", has_text=name)
    header = part.locator(".jupyter-widget-Collapse-header")
    header.wait_for()
    if not part.locator(".mf-form").is_visible():
        header.click()
    part.locator(".mf-form").wait_for()
    return part


def test_run_shows_results_and_failures_as_text(open_notebook: OPEN) -> None:
    """A form calls its method with the values filled in, and shows the result, or the exception.

    Prints go to the log instead of cells, and markup in a description or a message is escaped.
    """
    notebook, view = opened(open_notebook, "1 + 1")
    notebook.run(2)
    total = opened_method(view, "total(plus: int = 0)")
    total.locator("input[type=number]").fill("2")
    total.get_by_role("button", name="Run").click()
    total.locator(".mf-ok", has_text="int").wait_for()
    assert total.locator(".mf-pre").inner_text() == "42"
    assert total.get_by_text("The <b>sum</b> of all orders.").is_visible()
    fail = opened_method(view, "fail()")
    fail.get_by_role("button", name="Run").click()
    fail.locator(".mf-bad", has_text="ValueError").wait_for()
    assert "no such order: <i>7</i>" in fail.inner_text()
    assert 'raise ValueError("no such order' in fail.inner_text()
    view.get_by_role("tab", name="Log").click()
    view.get_by_text("a print of the module").wait_for()
    view.get_by_role("tab", name="Overview").click()
    assert view.get_by_text("<script>document.title").is_visible()
    assert "owned" not in notebook.page.title()
    assert notebook.output(2) == "2"
    assert "a print" not in notebook.output(1)


def test_run_answers_while_a_cell_runs(open_notebook: OPEN) -> None:
    """A click is answered while a cell holds the kernel until that very click."""
    hold = "app.get_service('orders').asked().result(60)\nprint('asked')"
    notebook, view = opened(open_notebook, hold)
    total = opened_method(view, "total(plus: int = 0)")
    notebook.start(2)
    notebook.page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="busy"]')
    assert "*" in notebook.prompt(2)
    total.get_by_role("button", name="Run").click()
    total.locator(".mf-ok", has_text="int").wait_for()
    notebook.see(2, "asked")
    assert notebook.output(2) == "asked"


def test_a_swap_shows_by_itself(open_notebook: OPEN) -> None:
    """A swap in another cell shows its number and its new method, and what was typed stays."""
    swap = "m = app.load({'api.py': ORDERS + '    def added(self): return 1'}, id='orders')"
    notebook, view = opened(open_notebook, swap)
    total = opened_method(view, "total(plus: int = 0)")
    total.locator("input[type=number]").fill("7")
    notebook.run(2)
    opened_method(view, "added()")
    opened_method(view, "total(plus: int = 0)")
    assert total.locator("input[type=number]").input_value() == "7"
    view.get_by_role("tab", name="Overview").click()
    view.get_by_role("cell").get_by_text("generation 2").wait_for()
    assert notebook.output(2) == ""


@pytest.mark.soak
def test_running_its_cell_again_leaves_one_view(open_notebook: OPEN) -> None:
    """Running the cell again closes its earlier view, and the new one answers."""
    count = "from tests import inside\ninside.open_views(app)"
    notebook, _ = opened(open_notebook, count)
    notebook.run(1)
    notebook.run(2)
    assert notebook.output(2) == "1"
    view = notebook.cell(1).locator(".modframe-view")
    assert view.count() == 1
    view.get_by_role("tab", name="Services 3").click()
    total = opened_method(view, "total(plus: int = 0)")
    total.get_by_role("button", name="Run").click()
    total.locator(".mf-ok", has_text="int").wait_for()
