"""Two journeys in the cockpit: a module that fails until it is mended, and the way back.

On the page of an app, and both once more beside the cells of a notebook.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import modframe
from modframe import AppContext
from modframe.desk.history_entry import HistoryEntries, HistoryEntry
from modframe.module import Module
from modframe.source import SourceFile
from tests.browser.cockpit import TOKEN, cockpit_page
from tests.browser.notebook import Notebook
from tests.fakes import ORDERS, simple

pytestmark = pytest.mark.browser

TAX = simple("def rate(self) -> int:\n    return RATE", head="RATE = 19", name="Tax")
TILL = simple(
    """
    async def initialize(self):
        self.orders = app_context.get_service("orders")

    async def price(self) -> int:
        return await self.orders.total(1)
    """,
    head="from modframe import app_context",
    name="Till",
    arguments='requires=["standard.orders.service"]',
)
TESTS = "def test_good():\n    pass\n\n\ndef test_bad():\n    assert 1 == 2\n"


@pytest.fixture
def app(workspace: Path) -> Iterator[AppContext]:
    """Start an app that keeps its log and its history, and serve it."""
    with modframe.start(workspace=workspace, data=workspace / "data") as running:
        running.serve(port=0, token=TOKEN)
        yield running


@pytest.fixture
def page(app: AppContext, chromium: Any, picture: Path) -> Iterator[Any]:
    """Open the cockpit."""
    with cockpit_page(chromium, app, picture=picture) as page:
        yield page


def show(page: Any, module: str, tab: str) -> None:
    """Open a tab of a module by its address."""
    page.evaluate(f"location.hash = '#/{module}/{tab}'")
    page.locator(f"[data-tab={tab}][aria-selected=true]").wait_for()


def ask_boom(app: AppContext) -> str:
    """Ask a route that fails, and return the request's correlation id."""
    head = {"Authorization": f"Bearer {TOKEN}"}
    with pytest.raises(HTTPError) as failed:
        urlopen(Request(f"{app.url}/api/v1/orders/total", headers=head))
    failed.value.close()
    return str(failed.value.headers["x-correlation-id"])


def test_a_failing_module_is_found_mended_and_live(app: AppContext, page: Any) -> None:
    """The overview says where and why; the module turns live without a click once it is mended."""
    file = Path(app.snapshot().workspace, "modules", "standard", "tax", "api.py")
    file.parent.mkdir(parents=True)
    file.write_text(TAX)
    app.load("tax")
    app.watch()
    page.get_by_text("Nothing needs attention.").wait_for()
    file.write_text(TAX.replace("RATE = 19", "RATE = int('nineteen')"))
    entry = page.locator(".attention[data-module='standard.tax']")
    for text in ("generation 1 stays live", "api.py, line 2", "ValueError", "Next step"):
        entry.get_by_text(text).wait_for()
    entry.click()
    failed = page.get_by_label("What failed")
    failed.locator(".source .marked").get_by_text("RATE = int('nineteen')").wait_for()
    failed.get_by_text("generation 1 stays live", exact=True).wait_for()
    assert failed.locator("details[open]").count() == 0
    failed.get_by_role("button", name="Reload").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("One of its files can't be run.").wait_for()
    assert dialog.locator("button[data-action=reload]").is_disabled()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    file.write_text(TAX.replace("19", "20"))
    page.locator(".head").get_by_text("generation 2").wait_for()
    failed.wait_for(state="detached")
    _what_it_blocks(app, page)


def _what_it_blocks(app: AppContext, page: Any) -> None:
    needy = simple(name="Needy", arguments='requires=["standard.broken.service"]')
    for name, text in (("broken", "x = (\n"), ("needy", needy)):
        with pytest.raises(modframe.errors.ModframeError):
            app.load({"api.py": text}, id=name)
    show(page, "broken", "overview")
    failed = page.get_by_label("What failed")
    failed.get_by_text("Nothing of it is live.").wait_for()
    failed.locator("a[data-module='standard.needy']").click()
    failed.get_by_text("Blocked by").wait_for()
    failed.locator("a[data-module='standard.broken']").click()
    failed.locator(".source .marked").get_by_text("x = (").wait_for()


def _from_the_log_to_its_errors(page: Any, request: str) -> None:
    """The id of a line leads to what failed in its request, and the address has it."""
    show(page, "orders", "logs")
    page.locator("[data-field=text]").fill(request)
    page.locator(".lines .line").first.click()
    page.get_by_label("The chosen line").get_by_role("link", name=request).click()
    page.get_by_label("The request").get_by_text("in boom").wait_for()
    assert page.locator("[data-field=text]").input_value() == request
    assert page.evaluate("location.hash") == f"#/-/errors?text={request}"
    page.go_back()
    page.locator("[data-tab=logs][aria-selected=true]").wait_for()
    page.go_forward()
    page.get_by_label("The request").get_by_text("in boom").wait_for()
    page.locator("tr.link").get_by_role("link", name="orders").click()
    page.get_by_role("heading", name="orders").wait_for()
    show(page, "-", "errors")


