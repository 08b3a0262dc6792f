"""``modframe quickstart``: run the first notebook in a kernel, then serve the module it built.

In comes a port; out go a line for each cell, a server, and requests to try. Everything that is kept
lies in ``data/quickstart/`` below the workspace, a workspace of its own (the playground).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import nbformat
import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from ..errors import ModframeError, WorkspaceError
from ..files import make_folder
from ..server import ServeError, Server, bind
from ..ship.fresh_process import child_environment
from ..source import find_modules
from ..source.workspace import data_folder, find_workspace
from .example_requests import fetch_examples, send_examples
from .out import console, one_line, say
from .serve import Serving, serve, until_stopped

NOTEBOOK = "01_quickstart.ipynb"
CELL_TIMEOUT = 300
"""Seconds that one cell may take."""
_HOST = "127.0.0.1"
_PORTS_TRIED = 50
_TITLE_WIDTH = 44
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PID_FILE = ".quickstart.pid"
_PROJECT_FILE = """\
# Written by `modframe quickstart`: this folder is a workspace of its own, made anew each time.
[tool.modframe]
"""


def quickstart(*, once: bool = False, port: int = 8000, notebook: Path | None = None) -> int:
    """Run the notebook, then serve what it exported; return the exit status.

    Under ``once`` it sends each example request once and ends. ``port`` is the first to try.

    Raises:
        ModframeError: If a cell fails, or nothing was exported.
    """
    original = notebook or _notebook()
    workspace = find_workspace()
    data = data_folder(None, workspace) or workspace / "data"
    with _playground(data, original) as copy:
        say(f"running {copy} in a kernel")
        asyncio.run(_run_notebook(copy))
        if not find_modules(copy.parent / "modules"):
            raise ModframeError(
                f"{copy.name} ran, and exported no module",
                cure="its last cells export: module.export()",
            )
        free = free_port(port)
        if free != port:
            say(f"port {port} is taken, so this serves on {free or 'another one'}")

        async def once_served(server: Server) -> int:
            if once:
                return await send_examples(server.url)
            await _print_suggestions(server, copy)
            return await until_stopped(server)

        # Its data stay in the playground, whatever MODFRAME_DATA says.
        serving = Serving(copy.parent, _HOST, free, data=copy.parent / "data")
        return serve(serving, once_served=once_served)


def _notebook() -> Path:
    """Return the path of the notebook: in the checkout, else in the installed wheel."""
    package = Path(__file__).parents[1]
    places = (package.parent / "notebooks" / NOTEBOOK, package / "_data" / "notebooks" / NOTEBOOK)
    for path in places:
        if path.is_file():
            return path
    raise ModframeError(
        f"{NOTEBOOK} is in neither of {', '.join(map(str, places))}",
        cure="install modframe again",
    )


def free_port(first: int) -> int:
    """Return the first free port of those from ``first`` on; 0 if many are taken."""
    for port in range(first, min(first + _PORTS_TRIED, 65536)):
        with suppress(ServeError):
            bind(_HOST, port).close()
            return port
    return 0


async def _print_suggestions(server: Server, notebook: Path) -> None:
    say("try:")
    for request in await fetch_examples(server.url):
        say(f"  {request.curl(server.url)}")
    say(f"  {server.url}/docs in a browser")
    first = "" if find_spec("jupyterlab") else " (pip install 'modframe[notebooks]' first)"
    say(f"open the notebook in JupyterLab{first}:")
    say(f"  {shlex.join([sys.executable, '-m', 'jupyterlab', str(notebook)])}")


# -- the playground ----------------------------------------------------------------------------


@contextmanager
def _playground(data: Path, original: Path) -> Iterator[Path]:
    """Make a fresh workspace below ``data`` with a copy of the notebook, and hold it until the end.

    A folder is skipped if someone changed the copy in it, or if another quickstart uses it.

    Yields:
        The path of the copy; its folder is the workspace.

    Raises:
        WorkspaceError: If the folder can't be written.
    """
    for number in count(1):
        folder = data / ("quickstart" if number == 1 else f"quickstart-{number}")
        try:
            if reason := _reason_to_keep(folder, original):
                say(f"{folder} is left alone: {reason}")
                continue
            if not _claim(folder):
                continue
            copy = _fill(folder, original)
        except OSError as error:
            raise WorkspaceError(
                f"{folder} can't be written: {error}",
                cure="run it in a folder of yours, or set MODFRAME_DATA to one",
            ) from error
        try:
            yield copy
        finally:
            (folder / _PID_FILE).unlink(missing_ok=True)
        return


def _reason_to_keep(folder: Path, original: Path) -> str:
    """Return why a folder must stay as it is; empty if it can be made anew."""
    if not folder.exists() or all(entry.name == _PID_FILE for entry in folder.iterdir()):
        return ""
    if not (folder / "pyproject.toml").is_file():
        return "it isn't a quickstart's"
    if pid := _holder(folder):
        return f"the quickstart with pid {pid} is using it"
    copy = folder / original.name
    if copy.is_file() and _sources(copy) != _sources(original):
        return "its notebook was changed"
    return ""


def _holder(folder: Path) -> int:
    """Return the id of the living process that uses a folder; 0 if there is none."""
    try:
        pid = int((folder / _PID_FILE).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0
    return pid if pid != os.getpid() and psutil.pid_exists(pid) else 0


def _claim(folder: Path) -> bool:
    """Write this process's id into a folder; return whether no other process was faster."""
    make_folder(folder)
    if not _holder(folder):
        (folder / _PID_FILE).unlink(missing_ok=True)
    try:
        with (folder / _PID_FILE).open("x", encoding="ascii") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


