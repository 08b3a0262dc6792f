"""Every tab of a workshop, on the page and in JupyterLab, light and dark, at three widths: pictures.

They are kept in the folder ``cockpit`` beside the last pictures of the other tests, for a person to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.cockpit import cockpit_page
from tests.browser.looks import find_cut, wait_until_ready
from tests.browser.notebook import Notebook
from tests.browser.place import Place
from tests.browser.workshop import Door, open_workshop, worth_of

pytestmark = [pytest.mark.browser, pytest.mark.soak]

WIDTHS = (400, 800, 1280)
ALSO = {
    "orders": None,
    "broken0": ["overview"],
    "needy": ["overview"],
    "notes": ["files"],
    "shop": ["settings"],
    "store": ["overview", "data"],
    "tax": ["overview", "draft"],
    "thing": ["tasks", "health", "events", "metrics", "graph"],
}
"""Modules and those of their tabs that are worth a look; ``None`` is all of them."""


def tabs_of(place: Place) -> Iterator[str]:
    """Show one tab after the other, each with its first row opened; give their names."""
    for module, tabs in {"": None, **ALSO}.items():
        place.page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
        place.show(module)
        shown = place.root.get_by_role("tab").evaluate_all("all => all.map(one => one.dataset.tab)")
        for tab in shown if tabs is None else tabs:
            place.page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
            place.show(module, tab)
            wait_until_ready(place.root)
            for row in place.panel.locator("tr.link").all()[:1]:
                row.click()
                wait_until_ready(place.root)
            yield f"{module or 'all'}-{tab}"


def take_pictures(place: Place, what: Any, file: str) -> list[str]:
    """Take one of a tab at every width, of an element or a page; return what is cut in them.

    Args:
        file: What their files are called; a ``*`` stands for the width.
    """
    cut = []
    for width in WIDTHS:
        place.page.set_viewport_size({"width": width, "height": 900})
        what.screenshot(path=file.replace("*", str(width)))
        cut += [f"{width} {file}: {one}" for one in find_cut(place.root)]
    return cut


def test_pictures_of_the_page(chromium: Any, workspace: Path, picture: Path) -> None:
    """Nothing is cut, and no script complains."""
    expect = pytest.importorskip("playwright.sync_api").expect
    cut = []
    with open_workshop(workspace) as app, cockpit_page(chromium, app, picture=picture) as page:
        root = page.locator("#modframe")
        place = Place(page, root, lambda text: worth_of(text, app), workspace, expect)
        place.is_at("overview")
        for tab in tabs_of(place):
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                page.locator(f".root[data-theme={theme}]").wait_for()
                file = picture.parent / "cockpit" / "page" / f"{tab}-*-{theme}.png"
                cut += take_pictures(place, page, str(file))
    assert cut == []


def test_pictures_of_a_notebook(
    open_notebook: Callable[..., Notebook], workspace: Path, picture: Path
) -> None:
    """Nothing is cut, and no script of the widget fails."""
    expect = pytest.importorskip("playwright.sync_api").expect
    door = workspace / "door"
    start = (
        "from pathlib import Path\nfrom tests.browser.workshop import open_door, open_workshop\n"
        f"app = open_workshop(Path({str(workspace)!r}))\nopen_door(app, Path({str(door)!r}))"
    )
    notebook = open_notebook(start, "app.inspect()")
    faults: list[str] = []
    notebook.page.on("pageerror", lambda error: faults.append(str(error)))
    for index in (0, 1):
        notebook.run(index)
    notebook.page.keyboard.press("Control+b")  # closes the list of files
    root = notebook.cell(1).locator("[data-lm-suppress-shortcuts]").first
    place = Place(notebook.page, root, Door(door), workspace, expect)
    cut = []
    for theme in ("light", "dark"):
        if theme == "dark":
            notebook.turn_dark()
        root.locator(f".root[data-theme={theme}]").wait_for()
        for tab in tabs_of(place):
            file = picture.parent / "cockpit" / "notebook" / f"{tab}-*-{theme}.png"
            cut += take_pictures(place, root, str(file))
        notebook.page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
    assert cut == []
    assert faults == []
