"""A first session: load the extension, write a module cell, inspect it, edit the cell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.notebook import Notebook

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
    view = notebook.cell(2).locator("[data-lm-suppress-shortcuts]").first
    view.get_by_role("tab", name="Services").click()
    view.locator("[data-method=place]").click()
    view.locator("[data-field=size]").select_option("1")
    run = view.get_by_role("button", name="Run", exact=True)
    run.click()
    view.locator("pre", has_text="LARGE 1").wait_for()

    notebook.edit(1, CELL.replace("name} 1", "name} 2") + "\n    def added(self):\n        ...\n")
    notebook.run(1)
    assert notebook.output(1).startswith("standard.orders 1 → 2 · live in")
    view.locator("[data-method=added]").wait_for()
    assert view.locator("[data-field=size]").input_value() == "1"  # the form is what it was
    run.click()
    view.locator("pre", has_text="LARGE 2").wait_for()
    view.get_by_text("generation 2").first.wait_for()