def _fill(folder: Path, original: Path) -> Path:
    """Empty a claimed folder, make it a workspace, and copy the notebook into it."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != _PID_FILE:
            entry.unlink()
    (folder / "pyproject.toml").write_text(_PROJECT_FILE, encoding="utf-8")
    return Path(shutil.copyfile(original, folder / original.name))


def _sources(path: Path) -> list[str]:
    """Return the texts of a notebook's cells; empty if the file isn't a notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return []


# -- the notebook ------------------------------------------------------------------------------


class ThisInterpreter(AsyncKernelManager):
    """A kernel of the Python that runs this; a kernel spec may be missing, or another's."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


async def _run_notebook(path: Path) -> None:
    """Run a notebook in its folder, print a line for each cell, and save it with its outputs.

    Raises:
        ModframeError: If a cell fails, or the kernel dies; with what it printed.
        KeyboardInterrupt: If a signal came; the kernel has ended by then.
    """
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # nbformat's
    progress = _Progress(notebook)
    client = NotebookClient(
        notebook,
        kernel_manager_class=ThisInterpreter,
        timeout=CELL_TIMEOUT,
        on_notebook_start=progress.stop_on_signals,
        on_cell_execute=progress.begin,
        on_cell_executed=progress.end,
    )
    # What a kernel writes on its own is shown only if it dies: it warns about its transport.
    with tempfile.TemporaryFile() as noise:
        try:
            await client.async_execute(
                cwd=str(path.parent),
                env=child_environment(path.parent),
                stdout=noise,
                stderr=noise,
            )
        except asyncio.CancelledError:  # only a signal cancels it
            raise KeyboardInterrupt from None
        except DeadKernelError as error:
            if progress.interrupted:  # nbclient takes a cancellation for a kernel that died
                raise KeyboardInterrupt from None
            noise.seek(0)
            text = noise.read().decode(errors="replace").strip()
            raise ModframeError(f"the kernel died:\n{text}" if text else str(error)) from error
        except (CellExecutionError, TimeoutError) as error:
            raise progress.failure(error) from error
        finally:
            progress.status.__exit__(None, None, None)
            nbformat.write(notebook, path)  # type: ignore[no-untyped-call]  # nbformat's


class _Progress:
    """Prints a line for each cell that ran; its methods are nbclient's hooks."""

    def __init__(self, notebook: Any) -> None:
        self._cells = [
            cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()
        ]
        self._number = 0
        self._begun = 0.0
        self._title = ""
        self.status: Any = nullcontext()
        self.interrupted = False

    def stop_on_signals(self, notebook: Any) -> None:
        """Cancel the run on Ctrl-C; nbclient would end the kernel and go on waiting for it."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def interrupt() -> None:
            self.interrupted = True
            if task is not None:
                task.cancel()

        with suppress(NotImplementedError):  # on Windows Ctrl-C raises KeyboardInterrupt itself
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, interrupt)

    def begin(self, cell: Any, cell_index: int) -> None:
        """Note that a cell begins; on a terminal, show which."""
        self._number += 1
        self._begun = time.perf_counter()
        self._title = one_line(cell.source.strip().splitlines()[0])[:_TITLE_WIDTH]
        if sys.stdout.isatty():
            self.status = console().status(f"[{self._number}/{len(self._cells)}] {self._title}")
        self.status.__enter__()

    def end(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        """Print the cell's number, title, seconds and last printed line, if it did not fail."""
        self.status.__exit__(None, None, None)
        if execute_reply["content"]["status"] != "ok":
            return
        took = time.perf_counter() - self._begun
        total = len(self._cells)
        place = f"[{self._number:>{len(str(total))}}/{total}]"
        title = self._title.ljust(_TITLE_WIDTH)
        say(f"{place} {title} {took:5.1f} s  {_last_line(cell)}".rstrip())

    def failure(self, error: BaseException) -> ModframeError:
        """Return the error of the cell that ran last, with its traceback."""
        cell = self._cells[self._number - 1]
        reason = str(error)
        for output in cell.outputs:
            if output.output_type == "error":
                traceback = _ANSI.sub("", "\n".join(output.traceback))
                reason = traceback or f"{output.ename}: {output.evalue}"
        return ModframeError(
            f"cell {self._number} of {len(self._cells)} failed ({self._title}):\n{reason}",
            cell=self._number,
        )


def _last_line(cell: Any) -> str:
    """Return the last line that a cell printed, such as what went live."""
    texts = [output.get("text", "") for output in cell.outputs if output.output_type == "stream"]
    lines = _ANSI.sub("", "".join(texts)).strip().splitlines()
    return one_line(lines[-1]) if lines else ""
