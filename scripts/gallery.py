"""Make the pictures of the docs: the cockpit of a bookshop, in Chromium and in JupyterLab.

Run ``python -m scripts.gallery`` in the checkout, with the extra ``test`` installed and Debian's
Chromium there. It writes ``docs/cockpit-*.png``; names of pictures limit it to those. Visitors use
the shop for five minutes first, so that the charts are full (``--seconds``).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Locator, Page, sync_playwright

import modframe
from modframe import AppContext
from modframe.source import SourceFile
from scripts import gallery_shop as shop
from tests.browser.lab import CHROMIUM, FLAGS, ROOT, jupyterlab
from tests.browser.notebook import Notebook

DOCS = ROOT / "docs"
WIDTH, HEIGHT = 1280, 800
MOST = 150_000
"""Bytes that a picture may have."""
PAUSE = 0.04
"""Seconds between the requests of the visitors."""


def main() -> None:
    """Make the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"by default all of: {', '.join(PICTURES)}")
    parser.add_argument("--seconds", type=float, default=300, help="how long visitors come first")
    arguments = parser.parse_args()
    names = arguments.names or list(PICTURES)
    with sync_playwright() as tools, tempfile.TemporaryDirectory() as folder:
        browser = tools.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        if "notebook" in names:
            in_a_notebook(browser, Path(folder, "jupyter"))
        if pages := [name for name in names if name != "notebook"]:
            on_the_page(browser, Path(folder, "bookshop"), pages, arguments.seconds)
        browser.close()


# -- the page --------------------------------------------------------------------------------------


def on_the_page(browser: Browser, workspace: Path, names: list[str], seconds: float) -> None:
    """Start the shop, let visitors come, and make pictures of its page."""
    with open_shop(workspace) as app, visitors(app.url):
        time.sleep(seconds)
        link = f"{app.url}/modframe/?token={app.serve(port=0).token}"
        for name in names:
            theme = "dark" if name.endswith("-dark") else "light"
            context = browser.new_context(
                viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=theme
            )
            page = context.new_page()
            page.goto(link)
            PICTURES[name](page)
            save(page, name)
            context.close()


@contextmanager
def open_shop(workspace: Path) -> Iterator[AppContext]:
    """Start the bookshop, with books, a history of its orders, a draft, and what fails."""
    shop.write_modules(workspace)
    with modframe.start(workspace=workspace, data=workspace / "data") as app:
        fill_catalogue(app)
        app.serve(port=0)
        for name, text in shop.CHANGED.items():
            app.load({"api.py": text}, id=name)
        for text in (*shop.ORDERS_BEFORE, shop.ORDERS, shop.ORDERS_FREE):
            app.load({"api.py": text}, id="orders")
        draft = SourceFile(shop.PRICES_DRAFT, "<cell 12>", cell="Cell In[12]")
        app.draft("prices", "api.py", draft)
        yield app


def fill_catalogue(app: AppContext) -> None:
    """Write publishers and books."""
    publishers = [{"name": name} for name in shop.PUBLISHERS]
    books = [
        {
            "title": title if copy == 0 else f"{title}, edition {copy + 1}",
            "author": author,
            "publisher_id": 1 + (number + copy) % len(publishers),
            "price": Decimal(990 + (number * 700 + copy * 300) % 3000) / 100,
            "pages": pages + copy,
            "published": date(year + copy, 1 + number % 12, 1 + copy % 28),
        }
        for copy in range(24)
        for number, (title, author, year, pages) in enumerate(shop.BOOKS)
    ]
    for table, rows in (("publishers", publishers), ("books", books)):
        app.run(app.database.insert(f"catalogue.{table}", rows))