def test_errors_are_grouped_searched_and_many(app: AppContext, page: Any) -> None:
    """A kind opens to its traceback, a correlation id to its request; 1,000 kinds stay quick."""
    show(page, "-", "errors")
    page.get_by_text("Nothing was recorded that fits.").wait_for()
    app.load({"api.py": ORDERS.replace("total(2)", "boom()")}, id="orders")
    ask_boom(app)
    request = ask_boom(app)
    row = page.locator("tr.link", has_text="no such order")  # without a click: the log tells
    row.get_by_text("1 (2)").wait_for()
    row.click()
    page.get_by_label("Traceback", exact=True).get_by_text("raise ValueError").wait_for()
    page.locator("[data-field=text]").fill(request)
    page.get_by_label("The request").get_by_text("in boom").wait_for()
    _from_the_log_to_its_errors(page, request)
    page.locator("[data-field=text]").fill("")
    line = {"time": "2026-11-25T10:00:00Z", "module_id": "standard.orders", "type": "KeyError"}
    lines = [
        json.dumps({**line, "message": f"No {n:04} is there", "fingerprint": f"{n:x}"})
        for n in range(1000)
    ]
    Path(app.snapshot().data, "logs", "errors.jsonl").write_text("\n".join([*lines, ""]))
    page.get_by_role("button", name="Refresh").click()
    table = page.get_by_role("group", name="Errors")
    table.locator("[aria-rowcount='1001']").wait_for()
    assert table.locator("tr.link").count() < 100
    table.evaluate("box => box.scrollTo(0, box.scrollHeight)")
    table.get_by_text("No 0000 is there").wait_for()
    page.locator("[data-field=text]").fill("no 0777")
    page.get_by_text("1 kind of error").wait_for()
    page.locator("[data-field=since]").select_option("10m")
    page.get_by_text("Nothing was recorded that fits.").wait_for()


