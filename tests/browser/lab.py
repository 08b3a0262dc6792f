"""`jupyterlab`: a JupyterLab server of its own, for the browser tests and the pictures of the docs.

Everything stands in the folder that it is given: Jupyter's configuration, its runtime files, the
kernelspec (this very Python, with this checkout on its path) and the notebooks.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).parents[2]
PATIENCE = 60_000
"""Milliseconds that a page may take for a step; on a busy machine it needs many."""
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def jupyterlab(home: Path) -> Iterator[tuple[str, str, Path]]:
    """Start a JupyterLab server, and give its address, its token and its folder."""
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
            address = f"{parts.scheme}://{parts.netloc}"
            # It prints the address before it listens there.
            with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
                client.get(f"{address}/api", timeout=30)
            return address
    message = f"JupyterLab did not start: {''.join(lines)}"
    raise RuntimeError(message)
