"""The notebooks run: their saved outputs are reproduced, and each kernel reply is checked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import modframe.notebook
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


def nbval(path: Path, workspace: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a notebook's cells as tests; one whose reply isn't as its tags say fails too."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "nbval", "-p", "tests.notebooks.replies"),
            *("--nbval-current-env", *words, path),
        ],
        cwd=ROOT,
        env=kernel_environment(workspace),
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
    )


@each
def test_saved_outputs_are_what_the_cells_give(path: Path, tmp_path: Path) -> None:
    """In an empty workspace; only the announced cells fail."""
    process = nbval(path, tmp_path, "--nbval", "--nbval-sanitize-with", SANITIZE)
    assert process.returncode == 0, process.stdout + process.stderr
    assert files_below(tmp_path / "modules") == module_files(path)


@pytest.mark.soak
@each
def test_every_reply_is_as_announced_again_and_again(path: Path, tmp_path: Path) -> None:
    """Only the announced cells fail, in an empty workspace and in the one they leave."""
    for _ in range(2):
        process = nbval(path, tmp_path, "--nbval-lax")
        assert process.returncode == 0, process.stdout + process.stderr
        assert files_below(tmp_path / "modules") == module_files(path)


def test_the_gate_sees_what_nbval_lets_pass(tmp_path: Path) -> None:
    """Unknown magics, failures below them and expected failures that don't come are found."""
    notebook = nbformat.v4.new_notebook()
    for name, text, tags in (
        ("magic", "%no_such_magic\nraise ValueError", []),
        ("passes", "1", [FAILS]),
        ("expected", "1 / 0", [FAILS]),
    ):
        cell = nbformat.v4.new_code_cell(text, id=name, metadata={"tags": tags})
        notebook.cells.append(cell)
    nbformat.write(notebook, tmp_path / "gate.ipynb")
    process = nbval(tmp_path / "gate.ipynb", tmp_path, "--nbval-lax")
    found = re.findall(r"^pytest plugin exception: (.*)", process.stdout, re.M)
    assert sorted(found) == [
        "magic fails: UsageError: Line magic function `%no_such_magic` not found.",
        "passes is there to fail, and doesn't",
    ]
