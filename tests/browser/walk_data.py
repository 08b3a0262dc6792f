"""The steps of the walk through the tab Data: rows, SQL, migrations, backups."""

from __future__ import annotations

import re

from tests.browser.place import Place


def look_at_rows(place: Place) -> None:
    """Page, sort, copy, see a long value whole, follow a key and come back."""
    place.show("store", "data")
    place.panel.locator("[data-table='store.items']").click()
    shown = place.panel.locator("[data-field=page]")
    for name, first in (("Next", 101), ("Last", 201), ("Previous", 101), ("First", 1)):
        place.press(name)
        place.sees(f"{first}\u2013", inside=shown)
    place.press("Last")
    place.sees("201\u2013", inside=shown)
    place.panel.get_by_title("Show all of it").first.click()
    place.copies("x" * 3000, inside=place.dialog)
    place.close("Close")
    place.sort()
    place.sees("1\u2013100 of 251", inside=shown)
    place.copies("n0100", inside=place.panel, name="Copy as CSV")
    place.press("Columns")
    place.panel.get_by_label("Columns", exact=True).get_by_text("share").wait_for()
    place.panel.locator("[data-table='store.reviews']").click()
    place.panel.get_by_label("Rows of reviews").locator(".follow").click()
    place.sees("1\u20131 of 1", inside=shown)
    place.press("Without id")
    place.sees("1\u2013100 of 251", inside=shown)
    place.press("Refresh")
    place.sees("1\u2013100 of 251", inside=shown)
    place.press("Query")
    place.expect(place.panel.locator("[data-field=query]")).to_have_value(re.compile("items"))


def query(place: Place) -> None:
    """Complete a name, run, copy as a cell and as CSV, and cancel what takes long."""
    field = place.panel.locator("[data-field=query]")
    field.fill("")
    field.press_sequentially("SELECT note FROM store.it")
    place.panel.get_by_role("option", name="store.items").first.click()
    place.panel.locator("label", has_text="at most").get_by_role("combobox").select_option("100")
    place.press("Run")
    place.sees("100 rows in", inside=place.panel.locator("[data-field=result]"))
    place.copies("%%sql", inside=place.panel, name="To cell")
    place.copies("n0001", inside=place.panel, name="Copy as CSV")
    place.panel.get_by_label("Rows of the query").locator("th").get_by_role("button").click()
    field.fill("SELECT repeat('x', 3000)")
    place.press("Run")
    place.panel.get_by_title("Show all of it").click()
    place.close("Close")
    field.fill(
        "SELECT count(*) FROM range(100000000) a, range(10000) b WHERE a.range + b.range = 7"
    )
    place.press("Run")
    place.press("Cancel")
    place.sees("cancelled", inside=place.panel.get_by_label("Error"))
    place.press("Tables")
    place.panel.locator("[data-table='store.items']").wait_for()
    place.press("SQL")
    place.expect(field).to_have_value(re.compile("range"))


def migrate(place: Place) -> None:
    """Choose what may be done, begin anew, give a value, read the plan, and carry it out."""
    place.press("Schema")
    place.panel.locator("[data-field=database]").select_option("store")
    place.follow()
    place.is_at("overview")
    place.show("store", "data")
    migrate = place.panel.get_by_role("button", name="Migrate …")
    place.expect(migrate).to_be_disabled()
    place.panel.get_by_label("add column items.part: renamed from").select_option("items.share")
    place.expect(migrate).to_be_enabled()
    place.press("Start over")
    place.expect(migrate).to_be_disabled()
    place.panel.get_by_label("Value for items.part").fill("0.5")
    place.page.keyboard.press("Enter")
    place.panel.get_by_label("allow").check()
    place.copies("app.database.migrate", inside=place.panel, name="To cell")
    migrate.click()
    place.copies("app.database.migrate", inside=place.dialog)
    place.answer("Migrate", "The database was migrated.")
    place.root.locator(".head [data-action=reload]").click()
    place.answer("Reload", "live in")
    columns = "app.database.sql('SELECT * FROM store.items LIMIT 1').columns"
    assert "part" in place.ask(f"[str(one) for one in {columns}]")


def back_up_and_restore(place: Place) -> None:
    """Write a backup, and put it back once it is said what may be lost."""
    place.show("", "data")
    place.press("Backups")
    place.panel.locator("[data-field=backup]").fill("today")
    place.press("Back up all databases")
    place.sees("backups/today was written.")
    assert (place.workspace / "backups" / "today" / "manifest.json").exists()
    place.panel.get_by_role("row").filter(has_text="today").click()
    place.dialog.get_by_label("may be lost").check()
    place.answer("Restore", "The databases are as they were then.")
