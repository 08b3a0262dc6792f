"""Runs a notebook in a real kernel, cell by cell, with a line for each.

In comes a notebook's path; it is executed in place and saved with its outputs. Called by
``quickstart``. The kernel is this interpreter, whatever kernel specs there are.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from ..errors import ModframeError
from ..ship.fresh_process import child_environment
from .out import console, one_line, say

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SHOWN = 44
CELL_TIMEOUT = 300
"""Seconds that one cell may take."""


class ThisInterpreter(AsyncKernelManager):
    """A kernel of the Python that runs this; a kernel spec may be missing, or another's."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


async def execute(path: Path, *, workspace: Path) -> None:
    """Run a notebook with its folder as working directory, and save its outputs.

    Raises:
        ModframeError: If a cell fails; with what it said.
    """
    import nbformat

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # nbformat's
    manager = ThisInterpreter()
    client = NotebookClient(notebook, km=manager, timeout=CELL_TIMEOUT)
    # What a kernel writes on its own is shown only if it dies: it warns about its transport.
    with tempfile.TemporaryFile() as noise:
        await manager.start_kernel(
            cwd=str(path.parent), env=child_environment(workspace), stdout=noise, stderr=noise
        )
        try:
            await client.async_start_new_kernel_client()
            await _run_cells(client, notebook)
        except DeadKernelError as error:
            noise.seek(0)
            text = noise.read().decode(errors="replace").strip()
            raise ModframeError(f"the kernel died:\n{text}" if text else str(error)) from error
        finally:
            if client.kc is not None:
                client.kc.stop_channels()
            await manager.shutdown_kernel()
            nbformat.write(notebook, path)  # type: ignore[no-untyped-call]  # nbformat's


async def _run_cells(client: NotebookClient, notebook: Any) -> None:
    cells = [
        (index, cell)
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and cell.source.strip()
    ]
    for number, (index, cell) in enumerate(cells, 1):
        title = _title(cell.source)
        begun = time.perf_counter()
        try:
            with _busy(f"[{number}/{len(cells)}] {title}"):
                await client.async_execute_cell(cell, index)
        except (CellExecutionError, TimeoutError) as error:
            raise ModframeError(
                f"cell {number} of {len(cells)} failed ({title}):\n{_reason(cell, error)}",
                cure="",
                cell=number,
            ) from error
        took = time.perf_counter() - begun
        said = _said(cell)
        width = len(str(len(cells)))
        say(
            f"[{number:>{width}}/{len(cells)}] {title.ljust(_SHOWN)} {took:5.1f} s  {said}".rstrip()
        )


def _busy(text: str) -> Any:
    return console().status(text) if sys.stdout.isatty() else nullcontext()


def _title(source: str) -> str:
    first = next(line for line in source.splitlines() if line.strip())
    return one_line(first)[:_SHOWN]


def _said(cell: Any) -> str:
    """The last line that a cell printed, such as what went live."""
    texts = [one.get("text", "") for one in cell.outputs if one.output_type == "stream"]
    lines = _ANSI.sub("", "".join(texts)).strip().splitlines()
    return one_line(lines[-1]) if lines else ""


def _reason(cell: Any, error: BaseException) -> str:
    for output in cell.outputs:
        if output.output_type == "error":
            return _ANSI.sub("", "\n".join(output.traceback)) or f"{output.ename}: {output.evalue}"
    return str(error)
