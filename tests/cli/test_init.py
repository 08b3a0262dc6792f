"""``modframe init``: a workspace in which every command of the module development guide works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import nbformat
import pytest
from nbclient import NotebookClient

from tests.cli.conftest import ROOT, Shell


@pytest.fixture
def workspace(shell: Shell) -> Path:
    done = shell.run("init", "shop")
    assert done.returncode == 0, done.stderr
    return shell.folder / "shop"


def run(workspace: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the workspace from another folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, str(workspace / words[0]), *words[1:]],
        cwd="/", env=environment, text=True, capture_output=True, timeout=90, check=False,
    )  # fmt: skip


def test_the_guides_commands_work_as_printed(shell: Shell, workspace: Path) -> None:
    """Scaffold and compliance by their scripts; then its requests, against a server."""
    features = "database,api,settings"
    written = run(
        workspace, "tools/scaffold_module.py", "--name", "my_module", "--type", "standard",
        "--features", features,
    )  # fmt: skip
    assert written.returncode == 0, written.stderr
    assert (workspace / "modules/standard/my_module/api.py").is_file()
    checked = run(
        workspace, "tools/compliance/compliance.py", "validate", "--module", "standard.my_module"
    )
    assert (checked.returncode, checked.stdout) == (0, "standard.my_module: complies\n")
    server = shell.begin("serve", "--port", "0", "--workspace", str(workspace))
    url = server.url()
    assert httpx.get(f"{url}/api/v1/my_module/status").json()["status"] == "active"
    made = httpx.post(f"{url}/api/v1/my_module/records", json={"name": "test record"})
    assert made.json()["name"] == "test record"
    assert server.end(signal.SIGTERM) == 0
    assert "standard.my_module" in (workspace / "data/logs/app.log").read_text()


def test_what_is_there_stays(shell: Shell, workspace: Path) -> None:
    """A second time writes what is missing, and names what it left alone."""
    (workspace / "app.py").write_text("mine = True\n")
    (workspace / ".gitignore").unlink()
    done = shell.run("init", "shop", "--format", "json")
    facts = json.loads(done.stdout)
    assert facts["written"] == [".gitignore"]
    assert "app.py" in facts["kept"]
    assert (workspace / "app.py").read_text() == "mine = True\n"


def test_the_next_commands_can_be_pasted(shell: Shell) -> None:
    """Also if the folder's name has a space."""
    done = shell.run("init", "my shop")
    assert "  cd 'my shop'\n" in done.stdout


def test_a_folder_that_is_a_file(shell: Shell) -> None:
    """It is refused with the reason."""
    (shell.folder / "shop").write_text("")
    done = shell.run("init", "shop")
    assert done.returncode == 1
    assert "can't be made a workspace" in done.stderr
    assert "name a folder" in done.stderr.lower()


@pytest.mark.kernel
def test_its_notebook_runs(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its first cell to its last, in a fresh kernel, and it leaves no files behind."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    path = workspace / "notebooks/first_module.ipynb"
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=90, resources={"metadata": {"path": path.parent}}).execute()
    texts = json.dumps(notebook)
    assert "Hello Ada, you are number 1." in texts
    assert "Hello Grace, you are number 2." in texts
    assert list((workspace / "modules/standard").iterdir()) == []