@contextmanager
def visitors(url: str) -> Iterator[None]:
    """Send requests to the shop for as long as it is looked at."""
    enough = threading.Event()

    def visit(seed: int) -> None:
        dice = random.Random(seed)
        with httpx.Client(base_url=f"{url}/api/v1", trust_env=False) as client:
            while not enough.wait(dice.expovariate(1 / PAUSE)):
                path = dice.choice(shop.ASKED).replace("{n}", str(dice.randint(1, 240)))
                with suppress(httpx.HTTPError):
                    client.get(path)

    threads = [threading.Thread(target=visit, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        enough.set()
        for thread in threads:
            thread.join()


def show(page: Page, module: str, tab: str) -> None:
    """Open a tab."""
    page.evaluate(f"location.hash = '#/{module}/{tab}'")
    page.locator(f"[data-tab={tab}][aria-selected=true]").wait_for()


def overview(page: Page) -> None:
    """Everything: what needs attention, numbers, and what changed."""
    page.locator(".attention").first.wait_for()
    page.get_by_label("What changed lately").get_by_text("orders").first.wait_for()


def failing(page: Page) -> None:
    """The module that fails, with its line."""
    show(page, "discounts", "overview")
    page.get_by_label("What failed").locator(".source .marked").wait_for()
    page.set_viewport_size({"width": WIDTH, "height": 560})


def routes(page: Page) -> None:
    """All routes, the slowest first, and an answer of one of them."""
    show(page, "-", "routes")
    page.locator("[data-route='GET /api/v1/orders/{number}']").click()
    chosen = page.locator(".chosen-one")
    chosen.locator("[data-field='path.number']").fill("7001")
    run(chosen, "200")


def data(page: Page) -> None:
    """The rows of a table, sorted."""
    show(page, "catalogue", "data")
    page.locator("[data-table='catalogue.books']").click()
    page.get_by_role("button", name="published").click()
    page.get_by_role("columnheader", name="published").get_by_text("↑").wait_for()
    page.get_by_label("Rows of books").get_by_text("1924-").first.wait_for()
    page.set_viewport_size({"width": WIDTH, "height": 740})


def history(page: Page) -> None:
    """The plan of the way back to an earlier generation."""
    show(page, "orders", "history")
    page.get_by_role("group", name="History").locator("tr.link", has_text="2 → 3").click()
    page.get_by_label("Generation 3").locator("button[data-action=rollback]").click()
    page.get_by_role("dialog").get_by_text("orders 4 → 5").wait_for()


def run(chosen: Locator, outcome: str) -> None:
    """Press Run, and wait for what comes of it."""
    chosen.get_by_role("button", name="Run", exact=True).click()
    chosen.locator(f"[data-outcome='{outcome}']").wait_for()


# -- the notebook ----------------------------------------------------------------------------------


def in_a_notebook(browser: Browser, home: Path) -> None:
    """Make the picture of a module cell and the cockpit below it, with a method called."""
    home.mkdir()
    with jupyterlab(home) as (address, token, folder):
        page = browser.new_page(viewport={"width": WIDTH, "height": 1180})
        path = folder / "bookshop" / "orders.ipynb"
        path.parent.mkdir()
        Notebook.write(path, ["%load_ext modframe", shop.CELL, "app.inspect('orders')"])
        notebook = Notebook(page, f"{address}/lab/tree/bookshop/{path.name}?token={token}&reset")
        notebook.open()
        for index in range(3):
            notebook.run(index)
        view = notebook.cell(2).locator("[data-lm-suppress-shortcuts]").first
        view.get_by_role("button", name="Full height").click()
        view.get_by_role("tab", name="Services").click()
        view.locator("[data-method='late']").click()
        chosen = view.locator(".chosen-one")
        run(chosen, "table")
        chosen.get_by_text("1 call,").wait_for()
        page.keyboard.press("Control+b")  # closes the list of files
        notebook.cell(1).locator(".cm-content").click()
        page.locator(".jp-WindowedPanel-outer").evaluate("panel => panel.scrollTo(0, 0)")
        save(page, "notebook")


# -- files -----------------------------------------------------------------------------------------


def save(page: Page, name: str) -> None:
    """Write a picture, and end the program if it is too large."""
    page.wait_for_timeout(700)  # nothing fades in any more
    file = DOCS / f"cockpit-{name}.png"
    page.screenshot(path=file)
    size = file.stat().st_size
    sys.stdout.write(f"{file.relative_to(ROOT)}: {size:,} bytes\n")
    if size > MOST:
        sys.exit(f"{file.name} has more than {MOST:,} bytes: show less")


PICTURES: dict[str, Callable[[Page], None]] = {
    "overview": overview,
    "overview-dark": overview,
    "failing": failing,
    "routes": routes,
    "data": data,
    "history": history,
    "notebook": overview,
}


if __name__ == "__main__":
    main()
