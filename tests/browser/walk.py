"""A walk through the cockpit of a workshop that presses every control, and looks at what came of it.

In comes a `Place`: the page, or a cell of a notebook. Its cockpit is driven by the same steps; each
waits for what a person sees, and asks the app by its own verbs where that is more than words. The steps
come in an order: each finds what those before it have left.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.place import Place
from tests.browser.walk_data import back_up_and_restore, look_at_rows, migrate, query

HELP = "https://example.org/**"
"""Where addresses in texts lead; a test answers there itself."""


def walk(place: Place) -> None:
    """Press everything."""
    for step in STEPS:
        step(place)


# -- the frame -------------------------------------------------------------------------------------


def _find_a_module(place: Place) -> None:
    """Filter the list by words and by state, and open it where there is no room beside it."""
    items = place.root.locator(".item")
    field = place.root.locator("[data-field=filter]")
    field.fill("till")
    place.expect(items).to_have_count(2)
    field.fill("")
    show = place.root.get_by_role("group", name="Show", exact=True).first
    for name in ("Failing", "Live", "Drafts", "All"):
        button = show.get_by_role("button", name=name)
        button.click()
        place.expect(items).to_have_count(1 + int(button.locator("small").inner_text()))
    size = place.page.viewport_size
    place.page.set_viewport_size({"width": 500, "height": size["height"]})
    place.press("Modules", inside=place.root)
    place.show("tax")
    place.page.set_viewport_size(size)
    place.leave("http://127.0.0.1", inside=place.root)


def _look_over_everything(place: Place) -> None:
    """Show all that needs attention, a module of it, and one that was changed lately."""
    place.show("", "overview")
    rows = place.panel.locator(".attention")
    more = place.panel.get_by_role("button", name="Show all")
    most = int(more.inner_text().split()[-1])
    more.click()
    place.expect(rows).to_have_count(most)
    place.press("Show the first 6")
    place.expect(rows).to_have_count(6)
    place.follow()
    place.show("", "overview")
    place.panel.locator(".attention[data-module='standard.broken0']").click()


def _find_why_a_module_fails(place: Place) -> None:
    """Its traceback, what it blocks, and why a reload would be refused."""
    failed = place.panel.get_by_label("What failed")
    failed.locator("summary").click()
    place.copies("KeyError", inside=failed)
    place.press("Reload")
    place.sees("This would be refused", inside=place.dialog)
    place.expect(place.dialog.locator("[data-action=reload]")).to_be_disabled()
    place.close("Cancel")
    place.follow()
    place.sees("Blocked by")


def _press_the_buttons_of_a_module(place: Place) -> None:
    """Reload, export, swap what is saved, run the tests, drop the draft, unload."""

    def press(action: str) -> None:
        place.root.locator(f".head [data-action={action}]").click()

    place.show("orders")
    press("reload")
    place.answer("Reload", "live in")
    assert place.ask("app.modules['orders'].generation") == 4
    press("export")
    place.answer("Export", "1 file, 1 written")
    file = place.workspace / "modules" / "standard" / "orders" / "api.py"
    place.press("Watch off", inside=place.root)
    place.root.get_by_role("button", name="Watch on").wait_for()
    file.write_text(file.read_text().replace("RATE = 40", "RATE = 41"))
    place.sees("generation 5", inside=place.root.locator(".head"))
    assert place.ask("app.get_service('orders').total().result()") == 41
    place.press("Watch on", inside=place.root)
    place.root.get_by_role("button", name="Watch off").wait_for()
    place.show("tax")
    press("test")
    place.press("Run tests", inside=place.dialog)
    place.sees("2 tests, 1 failed", inside=place.dialog)
    place.dialog.locator("summary").click()
    place.close("Cancel")
    place.sort()
    press("drop_draft")
    place.answer("Drop draft", "was dropped")
    place.show("house")
    press("unload")
    place.answer("Unload", "was unloaded")
    assert place.ask("app.modules['house'].state") == "STOPPED"


# -- methods and routes ----------------------------------------------------------------------------


def _run_methods(place: Place) -> None:
    """Fill in a form and run it: a table, its chart, its CSV; an error; what is cancelled."""
    place.show("orders", "services")
    place.sort()
    place.root.locator("[data-field=filter-rows]").fill("named")
    place.sees("1 method")
    place.panel.locator("[data-method=named]").click()
    place.press("Add to names", inside=place.chosen)
    place.chosen.locator("[data-field='names.1']").fill("eve")
    place.press("Remove names.0", inside=place.chosen)
    place.chosen.get_by_label("Kind of kind").select_option(index=1)
    place.press("Run", inside=place.chosen)
    shown = place.chosen.locator("[data-outcome=table]")
    place.sees("2 rows", inside=shown)
    place.copies("eve,3", inside=shown, name="Copy as CSV")
    place.press("Chart", inside=shown)
    shown.get_by_role("img", name="2 values from 3 to 4").wait_for()
    place.chosen.get_by_text("As code").click()
    place.copies('named(names=["eve"]', inside=place.chosen.locator("details"))
    place.press("Open method", inside=place.chosen)
    place.sees("def named(self", inside=place.dialog)
    place.close("Close")
    place.root.locator("[data-field=filter-rows]").fill("")
    _run_what_ends_otherwise(place)


def _run_what_ends_otherwise(place: Place) -> None:
    place.panel.locator("[data-method=total]").click()
    place.copies("total(2)", inside=place.chosen)
    place.panel.locator("[data-method=fail]").click()
    place.press("Run", inside=place.chosen)
    shown = place.chosen.locator("[data-outcome=error]")
    place.leave("https://example.org/orders", inside=shown)
    shown.locator("summary").click()
    place.copies("ValueError", inside=shown)
    place.panel.locator("[data-method=hold]").click()
    place.press("Run", inside=place.chosen)
    place.press("Cancel", inside=place.chosen)
    place.sees("It was cancelled.", inside=place.chosen)


def _try_a_route(place: Place) -> None:
    """Choose it of all, send an example and a body of one's own, look at its headers and code."""
    place.show("", "routes")
    place.sort()
    place.root.locator("[data-field=filter-rows]").fill("place")
    place.panel.locator("[data-route='POST /api/v1/orders/orders']").click()
    place.chosen.get_by_label("Example").select_option(index=1)
    place.press("Run", inside=place.chosen)
    shown = place.chosen.locator("[data-outcome='201']")
    place.sees('"count": 3', inside=shown)
    shown.get_by_text("headers").click()
    place.sees("application/json", inside=shown)
    place.copies('"ink"', inside=shown)
    place.chosen.locator("[data-field=body]").fill("{}")
    place.chosen.get_by_text("As code").click()
    code = place.chosen.locator("[data-field=code]")
    place.copies("curl", inside=code)
    place.press("Open endpoint", inside=place.chosen)
    place.sees("async def place", inside=place.dialog)
    place.close("Close")
    place.root.locator("[data-field=filter-rows]").fill("holds")
    place.panel.locator("[data-route='GET /api/v1/orders/holds']").click()
    place.press("Run", inside=place.chosen)
    place.press("Cancel", inside=place.chosen)
    place.sees("It was cancelled.", inside=place.chosen)