def test_one_generation_back(app: AppContext, page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry is compared, its way back planned, refused while it is used, and gone."""
    app.load(
        {"api.py": simple("def other(self) -> int:\n    return 1", name="Orders")}, id="orders"
    )
    for count in (41, 42):
        app.load({"api.py": ORDERS.replace("40", str(count))}, id="orders")
    app.load({"api.py": TILL}, id="till")
    show(page, "orders", "history")
    entries = page.get_by_role("group", name="History")
    entries.locator("tr.link", has_text="1 → 2").click()
    chosen = page.get_by_label("Generation 2")
    chosen.locator(".added", has_text="self.count = 41").wait_for()
    assert not chosen.get_by_text("digest").last.is_visible()
    chosen.locator("button[data-action=rollback]").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("orders 3 → 4").wait_for()
    dialog.locator(".removed", has_text="self.count = 42").wait_for()
    assert app.modules["orders"].generation == 3
    dialog.get_by_role("button", name="Roll back to generation 2").click()
    dialog.get_by_text("rollback to 2").wait_for()
    dialog.get_by_role("button", name="Close").click()
    entries.locator("tr.link", has_text="rollback to 2").get_by_text("live", exact=True).wait_for()
    _a_refused_way_back(app, page)
    _a_thousand_entries(page, monkeypatch)


def _a_refused_way_back(app: AppContext, page: Any) -> None:
    page.get_by_role("group", name="History").locator("tr.link").last.click()
    page.get_by_label("Generation 1").locator("button[data-action=rollback]").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Live modules use what it takes away.").wait_for()
    button = dialog.get_by_role("button", name="Roll back to generation 1")
    assert button.is_disabled()
    dialog.get_by_label("Break standard.till (api.py, line").check()
    dialog.get_by_text("This would be refused").wait_for(state="detached")
    button.click()
    dialog.get_by_text("forced: breaks").wait_for()
    dialog.get_by_role("button", name="Close").click()
    assert app.modules["orders"].generation == 5


def _a_thousand_entries(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def many(module: Module) -> HistoryEntries:
        time, live = datetime(2026, 11, 25, tzinfo=UTC), module.source
        assert live is not None
        return HistoryEntries(
            HistoryEntry(
                module.id, time, "cells", f"{n:x}", f"change {n}", n, "run", _read=lambda: live
            )
            for n in range(1, 1001)
        )

    monkeypatch.setattr(Module, "history", property(many))
    show(page, "orders", "overview")
    show(page, "orders", "history")
    entries = page.get_by_role("group", name="History")
    entries.locator("[aria-rowcount='1001']").wait_for()
    assert entries.locator("tr.link").count() < 100
    entries.evaluate("box => box.scrollTo(0, box.scrollHeight)")
    entries.get_by_text("change 1", exact=True).click()
    page.get_by_label("Generation 1").get_by_text("No file differs.").wait_for()


def test_a_draft_is_tried_dropped_and_files_written(app: AppContext, page: Any) -> None:
    """Tests refuse a draft one by one; it is loaded or dropped; an export shows its files first."""
    app.load({"api.py": TAX}, id="tax")
    app.draft("tax", "api.py", SourceFile(TAX.replace("19", "7"), "<cell 3>", cell="Cell In[3]"))
    app.draft("tax", "test_api.py", SourceFile(TESTS, "<cell 4>", cell="Cell In[4]"))
    show(page, "tax", "draft")
    panel, dialog = page.get_by_role("tabpanel"), page.get_by_role("dialog")
    panel.locator(".added", has_text="RATE = 7").wait_for()
    panel.get_by_role("button", name="Load with tests").click()
    dialog.get_by_text("The tests in test_api.py run").wait_for()
    dialog.get_by_role("button", name="Load with tests").click()
    dialog.get_by_text("2 tests, 1 failed").wait_for()
    dialog.get_by_role("row", name="failed test_bad").get_by_text("test_api.py, Cell In[4], line 6")
    page.keyboard.press("Escape")
    assert app.modules["tax"].generation == 1
    panel.get_by_role("button", name="Load", exact=True).click()
    dialog.get_by_role("button", name="Load", exact=True).click()
    dialog.get_by_text("live in").wait_for()
    dialog.get_by_role("button", name="Close").click()
    panel.get_by_text("What the cells say is what is live.").wait_for()
    app.draft("tax", "api.py", SourceFile(TAX, "<cell 5>", cell="Cell In[5]"))
    panel.get_by_role("button", name="Drop draft").wait_for()
    page.locator(".head button[data-action=drop_draft]").click()
    dialog.locator(".added", has_text="RATE = 19").wait_for()
    dialog.get_by_role("button", name="Drop draft").click()
    dialog.get_by_text("was dropped").wait_for()
    dialog.get_by_role("button", name="Close").click()
    page.locator(".head button[data-action=export]").click()
    dialog.locator(".added", has_text="RATE = 7").wait_for()
    file = Path(app.snapshot().workspace, "modules", "standard", "tax", "api.py")
    assert not file.exists()
    dialog.get_by_role("button", name="Export").click()
    dialog.get_by_text("2 files, 2 written").wait_for()
    assert "RATE = 7" in file.read_text()
    page.keyboard.press("Escape")
    page.locator(".head button[data-action=unload]").click()
    dialog.get_by_role("button", name="Unload").click()
    dialog.get_by_text("standard.tax was unloaded.").wait_for()
    assert app.modules["tax"].state == "STOPPED"


def test_both_journeys_beside_cells(open_notebook: Callable[..., Notebook]) -> None:
    """A failing cell is named with its line; run mended it is live, and then taken back."""
    start = "%load_ext modframe\nimport modframe\napp = modframe.start(data=':memory:')"
    notebook = open_notebook(start, f"%%module tax\n{TAX}", "app.inspect()")
    for index in range(3):
        notebook.run(index)
    view = notebook.cell(2).locator("[data-lm-suppress-shortcuts]").first
    view.get_by_text("Nothing needs attention.").wait_for()
    notebook.edit(1, f"%%module tax\n{TAX.replace('RATE = 19', 'RATE = nothing')}")
    notebook.run(1)
    view.locator(".attention", has_text="api.py, Cell In[4], line 3").click()
    failed = view.get_by_label("What failed")
    failed.locator(".marked", has_text="RATE = nothing").wait_for()
    failed.get_by_text("generation 1 stays live", exact=True).wait_for()
    notebook.edit(1, f"%%module tax\n{TAX.replace('19', '20')}")
    notebook.run(1)
    failed.wait_for(state="detached")
    view.locator(".head").get_by_text("generation 2").wait_for()
    view.get_by_role("tab", name="History").click()
    view.get_by_role("group", name="History").locator("tr.link").last.click()
    view.get_by_label("Generation 1").locator("button[data-action=rollback]").click()
    dialog = view.get_by_role("dialog")
    dialog.locator(".added", has_text="RATE = 19").wait_for()
    dialog.get_by_role("button", name="Roll back to generation 1").click()
    dialog.get_by_text("rollback to 1").wait_for()
    view.locator(".head").get_by_text("generation 3").wait_for()
