"""The notebooks run: their saved outputs are reproduced, and each kernel reply is checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import modframe.notebook
from modframe.cli.quickstart import ThisInterpreter
from tests.kernels import PATIENCE
from tests.notebooks.reading import (
    FAILS,
    NOTEBOOKS,
    ROOT,
    files_below,
    kernel_environment,
    module_files,
)

pytestmark = [pytest.mark.notebook, pytest.mark.kernel]
SANITIZE = Path(modframe.notebook.__file__).with_name("nbval_sanitize.cfg")
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


async def replies(notebook: Any, workspace: Path) -> list[tuple[Any, dict[str, Any]]]:
    """Run each code cell, failing ones included, and return it with the kernel's reply."""
    results = []

    def note(cell: Any, cell_index: int, execute_reply: Any) -> None:
        results.append((cell, execute_reply["content"]))

    client = NotebookClient(
        notebook,
        km=ThisInterpreter(),
        timeout=PATIENCE,
        allow_errors=True,
        on_cell_executed=note,
        resources={"metadata": {"path": str(ROOT / "notebooks")}},
    )
    # It is told to end the kernel too, which it does by itself only for a manager of its own.
    await client.async_execute(cleanup_kc=True, env=kernel_environment(workspace))
    return results


async def faults(notebook: Any, workspace: Path) -> list[str]:
    """Return the cells that fail without being expected to, or the other way round."""
    messages = []
    for cell, reply in await replies(notebook, workspace):
        fails, shall_fail = reply["status"] != "ok", FAILS in cell.metadata.get("tags", ())
        if fails and not shall_fail:
            messages.append(f"{cell['id']} fails: {reply.get('ename')}: {reply.get('evalue')}")
        elif shall_fail and not fails:
            messages.append(f"{cell['id']} is there to fail, and doesn't")
    return messages


@each
async def test_saved_outputs_are_what_the_cells_give(path: Path, tmp_path: Path) -> None:
    """nbval passes in an empty workspace; in the one it leaves, only the announced cells fail."""
    words = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", SANITIZE]
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, path],
        cwd=ROOT,
        env=kernel_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert files_below(tmp_path / "modules") == module_files(path)
    assert await faults(nbformat.read(path, as_version=4), tmp_path) == []
    assert files_below(tmp_path / "modules") == module_files(path)


@pytest.mark.soak
@each
async def test_every_reply_is_as_announced_again_and_again(path: Path, tmp_path: Path) -> None:
    """Only the announced cells fail, in an empty workspace and in the one they leave."""
    for _ in range(2):
        notebook = nbformat.read(path, as_version=4)
        assert await faults(notebook, tmp_path) == []
        assert files_below(tmp_path / "modules") == module_files(path)


async def test_the_gate_sees_what_nbval_lets_pass(tmp_path: Path) -> None:
    """Unknown magics, failures below them and expected failures that don't come are found."""
    notebook = nbformat.v4.new_notebook()
    for name, text, tags in (
        ("magic", "%no_such_magic\nraise ValueError", []),
        ("passes", "1", [FAILS]),
        ("expected", "1 / 0", [FAILS]),
    ):
        cell = nbformat.v4.new_code_cell(text, id=name, metadata={"tags": tags})
        notebook.cells.append(cell)
    refused = await faults(notebook, tmp_path)
    assert [message.split()[0] for message in refused] == ["magic", "passes"]