# -- what parts declare ----------------------------------------------------------------------------


def _change_settings(place: Place) -> None:
    """One of a number and one of a list, one for the session; all are undone."""
    place.show("shop", "settings")
    place.sort()
    place.press("Change limit")
    place.dialog.locator("[data-field=limit]").fill("5")
    place.press("Save", inside=place.dialog)
    place.sees("preference", inside=place.row("limit"))
    assert place.ask("app.modules['shop'].settings.limit") == 5
    place.press("Undo limit")
    place.sees("default", inside=place.row("limit"))
    assert place.ask("app.modules['shop'].settings.limit") == 3
    place.press("Change limit")
    place.dialog.locator("[data-field=span]").select_option("session")
    place.press("Save", inside=place.dialog)
    place.sees("session", inside=place.row("limit"))
    place.press("Undo limit")
    place.sees("default", inside=place.row("limit"))
    place.press("Change colours")
    place.press("Add to colours", inside=place.dialog)
    place.press("Remove colours.0", inside=place.dialog)
    place.close("Cancel")
    place.show("", "settings")
    place.sort()
    place.follow()


def _health_and_tasks(place: Place) -> None:
    """Check now; run a task, restart one and cancel it, each after it was asked."""
    place.show("", "health")
    place.sort()
    rows = place.panel.locator("[data-panel=module] tbody tr")
    place.panel.locator("[data-field=search-rows]").fill("looked")
    place.expect(rows).to_have_count(1)
    place.follow()
    place.is_at("health")
    place.panel.get_by_text("Check now", exact=True).click()
    place.sees("looked 2 times", inside=place.panel.locator("[data-panel='health check']"))
    place.show("", "tasks")
    place.sort()
    place.follow()
    place.is_at("tasks")
    row = place.row("follow")
    place.row("poll").get_by_text("Run now").click()
    place.sees("Run now: poll: done")
    row.get_by_text("Restart").click()
    place.answer("Restart follow", "done")
    row.get_by_text("Cancel").click()
    place.close("Cancel")
    row.get_by_text("Cancel").click()
    place.answer("Cancel follow", "done")
    place.sees("cancelled", inside=row)


