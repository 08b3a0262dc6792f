"""A real JupyterLab in headless Chromium: `open_notebook` gives a `Notebook` to drive.

Everything stands in a temporary folder: Jupyter's configuration, its runtime files, the kernelspec
(this very Python, with this checkout on its path) and the notebooks.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.browser.notebook import Notebook

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OpenNotebook = Callable[..., Notebook]


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """Start a JupyterLab server, and return its address, its token and its folder."""
    pytest.importorskip("jupyterlab", reason="JupyterLab isn't installed")
    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "root"
    folder.mkdir()
    spec = home / "share" / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    env = {"PYTHONPATH": str(ROOT)}
    spec.joinpath("kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Python", "language": "python", "env": env})
    )
    settings = home / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    settings.joinpath("notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    token = secrets.token_hex(8)
    options = {
        "ServerApp.root_dir": str(folder),
        "IdentityProvider.token": token,
        "ServerApp.port": "0",
        "ServerApp.open_browser": "False",
    }
    variables = {
        **os.environ,
        **{f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "RUNTIME")},
        "JUPYTER_DATA_DIR": str(home / "share"),
        "JUPYTER_PREFER_ENV_PATH": "0",
        "IPYTHONDIR": str(home / "ipython"),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser"]
        + [f"--{name}={value}" for name, value in options.items()],
        cwd=folder,
        env=variables,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            yield _address(server), token, folder
        finally:
            server.terminate()


def _address(server: subprocess.Popen[str]) -> str:
    """Return the address from the server's output; the rest of the output is drained."""
    lines = []
    for line in server.stderr or ():
        lines.append(line)
        if "http://" in line and "/lab" in line:
            parts = urlsplit(line.split()[-1])
            threading.Thread(target=(server.stderr or sys.stdin).read, daemon=True).start()
            return f"{parts.scheme}://{parts.netloc}"
    pytest.fail(f"JupyterLab did not start: {''.join(lines)}")


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
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_notebook(
    jupyter: tuple[str, str, Path],
    chromium: Any,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Iterator[OpenNotebook]:
    """Open a notebook with these cells in its own page; its last picture is `page.png`."""
    address, token, folder = jupyter
    name = f"{request.node.name}.ipynb"
    context = chromium.new_context(viewport={"width": 1280, "height": 1400})
    page = context.new_page()
    page.set_default_timeout(30_000)

    def open_notebook(*cells: str, dark: bool = False) -> Notebook:
        Notebook.write(folder / name, cells)
        notebook = Notebook(page, f"{address}/lab/tree/{name}?token={token}&reset")
        notebook.open(dark=dark)
        return notebook

    yield open_notebook
    page.screenshot(path=tmp_path / "page.png")
    context.close()
    _end_kernels(address, token)
