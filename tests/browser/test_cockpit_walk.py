"""Every control of the cockpit is pressed: on the page in light, and in JupyterLab in the dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.cockpit import cockpit_page
from tests.browser.controls import Controls
from tests.browser.notebook import Notebook
from tests.browser.walk import HELP, Place, walk
from tests.browser.workshop import Door, open_workshop, worth_of

pytestmark = pytest.mark.browser
CLIPBOARD = ["clipboard-read", "clipboard-write"]


def press_everything(place: Place) -> None:
    """Walk through a place; what is there and was not pressed is a step that is missing."""
    context = place.page.context
    context.grant_permissions(CLIPBOARD)
    context.route(HELP, lambda route: route.fulfill(body="help"))
    place.root.get_by_role("tab", name="Overview").wait_for()
    controls = Controls(place.root)
    walk(place)
    assert controls.unused == []


def test_all_of_the_page(chromium: Any, workspace: Path, picture: Path) -> None:
    """In light, 1,280 pixels wide."""
    expect = pytest.importorskip("playwright.sync_api").expect
    with open_workshop(workspace) as app, cockpit_page(chromium, app, picture=picture) as page:
        root = page.locator("#modframe")
        press_everything(Place(page, root, lambda text: worth_of(text, app), workspace, expect))


def test_all_of_a_notebook(open_notebook: Callable[..., Notebook], workspace: Path) -> None:
    """In the dark, beside cells."""
    expect = pytest.importorskip("playwright.sync_api").expect
    door = workspace / "door"
    start = (
        "from pathlib import Path\nfrom tests.browser.workshop import open_door, open_workshop\n"
        f"app = open_workshop(Path({str(workspace)!r}))\nopen_door(app, Path({str(door)!r}))"
    )
    notebook = open_notebook(start, "app.inspect()", dark=True)
    notebook.run(0)
    notebook.run(1)
    root = notebook.cell(1).locator("[data-lm-suppress-shortcuts]").first
    press_everything(Place(notebook.page, root, Door(door), workspace, expect))
