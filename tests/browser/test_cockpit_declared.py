"""The tabs that parts declare, and Settings, on the page: rows, buttons, values, failing paths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe import AppContext
from modframe.errors import LoadError
from tests.browser.cockpit import TOKEN, cockpit_page
from tests.cockpit.test_declared import MANY, SETTINGS, SHOP, THING
from tests.parts.test_own_part import NOTES, example

pytestmark = pytest.mark.browser


@pytest.fixture
def app(workspace: Path) -> Iterator[AppContext]:
    """Start an app with a part of its own, and with modules that have something of everything."""
    with modframe.start(workspace=workspace, data=":memory:", parts=[example()()]) as running:
        running.load({"api.py": THING}, id="thing")
        running.load({"api.py": SHOP, "settings.py": SETTINGS}, id="shop")
        running.load({"api.py": SHOP, "settings.py": MANY}, id="many")
        running.load({"api.py": NOTES}, id="notes")
        with pytest.raises(LoadError):
            running.load({"api.py": "1 / 0"}, id="broken")
        running.get_service("thing").sell().result()
        running.events.settled()
        running.serve(port=0, token=TOKEN)
        yield running


@pytest.fixture
def page(app: AppContext, chromium: Any, picture: Path) -> Iterator[Any]:
    """The cockpit at the tasks of a module."""
    with cockpit_page(chromium, app, "#/thing/tasks", picture=picture) as page:
        yield page


def show(page: Any, module: str, tab: str) -> None:
    """Open a tab by its address; "-" is everything."""
    page.evaluate(f"location.hash = '#/{module}/{tab}'")
    page.locator(f"[data-tab={tab}][aria-selected=true]").wait_for()


def row_of(page: Any, text: str) -> Any:
    """Return the row of a table that has a text."""
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=text, exact=True))


def surely(page: Any, row: Any, action: str, *, said: str = "") -> None:
    """Press a button that asks once more, see what it says, and confirm it."""
    expect = pytest.importorskip("playwright.sync_api").expect
    dialog = page.get_by_role("dialog")
    row.get_by_role("button", name=action).click()
    expect(dialog).to_contain_text(said)
    dialog.locator("[data-action=act]").click()
    expect(dialog).to_contain_text("done")
    page.keyboard.press("Escape")


def test_what_parts_declare_is_shown_and_done(app: AppContext, page: Any) -> None:
    """Tasks, health, events, metrics, sessions, overrides, and a part's own tab with its button."""
    expect = pytest.importorskip("playwright.sync_api").expect
    dialog, error = page.get_by_role("dialog"), page.get_by_label("Error", exact=True)

    poll, follow = row_of(page, "poll"), row_of(page, "follow")
    poll.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("status").filter(has_text="Run now: poll")).to_contain_text("done")
    poll.get_by_role("button", name="Run now").click()
    expect(error).to_contain_text("no luck")
    expect(poll).to_contain_text("no luck")
    follow.get_by_role("button", name="Cancel").click()
    page.keyboard.press("Escape")
    expect(follow).to_contain_text("running")
    surely(page, follow, "Restart", said="Its run 1 goes on, and is cancelled where it is.")
    expect(follow.get_by_role("cell", name="2", exact=True)).to_be_visible()  # runs
    surely(page, follow, "Cancel")
    expect(follow).to_contain_text("cancelled")

    show(page, "thing", "health")
    expect(page.locator("[data-panel='health check']")).to_contain_text("looked 1 times")
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("[data-panel='health check']")).to_contain_text("looked 2 times")
    show(page, "thing", "events")
    letters = page.locator("[data-panel='dead letter']")
    expect(letters.get_by_role("link", name="sold()")).to_have_attribute("href", "#/thing/services")
    letters.get_by_role("button", name="Retry").click()
    expect(error).to_contain_text("failed again: ValueError: it can't be sold")
    surely(page, letters, "Drop", said="nobody gets it any more")
    expect(letters).to_have_count(0)
    show(page, "thing", "metrics")
    expect(row_of(page, 'declared_sales_total{item="<b>tea</b>"}')).to_contain_text("3")

    show(page, "notes", "files")
    surely(page, page, "Empty")
    with pytest.raises(FileNotFoundError):
        app.get_service("notes").read().result()
    show(page, "notes", "sessions")
    expect(page.locator("[data-panel=generation]")).to_contain_text("live")

    show(page, "-", "health")
    expect(page.locator("[data-panel=module] tbody tr").first).to_contain_text("unhealthy")
    expect(page.locator("[data-panel=module] tbody tr").nth(1)).to_contain_text("degraded")
    show(page, "-", "overrides")
    expect(page.get_by_text("Nothing now")).to_be_visible()
    with app.override("shop", object()):
        expect(row_of(page, "standard.shop.service")).to_contain_text("builtins.object")
    show(page, "-", "tasks")
    page.get_by_label("Cancel: named task standard.thing poll", exact=True).click()
    dialog.get_by_text("The named task poll of standard.thing.").wait_for()
    app.modules["thing"].unload()
    dialog.locator("[data-action=act]").click()
    expect(dialog.get_by_label("Error")).to_contain_text("standard.thing is not live any more")


