"""A real JupyterLab in headless Chromium: `open_notebook` gives a `Notebook` to drive."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.browser.lab import CHROMIUM, FLAGS, PATIENCE, jupyterlab
from tests.browser.notebook import Notebook

OpenNotebook = Callable[..., Notebook]


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """Start a JupyterLab server, and return its address, its token and its folder."""
    pytest.importorskip("jupyterlab", reason="JupyterLab isn't installed")
    with jupyterlab(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


def _end_kernels(address: str, token: str) -> None:
    def ask(path: str, method: str = "GET") -> bytes:
        headers = {"Authorization": f"token {token}"}
        asked = Request(f"{address}/api/{path}", method=method, headers=headers)
        with urlopen(asked, timeout=30) as answer:
            return bytes(answer.read())

    for session in json.loads(ask("sessions")):
        ask(f"sessions/{session['id']}", "DELETE")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start a headless Chromium; Playwright then marks a loop as running in this thread."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    playwright.expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the last picture of a test goes: into ``$PICTURES``, if there is such a folder."""
    return Path(os.environ.get("PICTURES") or tmp_path) / f"{request.node.name}.png"


@pytest.fixture
def open_notebook(
    jupyter: tuple[str, str, Path],
    chromium: Any,
    request: pytest.FixtureRequest,
    picture: Path,
) -> Iterator[OpenNotebook]:
    """Open a notebook with these cells in its own page."""
    address, token, folder = jupyter
    name = f"{request.node.name}.ipynb"
    context = chromium.new_context(viewport={"width": 1280, "height": 1400})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)

    def open_notebook(*cells: str, dark: bool = False) -> Notebook:
        Notebook.write(folder / name, cells)
        notebook = Notebook(page, f"{address}/lab/tree/{name}?token={token}&reset")
        notebook.open(dark=dark)
        return notebook

    yield open_notebook
    page.screenshot(path=picture)
    context.close()
    _end_kernels(address, token)
