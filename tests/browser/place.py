"""`Place`: a cockpit, on the page or below a cell of a notebook, as a person uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import wait_for


@dataclass(frozen=True)
class Place:
    """Where the cockpit is.

    Args:
        page: Playwright's page. ``root``: the element that the cockpit is put into.
        ask: Returns what an expression about ``app`` is worth.
        workspace: The app's folder.
        expect: Playwright's.
    """

    page: Any
    root: Any
    ask: Callable[[str], Any]
    workspace: Path
    expect: Any

    @property
    def panel(self) -> Any:
        """What a tab shows."""
        return self.root.get_by_role("tabpanel")

    @property
    def dialog(self) -> Any:
        return self.root.get_by_role("dialog")

    @property
    def chosen(self) -> Any:
        """The method or route that is chosen."""
        return self.root.locator(".chosen-one")

    def show(self, module: str, tab: str = "overview") -> None:
        """Choose a module, or "" for everything, and then a tab of it."""
        own = f"standard.{module}" if module else ""
        item = self.root.locator(f".item[data-module='{own}']")
        item.click()
        self.expect(item).to_have_attribute("aria-selected", "true")
        # Until the facts of the module are there, its tabs may move, and a click go beside one.
        self.expect(self.panel.get_by_text("Loading …", exact=True)).to_have_count(0)
        self.root.locator(f"[role=tab][data-tab={tab}]").click()
        self.is_at(tab)

    def is_at(self, tab: str) -> None:
        """Wait until a tab is shown."""
        self.root.locator(f"[role=tab][data-tab={tab}][aria-selected=true]").wait_for()

    def press(self, name: str, *, inside: Any = None) -> None:
        """Press a button."""
        (inside or self.panel).get_by_role("button", name=name, exact=True).first.click()

    def answer(self, name: str, said: str) -> None:
        """Press a button of the dialog, wait for what it says then, and close it."""
        self.press(name, inside=self.dialog)
        self.dialog.get_by_role("button", name="Close", exact=True).wait_for()
        self.sees(said, inside=self.dialog)
        self.close("Close")

    def close(self, name: str) -> None:
        """Close the dialog."""
        self.press(name, inside=self.dialog)
        self.expect(self.dialog).to_have_count(0)

    def sees(self, text: str | re.Pattern[str], *, inside: Any = None) -> None:
        """Wait for a text."""
        self.expect(inside or self.panel).to_contain_text(text)

    def row(self, text: str) -> Any:
        """Return the row of a table that has a text in a cell."""
        cell = self.page.get_by_role("cell", name=text, exact=True)
        return self.panel.get_by_role("row").filter(has=cell).first

    def sort(self) -> None:
        """Press the first head of the first table."""
        head = self.panel.locator("th").first
        head.get_by_role("button").click()
        self.expect(head).to_have_attribute("aria-sort", re.compile("ending"))

    def follow(self) -> None:
        """Press the first link to a module: it opens that module at the same tab, or its overview."""
        module = self.panel.locator("a[data-module]").first.get_attribute("data-module")
        self.panel.locator(f"a[data-module='{module}']").first.click()
        item = self.root.locator(f".item[data-module='{module}']")
        self.expect(item).to_have_attribute("aria-selected", "true")

    def leave(self, address: str, *, inside: Any) -> None:
        """Press an address: it opens in a page of its own."""
        with self.page.context.expect_page() as opened:
            inside.locator(f"a[href^='{address}']").first.click()
        opened.value.close()

    def copies(self, text: str, *, inside: Any, name: str = "Copy") -> None:
        """Press a button that copies, and wait until the clipboard has a text."""
        self.press(name, inside=inside)
        wait_for(lambda: text in self.page.evaluate("navigator.clipboard.readText()"))