def test_settings_are_changed_and_undone(app: AppContext, page: Any) -> None:
    """A value that does not fit stays in its field; a thousand settings are searched."""
    expect = pytest.importorskip("playwright.sync_api").expect
    dialog = page.get_by_role("dialog")
    show(page, "shop", "settings")
    limit, field = row_of(page, "limit"), dialog.locator("[data-field=limit]")
    expect(limit).to_contain_text("≥ 1, ≤ 9")
    expect(row_of(page, "api_key").get_by_role("button")).to_have_count(1)
    assert "hush" not in page.content()
    limit.get_by_role("button", name="Change").click()
    for value, said in (("many", "no whole number"), ("99", "less than or equal to 9")):
        field.fill(value)
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_contain_text(said)
    field.fill("7")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_label("Error")).to_contain_text("seven is bad luck")
    field.fill("5")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(limit).to_contain_text("preference")
    assert app.get_service("core.settings.service").explain("standard.shop").result().data[
        "limit"
    ] == {"value": 5, "source": "preference"}
    limit.get_by_role("button", name="Undo").click()
    expect(limit).to_contain_text("default")
    row_of(page, "colours").get_by_role("button", name="Change").click()
    dialog.get_by_role("button", name="Add").click()
    dialog.locator("input[data-field='colours.1']").fill("blue")
    dialog.get_by_role("button", name="Save").click()
    expect(row_of(page, '["red","blue"]')).to_contain_text("preference")

    limit.get_by_role("button", name="Change").click()
    dialog.get_by_label("How long").select_option("For this session")
    field.fill("6")
    dialog.get_by_role("button", name="Save").click()
    expect(limit).to_contain_text("session")
    limit.get_by_role("button", name="Undo").click()
    expect(limit).to_contain_text("default")

    show(page, "-", "settings")
    rows = page.locator("[data-panel=setting] tbody tr")
    expect(page.get_by_role("heading", name="settings")).to_contain_text("1,0")
    assert rows.count() < 300  # those in sight
    page.get_by_label("Search rows").fill("many f999")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("999")
    page.get_by_role("link", name="many").click()
    page.locator("[data-tab=settings][aria-selected=true]").wait_for()
    expect(row_of(page, "f0")).to_be_visible()


def test_a_secret_is_set_and_never_seen(app: AppContext, page: Any) -> None:
    """Its field hides it and is emptied once it is sent; it counts until it is undone."""
    expect = pytest.importorskip("playwright.sync_api").expect
    dialog = page.get_by_role("dialog")
    show(page, "shop", "settings")
    row = row_of(page, "api_key")
    row.get_by_role("button", name="Change").click()
    field = dialog.locator("[data-field=api_key]")
    expect(field).to_have_attribute("type", "password")
    expect(dialog).to_contain_text("No file has it.")
    expect(dialog.get_by_label("How long")).to_have_count(0)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("is required")
    field.fill("sk-quite-wrong")
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Error")).to_contain_text("no **********")
    expect(field).to_have_value("")
    field.fill("sk-of-the-page")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(row).to_contain_text("session")
    assert app.get_service("shop").has_key("sk-of-the-page").result()
    row.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("default")
    show(page, "shop", "logs")
    expect(page.get_by_label("Log lines")).to_contain_text("the key is **********")
    assert "sk-" not in page.content()