def _what_else_is_declared(place: Place) -> None:
    """Events, metrics, sessions, overrides, and the button of a part's own tab."""
    place.show("thing", "events")
    letters = place.panel.locator("[data-panel='dead letter']")
    letters.locator("[data-action=Retry]").click()
    place.sees("Next step", inside=letters)
    letters.locator("[data-action=Drop]").click()
    place.dialog.locator("[data-action=act]").click()
    place.expect(letters).to_have_count(0)
    for tab, said in (
        ("events", "standard.thing.Sold"),
        ("metrics", "declared_sales_total"),
        ("overrides", "builtins.object"),
    ):
        place.show("", tab)
        place.sees(said)
        place.sort()
        for field in place.panel.locator("[data-field=search-rows]").all():
            field.fill("thing")
        place.follow()
    place.show("orders", "sessions")
    place.sees("live")
    place.sort()
    place.show("notes", "files")
    place.sort()
    place.panel.get_by_text("Empty", exact=True).click()
    place.dialog.locator("[data-action=act]").click()
    place.sees("done", inside=place.dialog)
    place.close("Close")


# -- what was, and what is to be -------------------------------------------------------------------


def _read_errors_and_logs(place: Place) -> None:
    """Filter, open a kind and one of its failures; search the log, open a line, follow, go back."""
    place.show("", "errors")
    field = place.panel.locator("[data-field=text]")
    field.fill("no such order")
    place.panel.locator("[data-field=module]").select_option(label="orders")
    place.panel.locator("[data-field=since]").select_option("1h")
    place.press("Refresh")
    place.sees("1 kind of error")
    place.sort()
    place.panel.locator("tr.link").first.click()
    kind = place.panel.get_by_label("The chosen kind")
    kind.locator("[data-field=failure]").select_option(index=1)
    place.leave("https://example.org/orders", inside=kind)
    place.copies("ValueError", inside=kind.locator(".code"))
    place.press("Close", inside=kind)
    place.expect(kind).to_have_count(0)
    place.follow()
    place.show("", "logs")
    lines = place.panel.locator(".line")
    place.press("Older lines")
    place.panel.locator("[data-field=level]").select_option("WARNING")
    place.panel.locator("[data-field=text]").fill("help")
    place.expect(lines).to_have_count(1)
    lines.click()
    chosen = place.panel.get_by_label("The chosen line")
    place.leave("https://example.org/help", inside=chosen)
    place.press("Close", inside=chosen)
    place.panel.locator("[data-field=text]").fill("no such order")
    place.panel.locator("[data-field=module]").select_option(label="orders")
    lines.last.click()
    place.copies("ValueError", inside=chosen)
    place.panel.locator("[data-field=follow]").uncheck()


