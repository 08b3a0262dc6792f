"""The tab Graph on the page: two hundred modules, a blocked path, from module to module, by keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe import AppContext
from tests.browser.cockpit import TOKEN, cockpit_page
from tests.fakes import simple

pytestmark = pytest.mark.browser

OWN = ".node[aria-current=true][data-module='standard.{}']"
FAILS = "async def initialize(self):\n    raise KeyError('x')"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AppContext]:
    """Start an app with a chain of 200 modules, one that fails, and one that it blocks."""
    needs = {"m000": [], "tax": ["m001"], "till": ["tax", "m001"]}
    needs |= {f"m{at:03}": [f"m{at // 2:03}"] for at in range(1, 200)}
    for name, names in needs.items():
        folder = tmp_path / "modules" / "standard" / name
        folder.mkdir(parents=True)
        body = FAILS if name == "tax" else "pass"
        folder.joinpath("api.py").write_text(simple(body, arguments=f"requires={names!r}"))
    with modframe.start(workspace=tmp_path, data=":memory:") as running:
        running.serve(port=0, token=TOKEN)
        yield running


@pytest.fixture
def page(app: AppContext, chromium: Any, picture: Path) -> Iterator[Any]:
    """Open the graph of everything."""
    with cockpit_page(chromium, app, "#/-/graph", picture=picture) as page:
        yield page


def test_two_hundred_modules_are_walked_through(page: Any) -> None:
    """What fails comes first; a click or a key leads on; the path that is blocked is marked."""
    nodes = page.locator(".node")
    nodes.first.wait_for()
    assert nodes.count() == 60
    assert page.locator(".node[data-module='standard.till']").is_visible()
    assert page.locator("path[stroke-dasharray]").count() == 1
    page.get_by_role("button", name="Show all 205").click()
    page.locator(".node[data-module='standard.m199']").wait_for()
    assert nodes.count() == 205
    page.locator("[data-field=module]").select_option(label="till")
    page.locator(OWN.format("till")).wait_for()
    names = {node.get_attribute("aria-label") for node in nodes.all()}
    assert names == {"till, blocked", "tax, failed", "m001, live", "m000, live"}
    page.get_by_text("As text").click()
    page.get_by_text(", blocked, requires tax, m001; is kept down by tax").wait_for()
    page.get_by_text("Nothing of it is live, so no times are known.").wait_for()
    page.locator(".node[data-module='standard.tax']").click()
    page.locator(OWN.format("tax")).wait_for()
    assert page.url.endswith("#/tax/graph")
    page.locator(".graph").focus()
    for _ in range(nodes.count()):
        page.keyboard.press("Tab")
        if page.locator(".node[data-module='standard.m001']:focus").count():
            break
    page.keyboard.press("Enter")
    page.locator(OWN.format("m001")).wait_for()
    page.locator("td strong").get_by_text("m001").wait_for()
