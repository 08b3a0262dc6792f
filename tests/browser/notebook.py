"""`Notebook`: one notebook in JupyterLab, as a person uses it; for the browser tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Notebook:
    """A notebook in a page.

    Args:
        page: Playwright's page.
        url: Where JupyterLab shows the notebook.
    """

    def __init__(self, page: Any, url: str) -> None:
        self.page, self._url = page, url

    @staticmethod
    def write(path: Path, cells: Sequence[str]) -> None:
        """Write the notebook's file."""
        made = [
            {
                "cell_type": "code",
                "id": f"cell-{index}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": text,
            }
            for index, text in enumerate(cells)
        ]
        spec = {"display_name": "Python", "language": "python", "name": "python3"}
        path.write_text(
            json.dumps(
                {
                    "cells": made,
                    "metadata": {"kernelspec": spec},
                    "nbformat": 4,
                    "nbformat_minor": 5,
                }
            )
        )

    def open(self, *, dark: bool = False) -> None:
        """Load the page and wait for an idle kernel."""
        self.page.goto(self._url)
        self.page.wait_for_selector(".jp-Notebook .jp-Cell .cm-content")
        # The notebook's own indicator says "idle" before there is a kernel.
        self.page.get_by_text("Python | Idle").wait_for()
        if dark:
            self.turn_dark()

    def turn_dark(self) -> None:
        """Choose JupyterLab's dark theme in its menu."""
        self.page.get_by_role("menuitem", name="Settings", exact=True).click()
        self.page.locator(".lm-Menu-itemLabel", has_text="Theme").first.hover()
        self.page.get_by_role("menuitem", name="JupyterLab Dark", exact=True).click()
        self.page.wait_for_selector('body[data-jp-theme-light="false"]', state="attached")

    def cell(self, index: int) -> Any:
        """Return the cell with this number."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def start(self, index: int) -> None:
        """Run a cell without waiting for its end."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def edit(self, index: int, text: str) -> None:
        """Replace the text of a cell."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def run(self, index: int) -> None:
        """Run a cell and wait for its end."""
        before = self.prompt(index)
        self.start(index)
        self.page.wait_for_function(
            "([index, before]) => { const prompt = document.querySelectorAll("
            "'.jp-Notebook .jp-Cell .jp-InputPrompt')[index].textContent;"
            " return prompt !== before && /\\d/.test(prompt); }",
            arg=[index, before],
        )

    def prompt(self, index: int) -> str:
        """Return ``[3]:``, or ``[*]:`` while the cell runs."""
        return str(self.cell(index).locator(".jp-InputPrompt").text_content())

    def output(self, index: int) -> str:
        """Return the text below a cell."""
        areas = self.cell(index).locator(".jp-OutputArea-output")
        return "\n".join(areas.all_inner_texts()).strip()

    def see(self, index: int, text: str) -> None:
        """Wait until a text is visible below a cell."""
        self.cell(index).locator(".jp-OutputArea-output").get_by_text(text).first.wait_for()