def _walk_through_the_graph(place: Place) -> None:
    """From everything to a module, to a neighbour, to all; the same as text, and the start."""
    place.show("", "graph")
    place.panel.locator("[data-field=module]").select_option(label="orders")
    nodes = place.panel.locator(".node")
    place.panel.locator(".node[aria-current=true][data-module='standard.orders']").wait_for()
    before = nodes.count()
    place.panel.get_by_role("button", name="Show all").click()
    place.expect(nodes).not_to_have_count(before)
    place.sort()
    place.panel.get_by_text("As text").click()
    place.panel.locator("li a[data-module='standard.till']").click()
    place.panel.locator(".node[aria-current=true][data-module='standard.till']").wait_for()
    place.panel.locator(".node[data-module='standard.orders']").click()
    place.panel.locator(".node[aria-current=true][data-module='standard.orders']").wait_for()


def _load_a_draft(place: Place) -> None:
    """Its tests refuse it; it is loaded without them; another is dropped."""
    for rate in (21, 22):
        place.ask(f"draft_tax(app, {rate})")
        place.show("tax", "draft")
        place.sees(f"RATE = {rate}")
        if rate == 21:
            place.press("Load with tests")
            place.press("Load with tests", inside=place.dialog)
            place.sees("2 tests, 1 failed", inside=place.dialog)
            place.dialog.locator("th").first.get_by_role("button").click()
            place.close("Cancel")
            place.press("Load")
            place.answer("Load", "live in")
            assert place.ask("app.get_service('tax').rate().result()") == 21
        else:
            place.press("Drop draft")
            place.answer("Drop draft", "was dropped")
            place.sees("What the cells say is what is live.")
            assert "RATE = 21" in place.ask("app.modules['tax'].draft.texts['api.py']")


def _go_back(place: Place) -> None:
    """Compare a source, read it, and go back to it although another module uses what it lacks."""
    place.show("orders", "history")
    place.sort()
    place.panel.get_by_role("group", name="History").locator("tr.link").filter(has_text="1")
    entries = place.panel.get_by_role("group", name="History").locator("tr.link")
    entries.first.click()
    chosen = place.panel.get_by_label("Generation 1", exact=True)
    chosen.locator(".added", has_text="async def sum").wait_for()
    chosen.locator("[data-field=other]").select_option(index=1)
    chosen.get_by_text("Its text").click()
    chosen.get_by_text("RATE = 40").first.wait_for()
    chosen.get_by_text("Run and digest").click()
    place.press("Plan the way back", inside=chosen)
    place.sees("Live modules use what it takes away.", inside=place.dialog)
    place.dialog.locator("[data-field=force]").check()
    place.answer("Roll back to generation 1", "rollback to 1")
    place.press("Close", inside=chosen)
    assert "async def sum" in place.ask("app.modules['orders'].source.texts['api.py']")


def _fill_the_window(place: Place) -> None:
    """In a notebook, it can be as high as the window."""
    for button in place.root.get_by_role("button", name="Full height").all():
        button.click()
        place.expect(button).to_have_attribute("aria-pressed", "true")


STEPS: tuple[Callable[[Place], None], ...] = (
    _fill_the_window,
    _find_a_module,
    _look_over_everything,
    _find_why_a_module_fails,
    _press_the_buttons_of_a_module,
    _run_methods,
    _try_a_route,
    look_at_rows,
    query,
    migrate,
    back_up_and_restore,
    _change_settings,
    _health_and_tasks,
    _what_else_is_declared,
    _read_errors_and_logs,
    _walk_through_the_graph,
    _load_a_draft,
    _go_back,
)
