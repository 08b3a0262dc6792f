"""Every control of the cockpit is pressed: on the page in light, and in JupyterLab in the dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.cockpit import TOKEN, cockpit_page
from tests.browser.controls import Controls
from tests.browser.notebook import Notebook
from tests.browser.place import Place
from tests.browser.walk import HELP, walk
from tests.browser.workshop import Door, open_workshop, worth_of

pytestmark = pytest.mark.browser
CLIPBOARD = ["clipboard-read", "clipboard-write"]


def press_everything(place: Place) -> None:
    """Walk through a place; what is there and was not pressed is a step that is missing."""
    context = place.page.context
    context.grant_permissions(CLIPBOARD)
    context.route(HELP, lambda route: route.fulfill(body="help"))
    place.is_at("overview")
    controls = Controls(place.root)
    walk(place)
    assert controls.unused == []


def test_all_of_the_page(chromium: Any, workspace: Path, picture: Path) -> None:
    """In light, 1,280 pixels wide; before it, what only the page has."""
    expect = pytest.importorskip("playwright.sync_api").expect
    with open_workshop(workspace) as app, cockpit_page(chromium, app, picture=picture) as page:
        root = page.locator("#modframe")
        place = Place(page, root, lambda text: worth_of(text, app), workspace, expect)
        place.is_at("overview")
        sign_in(place)
        find_no_module(place)
        press_everything(place)


def sign_in(place: Place) -> None:
    """Where the server takes the token no more it is asked for, and a wrong one refused."""
    page = place.page
    page.route("**/modframe/open", lambda route: route.fulfill(status=401), times=1)
    page.goto(f"{page.url.partition('#')[0]}?token={TOKEN}")
    field = place.root.locator("[data-field=token]")
    for token, said in (("wrong", "This token was not accepted."), (TOKEN, "Everything")):
        field.fill(token)
        place.press("Sign in", inside=place.root)
        place.sees(said, inside=place.root)
    page.faults.clear()  # of what was refused


def find_no_module(place: Place) -> None:
    """An address of another app leads to everything."""
    place.page.evaluate("location.hash = '#/nothing/data'")
    place.press("Show everything", inside=place.root)
    place.is_at("overview")


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
