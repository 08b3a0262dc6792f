"""`cockpit_page`: the cockpit of a served app in a page of Chromium, for the browser tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modframe import AppContext
from tests.browser.lab import PATIENCE

TOKEN = "the-token-of-a-test"
"""What the tests serve their apps with."""
_TELL = "addEventListener('securitypolicyviolation', (event) => console.error(event.blockedURI))"


@contextmanager
def cockpit_page(
    chromium: Any, app: AppContext, place: str = "", *, picture: Path | None = None
) -> Iterator[Any]:
    """Open the page at a place, such as ``#/shop/data``; no script of it may fail.

    Args:
        picture: Where its last picture goes.

    Yields:
        The page; its ``faults`` are what its scripts, its policy and its console complain about.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.faults = faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: line.type in {"error", "warning"} and faults.append(line.text))
    page.add_init_script(_TELL)
    page.goto(f"{app.url}/modframe/?token={TOKEN}{place}")
    try:
        yield page
    finally:
        if picture is not None:
            page.screenshot(path=picture)
        context.close()
    assert faults == []
