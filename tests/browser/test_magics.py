"""A first session: load the extension, write a module cell, inspect it, edit the cell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.notebook import Notebook
from tests.browser.test_inspect import opened_method

pytestmark = pytest.mark.browser

CELL = """%%module orders
import enum
from datetime import date

from modframe.decorators import module


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


@module
class Orders:
    def place(self, size: Size, day: date | None = None) -> str:
        return f"{size.name} 1"
"""


def test_a_module_cell_is_seen_edited_and_seen_again(
    open_notebook: Callable[..., Notebook],
) -> None:
    """The view shows the cell's module, and after an edit the new generation answers."""
    notebook = open_notebook("%load_ext modframe", CELL, "app.inspect('orders')")
    for index in range(3):
        notebook.run(index)
    assert notebook.output(1).startswith("standard.orders 1 · live in")
    view = notebook.cell(2).locator(".modframe-view")
    view.get_by_role("tab", name="Services 1").click()
    place = opened_method(view, "place(size: Size")
    place.locator("select").select_option("large")
    place.get_by_role("button", name="Run").click()
    place.locator(".mf-pre", has_text="'LARGE 1'").wait_for()

    notebook.edit(1, CELL.replace("name} 1", "name} 2") + "\n    def added(self):\n        ...\n")
    notebook.run(1)
    assert notebook.output(1).startswith("standard.orders 1 → 2 · live in")
    view.get_by_role("tab", name="Services 2").wait_for()
    opened_method(view, "added()")
    place = opened_method(view, "place(size: Size")
    assert place.locator("select").input_value() == "large"  # the form is what it was
    place.get_by_role("button", name="Run").click()
    place.locator(".mf-pre", has_text="'LARGE 2'").wait_for()
    view.get_by_role("tab", name="Overview").click()
    view.get_by_role("cell").get_by_text("generation 2").wait_for()
