"""The cockpit's page with markup in every text, for keys alone, for axe, and at three widths.

One app has all kinds of modules, and one page shows all of its tabs, those of other tests included:
a new tab is tried here without a line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

import modframe
from modframe import AppContext
from modframe.errors import ModframeError
from modframe.source import SourceFile
from tests.browser.axe import fetch_axe, find_faults
from tests.browser.cockpit import TOKEN, cockpit_page
from tests.browser.looks import find_cut, wait_until_ready

pytestmark = pytest.mark.browser

MARKUP = (
    "<img src=x onerror='owned=1'><script>owned=2</script><svg onload='owned=3'></svg>"
    "</style></pre><iframe srcdoc='<script>parent.owned=4</script>'></iframe>"
    " javascript:owned=5 data:text/html,<script>owned=6</script> [a](javascript:owned=7)"
    ' https://example.org/" onmouseover="owned=8 ${owned=9}{{owned=10}}'
)
EVIL = '''
import logging

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import Column, Integer, String

from core.database import get_database_base
from modframe.decorators import module

MARKUP = {markup!r}
DATABASE_NAME = "evil"
Base = get_database_base(DATABASE_NAME)
router = APIRouter()


class Row(Base):
    __tablename__ = "rows <b onclick=owned=11>"
    id = Column(Integer, primary_key=True)
    text = Column({column!r}, String)


class Settings(BaseModel):
    text: str = Field(MARKUP, description=MARKUP)
    password: str = "hidden-from-all"


async def seed(session):
    session.add_all([Row(text=MARKUP), Row(text="javascript:owned=12")])


@router.get("/fails", summary=MARKUP, description=MARKUP)
async def fails() -> None:
    raise ValueError(MARKUP)


@router.get("/says/{{text}}")
async def says(text: str, kind: str = "text/html") -> dict[str, str]:
    return {{"text": MARKUP}}


@module(settings=Settings)
class Evil:
    """{doc}"""

    def said(self, text: str = MARKUP) -> str:
        """<img src=x onerror='owned=13'>"""
        logging.getLogger(__name__).warning(MARKUP)
        return MARKUP

    def listed(self) -> list[dict[str, str]]:
        return [{{MARKUP: MARKUP, "b": "javascript:owned=14"}}] * 2

    def fail(self) -> None:
        raise KeyError(MARKUP)
'''
PLAIN = '''
from modframe.decorators import module


@module
class Plain:
    """Keeps orders."""

    async def total(self, count: int = 2, note: str = "") -> int:
        """Return the sum."""
        return 40 + count

    def rows(self) -> list[dict[str, int]]:
        return [{"a": number % 7, "b": number} for number in range(30)]
'''


@pytest.fixture(autouse=True)
def no_app_left() -> None:
    """The app of this file outlives its tests."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppContext]:
    """Start an app with all kinds of modules, which say what they can."""
    workspace = tmp_path_factory.mktemp("workspace")
    with modframe.start(workspace=workspace, data=workspace / "data") as running:
        evil = EVIL.format(markup=MARKUP, doc=MARKUP, column="<img src=x onerror=owned=15>")
        running.load({"api.py": PLAIN}, id="plain")
        running.load({"api.py": PLAIN.replace("40", "41")}, id="plain")
        running.load({"api.py": evil}, id="evil")
        other = {"<img src=x onerror=owned=16>.py": f"# {MARKUP}"}
        running.load({"api.py": f"# {MARKUP}\n{evil}", **other}, id="evil")
        cell = SourceFile(f"# {MARKUP} 2\n{evil}", f"<cell {MARKUP}>", cell=f"Cell {MARKUP}")
        running.draft("evil", "api.py", cell)
        for name in ("broken", "again"):
            with pytest.raises(ModframeError):
                running.load({"api.py": f"raise ValueError({MARKUP!r})\n"}, id=name)
        service = running.get_service("evil")
        service.said().result()
        with suppress(KeyError):
            service.fail().result()
        logging.getLogger("modframe.server").warning("%s", MARKUP)
        running.serve(port=0, token=TOKEN)
        yield running


