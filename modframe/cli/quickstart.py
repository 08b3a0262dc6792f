"""``modframe quickstart``: run the first notebook in a kernel, then serve the module it built.

In comes nothing but a port; out go a line for each cell, a server, and what to try. Everything
that is kept lies in ``data/quickstart/`` below the workspace, a workspace of its own.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from ..app import AppContext
from ..errors import ModframeError
from ..server import ServeError, Server, bind
from ..source import find_modules
from ..source.workspace import data_folder, find_workspace
from .execute import execute
from .out import say
from .playground import Playground
from .requests import ask_each, requests_of
from .serve import Serving, serve

NOTEBOOK = "01_quickstart.ipynb"
_HOST = "127.0.0.1"
_PORTS = 50


def quickstart(*, once: bool = False, port: int = 8000, notebook: Path | None = None) -> int:
    """Run the notebook, then serve what it exported; the exit status.

    Args:
        once: Whether to ask each route once and end.
        port: The first port to try.
        notebook: The notebook, by default the one that comes with modframe.

    Raises:
        ModframeError: If a cell fails, or nothing was exported.
    """
    original = notebook or _notebook()
    workspace = find_workspace()
    data = data_folder(None, workspace) or workspace / "data"
    with Playground.claim(data, original) as playground:
        for line in playground.notes:
            say(line)
        say(f"running {playground.notebook} in a kernel")
        asyncio.run(execute(playground.notebook, workspace=playground.folder))
        modules = find_modules(playground.folder / "modules")
        if not modules:
            raise ModframeError(
                f"{playground.notebook.name} ran, and exported no module",
                cure="its last cells export: module.export()",
            )
        with _own_data():
            free = free_port(port)
            if free != port:
                say(f"port {port} is taken, so this serves on {free}")

            async def afterwards(app: AppContext, server: Server) -> int:
                if once:
                    return await ask_each(requests_of(app), server.url)
                _tell(app, server, playground.notebook)
                await asyncio.Event().wait()
                return 0

            return serve(Serving(playground.folder, _HOST, free), afterwards=afterwards)


def _notebook() -> Path:
    """The notebook: from the checkout, else from the wheel."""
    package = Path(__file__).parents[1]
    places = (package.parent / "notebooks" / NOTEBOOK, package / "_data" / "notebooks" / NOTEBOOK)
    for path in places:
        if path.is_file():
            return path
    raise ModframeError(
        f"{NOTEBOOK} is in neither of {', '.join(map(str, places))}",
        cure="install modframe again",
    )


@contextmanager
def _own_data() -> Iterator[None]:
    """Let the server keep its data in its workspace, whatever MODFRAME_DATA says."""
    before = os.environ.pop("MODFRAME_DATA", None)
    try:
        yield
    finally:
        if before is not None:
            os.environ["MODFRAME_DATA"] = before


def free_port(first: int) -> int:
    """The first free port from here on, else any that is free."""
    for port in range(first, min(first + _PORTS, 65536)):
        try:
            bind(_HOST, port).close()
        except ServeError:
            continue
        return port
    with socket.socket() as any_port:
        any_port.bind((_HOST, 0))
        return int(any_port.getsockname()[1])


def _tell(app: AppContext, server: Server, notebook: Path) -> None:
    say("try:")
    for request in requests_of(app):
        say(f"  {request.curl(server.url)}")
    say(f"  {server.url}/docs in a browser")
    lab = [sys.executable, "-m", "jupyterlab", str(notebook)]
    if find_spec("jupyterlab") is None:
        say("open the notebook in JupyterLab (pip install 'modframe[notebooks]' first):")
    else:
        say("open the notebook in JupyterLab:")
    say(f"  {shlex.join(lab)}")
