"""The tab *Data* on the page: a table paged, sorted and followed, queried, and migrated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modframe import AppContext
from modframe.errors import LoadError
from tests.browser.cockpit import TOKEN, cockpit_page
from tests.cockpit.test_data import API, SHOP

pytestmark = pytest.mark.browser


@pytest.fixture
def page(app: AppContext, chromium: Any, picture: Path) -> Iterator[Any]:
    """The cockpit at the tab, over a module whose last models its tables don't fit."""
    app.load({"db_models.py": SHOP, "api.py": API}, id="shop")
    grown = SHOP.replace("share = Column(Float)", "part = Column(Float, nullable=False)")
    with pytest.raises(LoadError):
        app.load({"db_models.py": grown, "api.py": API}, id="shop")
    app.serve(port=0, token=TOKEN)
    with cockpit_page(chromium, app, "#/shop/data", picture=picture) as page:
        yield page


def cells_of(page: Any, label: str, row: int) -> list[str]:
    """Return the texts of a row of a table."""
    texts: list[str] = (
        page.get_by_label(label, exact=True)
        .locator("tbody tr")
        .nth(row)
        .locator("td")
        .all_inner_texts()
    )
    return texts


def look_at_rows(page: Any) -> None:
    """Page, sort, see a long value whole, and follow a relation."""
    expect = pytest.importorskip("playwright.sync_api").expect
    page.locator("[data-table='shop.items']").click()
    words = page.locator("[data-field=page]")
    expect(words).to_have_text("1\u2013100 of 1,001")
    cells = cells_of(page, "Rows of items", 0)
    assert cells[1:3] == ["<b>ada</b>", "12345678901234567890.0123456789"]
    assert cells_of(page, "Rows of items", 1)[1:] == ["NULL"] * 11

    page.get_by_role("button", name="Last").click()
    expect(words).to_have_text("1,001\u20131,001 of 1,001")
    page.get_by_role("button", name="5,000 characters").click()
    expect(page.get_by_role("dialog").locator("pre")).to_have_text("é" * 5000)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="note").click()
    expect(words).to_have_text("1\u2013100 of 1,001")
    page.get_by_role("button", name="note ↑").click()
    expect(page.get_by_role("columnheader", name="note")).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(page.get_by_label("Rows of items").locator("tbody tr").nth(1)).to_contain_text("n1000")

    page.locator("[data-table='shop.reviews']").click()
    page.get_by_label("Rows of reviews").get_by_role("button", name="1", exact=True).click()
    expect(words).to_have_text("1\u20131 of 1")
    expect(page.get_by_label("Table items", exact=True)).to_contain_text("id = 1")


def query(page: Any) -> None:
    """Complete a name, run, be refused a write, recall an earlier query, and cancel one."""
    expect = pytest.importorskip("playwright.sync_api").expect
    page.locator("[data-field=sql]").click()
    field = page.locator("[data-field=query]")
    field.press_sequentially("SELECT note FROM shop.it")
    expect(page.get_by_role("option", name="shop.items table")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-field=result]")).to_contain_text("1,000 rows in")
    assert page.get_by_text("there are more").is_visible()
    assert page.get_by_label("Rows of the query").locator("tbody tr").count() < 300  # in sight
    field.fill("DELETE FROM shop.items")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("Error")).to_contain_text("only reads")
    field.press("Alt+ArrowUp")
    field.press("Alt+ArrowUp")
    expect(field).to_have_value("SELECT note FROM shop.items")
    field.fill(
        "SELECT count(*) FROM range(100000000) a, range(10000) b WHERE a.range + b.range = 7"
    )
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_label("Error")).to_contain_text("cancelled")


def migrate_tables(page: Any) -> None:
    """Be refused a wrong value and a step that the rows don't allow; then migrate."""
    expect = pytest.importorskip("playwright.sync_api").expect
    page.locator("[data-field=schema]").click()
    migrate = page.get_by_role("button", name="Migrate …")
    expect(page.get_by_text("1 step still to be allowed")).to_be_visible()
    expect(migrate).to_be_disabled()
    page.get_by_label("Value for items.part").fill("much")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Error")).to_contain_text("items.part")
    page.get_by_role("button", name="Start over").click()
    page.get_by_label("add column items.part: renamed from").select_option("items.share")
    migrate.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("rename column items.share to part")
    dialog.locator("[data-action=migrate]").click()
    expect(dialog.get_by_label("Error")).to_contain_text("nothing was changed")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Start over").click()
    page.get_by_label("Value for items.part").fill("0.5")
    page.keyboard.press("Enter")
    migrate.click()
    expect(dialog).to_contain_text("fill={'items.part': 0.5}")
    dialog.locator("[data-action=migrate]").click()
    expect(dialog).to_contain_text("The database was migrated. Load its module again now.")


def back_up(page: Any) -> None:
    """Write a backup by a name that was just typed; its restore is refused where rows would go."""
    expect = pytest.importorskip("playwright.sync_api").expect
    page.evaluate("location.hash = '#/-/data'")
    page.locator("[data-field=backups]").click()
    page.locator("[data-field=backup]").fill("monday")
    page.get_by_role("button", name="Back up all databases").click()
    expect(page.get_by_role("status")).to_contain_text(["backups/monday was written."])
    expect(page.locator("[data-field=backup]")).not_to_have_value("monday")
    page.get_by_role("cell", name="monday", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("What it holds")).to_contain_text("shop")
    dialog.locator("[data-action=restore]").click()
    expect(dialog.get_by_label("Error")).to_contain_text("nothing was changed")
    expect(dialog.get_by_label("The rows that are there now may be lost")).to_be_enabled()
    page.keyboard.press("Escape")
    page.evaluate("location.hash = '#/shop/data'")


def test_a_table_is_paged_sorted_queried_backed_up_and_migrated(page: Any) -> None:
    """Each step of the journey, its failing path too, over a thousand rows."""
    look_at_rows(page)
    query(page)
    back_up(page)
    migrate_tables(page)