@pytest.fixture(scope="module")
def page(chromium: Any, app: AppContext) -> Iterator[Any]:
    """Open the page; what its script, its policy and its console complain about ends the tests."""
    with cockpit_page(chromium, app) as page:
        page.get_by_role("tab", name="Overview").wait_for()
        yield page


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the script of axe-core; it is empty where there is none."""
    return fetch_axe(tmp_path_factory.mktemp("axe"))


def tabs(page: Any) -> Iterator[str]:
    """Show every tab of everything, of a module that is live, and of one that isn't.

    Where there are rows the first one is opened, and what can be run there is run.
    """
    for module in ("-", "evil", "broken"):
        show(page, module, "overview")
        if module != "-":
            chosen = page.locator(f".item.chosen[data-module='standard.{module}']")
            chosen.wait_for(state="attached")
        names = page.locator("[role=tab]").evaluate_all("all => all.map((tab) => tab.dataset.tab)")
        for name in names:
            page.locator(f"[role=tab][data-tab='{name}']").click()
            page.locator(f"[data-tab='{name}'][aria-selected=true]").wait_for()
            panel = page.locator("[role=tabpanel]")
            for more in (panel.locator("tr.link"), panel.get_by_role("button", name="Run")):
                wait_until_ready(host_of(page))
                if more.count() and more.first.is_enabled():
                    more.first.click()
            wait_until_ready(host_of(page))
            yield f"{module}/{name}"


def host_of(page: Any) -> Any:
    """Return what the cockpit is put into."""
    return page.locator("#modframe")


def show(page: Any, module: str, tab: str) -> None:
    """Open a tab of a module by its address."""
    page.evaluate(f"location.hash = '#/{module}/{tab}'")
    page.locator(f"[data-tab='{tab}'][aria-selected=true]").wait_for()
    wait_until_ready(host_of(page))


SCHEMES = {"dark": ["color-contrast"], "light": []}
"""With what axe looks at: nothing but colours differs in the dark."""
WIDTHS = (400, 800, 1280)
ELEMENTS = """() => {
  const root = document.getElementById("modframe").shadowRoot;
  const odd = [...root.querySelectorAll("*")].filter((one) =>
    /^(script|iframe|object|embed|base|meta|link|style|image)$/i.test(one.localName)
    || one.getAttributeNames().some((name) => name.startsWith("on"))
    || (one.localName === "img" && !/^data:image/.test(one.getAttribute("src")))
    || (one.hasAttribute("href") && !/^(https?:\\/\\/|#\\/)/.test(one.getAttribute("href"))));
  return [...odd.map((one) => one.outerHTML.slice(0, 200)), ...("owned" in globalThis ? [`owned ${owned}`] : [])];
}"""


@pytest.fixture(scope="module")
def tour(page: Any, axe: str) -> dict[str, list[str]]:
    """Show every tab once, in both themes and at all widths; return the faults of each kind."""
    found: dict[str, list[str]] = {"markup": [], "axe": [], "cut": []}
    for place in tabs(page):
        found["markup"] += [f"{place}: {one}" for one in page.evaluate(ELEMENTS)]
        for scheme, rules in SCHEMES.items():
            page.emulate_media(color_scheme=scheme)
            page.locator(f".root[data-theme={scheme}]").wait_for()
            if axe:
                found["axe"] += [
                    f"{scheme} {place}: {one}" for one in find_faults(page, axe, *rules)
                ]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            found["cut"] += [f"{width} {place}: {one}" for one in find_cut(host_of(page))]
    return found


def test_no_text_becomes_markup(page: Any, tour: dict[str, list[str]]) -> None:
    """On no tab, with what opens in it: no element, no script, no link but of the web."""
    odd = tour["markup"]
    for opened in (_open_results, _open_rows, _open_logs):
        for what in opened(page):
            odd += [f"{what}: {one}" for one in page.evaluate(ELEMENTS)]
    assert odd == []
    assert page.faults == []


def _open_results(page: Any) -> Iterator[str]:
    """Call methods whose answer is a text, a table and a failure."""
    show(page, "evil", "services")
    for method in ("said", "listed", "fail"):
        page.locator("tr.link", has_text=f"{method}(").click()
        page.get_by_role("button", name="Run", exact=True).click()
        page.get_by_text("took").first.wait_for()
        assert page.locator("[role=tabpanel]").get_by_text("<script>owned=2").count(), method
        yield method


def _open_rows(page: Any) -> Iterator[str]:
    """Show a table, its columns, one whole value, and what a query finds."""
    show(page, "evil", "data")
    page.locator("[data-table*='<b onclick']").click()
    page.get_by_text("javascript:owned=12").wait_for()
    yield "rows"
    page.get_by_role("button", name="Columns").click()
    page.get_by_text("<img src=x onerror=owned=15>").first.wait_for()
    yield "columns"
    page.get_by_role("button", name="Query").click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("[data-field=result]").wait_for()
    page.get_by_role("group", name="Rows of the query").get_by_role("button").nth(2).click()
    page.get_by_role("dialog").get_by_text("onmouseover").wait_for()
    yield "a value"
    page.keyboard.press("Escape")


def _open_logs(page: Any) -> Iterator[str]:
    """Open a line of the log."""
    show(page, "-", "logs")
    page.locator(".line", has_text="onmouseover").last.click()
    yield "a line"


def test_axe_finds_nothing(axe: str, tour: dict[str, list[str]]) -> None:
    """On no tab, light or dark, with what opens in it."""
    if not axe:
        pytest.skip("npm has no axe-core here")
    assert tour["axe"] == []


def test_axe_finds_nothing_in_a_notebook(axe: str, open_notebook: Callable[..., Any]) -> None:
    """On no tab of a module, in JupyterLab's dark theme."""
    if not axe:
        pytest.skip("npm has no axe-core here")
    start = f"import modframe\napp = modframe.start(data=':memory:')\nPLAIN = {PLAIN!r}"
    start += "\nplain = app.load({'api.py': PLAIN}, id='plain')"
    notebook = open_notebook(start, "app.inspect('plain')", dark=True)
    notebook.run(0)
    notebook.run(1)
    view = notebook.cell(1).locator("[data-lm-suppress-shortcuts]").first
    view.get_by_role("tab", name="Overview").wait_for()
    found = []
    for tab in view.get_by_role("tab").all():
        tab.click()
        wait_until_ready(view)
        found += find_faults(notebook.page, axe, where="[data-lm-suppress-shortcuts]")
    assert found == []


def test_nothing_is_cut(page: Any, tour: dict[str, list[str]]) -> None:
    """At no width; the page never scrolls sideways, wide tables and code do so in themselves."""
    found = tour["cut"]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        show(page, "evil", "overview")
        page.locator("button[data-action=reload]").click()
        page.get_by_role("dialog").get_by_text("rebuild").wait_for()
        found += [f"{width} dialog: {one}" for one in find_cut(host_of(page))]
        page.keyboard.press("Escape")
    page.set_viewport_size({"width": 400, "height": 800})
    page.get_by_role("button", name="Modules").click()
    found += [f"list: {one}" for one in find_cut(host_of(page))]
    page.locator(".item[data-module='standard.plain']").click()
    page.locator(".head").get_by_text("plain", exact=True).wait_for()
    page.set_viewport_size({"width": 1280, "height": 900})
    assert found == []


def test_keys_alone_reach_everything(page: Any) -> None:
    """From the filter to a module, along its tabs, into a table, a form, a dialog and back."""
    show(page, "-", "overview")
    press, focused = page.keyboard.press, page.locator("*:focus").last
    page.locator("[data-tab=overview]").focus()
    press("/")
    page.keyboard.type("plain")
    press("Enter")
    page.locator(".head").get_by_text("generation 2").wait_for()
    _tab_to(page, "[role=tab]")
    for _ in range(page.locator("[role=tab]").count() - 1):
        press("ArrowRight")
        assert focused.get_attribute("aria-selected") == "true"
    press("Home")
    press("ArrowRight")
    page.locator("[data-tab=services][aria-selected=true]").wait_for()
    page.locator("th button").first.wait_for()
    _tab_to(page, "th button")
    press("Enter")
    page.locator("th[aria-sort=ascending]").wait_for()
    press("Space")
    page.locator("th[aria-sort=descending]").wait_for()
    _tab_to(page, "tr.link")
    press("Enter")
    page.get_by_role("button", name="Run", exact=True).wait_for()
    _tab_to(page, "button.primary")
    assert focused.inner_text() == "Run"
    press("Enter")
    page.get_by_text("took").first.wait_for()


def test_a_dialog_keeps_the_focus_until_it_is_closed(page: Any) -> None:
    """Escape closes it, and the focus is where it was."""
    show(page, "plain", "overview")
    button = page.locator("button[data-action=reload]").first
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("rebuild").wait_for()
    for key in ["Tab"] * 8 + ["Shift+Tab"] * 8:
        page.keyboard.press(key)
        assert page.evaluate(FOCUS) in {"dialog", "outside the page"}
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert button.evaluate("one => one.matches(':focus')")


def test_focus_is_seen_and_nothing_moves(page: Any) -> None:
    """Each stop of the Tab key has an outline; nothing is animated."""
    show(page, "evil", "routes")
    page.locator("[data-tab=routes]").focus()
    page.keyboard.press("Shift+Tab")
    unseen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        unseen += page.evaluate(OUTLINE)
    assert unseen == []
    assert page.evaluate("document.getAnimations().length") == 0


FOCUS = """() => {
  const root = document.getElementById("modframe").shadowRoot;
  if (!root.activeElement) return "outside the page";
  return root.activeElement.closest("dialog") ? "dialog" : root.activeElement.outerHTML;
}"""
OUTLINE = """() => {
  const one = document.getElementById("modframe").shadowRoot.activeElement;
  if (!one) return [];
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const item = one.matches(".items") && one.querySelector(".active");
  if (item && getComputedStyle(item).outlineStyle !== "none") return [];
  return outlineStyle === "none" || outlineWidth === "0px" ? [one.outerHTML.slice(0, 120)] : [];
}"""


def _tab_to(page: Any, selector: str) -> None:
    """Press the Tab key until what has the focus fits a selector."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator("*:focus").last.evaluate("(one, which) => one.matches(which)", selector):
            return
    raise AssertionError(f"no key leads to {selector}")
