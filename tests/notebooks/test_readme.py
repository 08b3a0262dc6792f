"""What the README shows works as it is written there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

from tests.kernels import PATIENCE, kernel
from tests.notebooks.reading import ROOT, kernel_environment

BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)


@pytest.mark.kernel
def test_the_first_cells_serve_a_route(tmp_path: Path) -> None:
    """After the first cells of the README, the address below them answers."""
    load, define, serve = BLOCKS[:3]
    with kernel(tmp_path) as shell:
        shell.run(load)
        assert shell.run(define).stdout.startswith("standard.greetings 1 · live in ")
        assert serve == "app.serve()\n"
        shell.run("server = app.serve(port=0)")
        shell.run("import httpx\napi = httpx.Client(base_url=server.url, trust_env=False)")
        answer = shell.run("api.get('/api/v1/greetings/hello').json()")
        assert answer.value == "'Hello world'"
        shell.run(define.replace("Hello", "Good morning"))
        answer = shell.run("api.get('/api/v1/greetings/hello?name=you').json()")
        assert answer.value == "'Good morning you'"


def test_the_tests_of_a_module_pass(tmp_path: Path) -> None:
    """The README's first test passes where it says that the file is."""
    text = next(block for block in BLOCKS if "def test_" in block and "%%module" not in block)
    copytree(ROOT / "modules", tmp_path / "modules")
    tests = tmp_path / "modules/standard/sensors/tests"
    tests.mkdir(exist_ok=True)
    (tests / "test_readme.py").write_text(text)
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:nbval",
            str(tests),
        ],
        cwd=tmp_path,
        env=kernel_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.kernel
def test_the_cell_with_a_test_is_a_gate(tmp_path: Path) -> None:
    """The README's test cell passes, and what it stored isn't kept."""
    (text,) = [block for block in BLOCKS if "--test\n" in block]
    copytree(ROOT / "modules", tmp_path / "modules")
    with kernel(tmp_path) as shell:
        shell.run("%load_ext modframe")
        assert "1 test passed" in shell.run(text).stdout
        assert shell.run("await app.get_service('sensors').summary()").value == "[]"
