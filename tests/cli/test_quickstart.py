"""``modframe quickstart``: a real kernel, a real server, and nothing left outside ``data/``."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import nbformat
import psutil
import pytest

from tests.cli.conftest import Running, Shell
from tests.ports import free_port

STOCK = '''\
%%module stock
from modframe.decorators import module
from fastapi import APIRouter
from pydantic import BaseModel, Field

router = APIRouter()
ITEMS = []


class Item(BaseModel):
    name: str = Field(min_length=1, examples=["tea"])
    count: int = Field(ge=2, examples=[2])


@router.get("/items")
async def items():
    return ITEMS


@router.post("/items", status_code=201)
async def add(item: Item):
    ITEMS.append(item.model_dump())
    return item


@router.get("/items/{name}")
async def one(name: str):
    return name


@module
class Stock:
    """What is there."""

    def total(self) -> int:
        return len(ITEMS)
'''
CELLS = ("%load_ext modframe", STOCK, "await app.get_service('stock').total()")
EXPORTS = "report = app.modules['stock'].export()\nprint(len(report.paths), 'file')"

pytestmark = [pytest.mark.kernel, pytest.mark.notebook]


def stand_in(path: Path, *cells: str) -> Path:
    """A notebook with these code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    path.write_text(nbformat.writes(notebook))
    return path


def begin(shell: Shell, notebook: Path, *, once: bool = False, port: int = 0) -> Running:
    port = port or free_port()
    program = (
        "import sys; from pathlib import Path; from modframe.cli.quickstart import quickstart; "
        f"sys.exit(quickstart(once={once}, port={port}, notebook=Path({str(notebook)!r})))"
    )
    return shell.python("-c", program)


@pytest.fixture
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stand_in(tmp_path_factory.mktemp("n") / "01_quickstart.ipynb", *CELLS, EXPORTS)


def test_once_runs_the_notebook_asks_each_route_and_ends(shell: Shell, notebook: Path) -> None:
    """A line for each cell, a line for each answer, and only ``data/`` is there afterwards."""
    running = begin(shell, notebook, once=True)
    url = running.url()
    assert running.end() == 0, running.lines
    assert [line for line in running.lines if line.startswith("[")][1].startswith(
        "[2/4] %%module stock"
    )
    assert [line for line in running.lines if " http://127.0.0.1" in line[:22]] == [
        f'POST {url}/api/v1/stock/items 201 {{"name":"tea","count":2}}',
        f'GET {url}/api/v1/stock/items 200 [{{"name":"tea","count":2}}]',
    ]
    assert [one.name for one in shell.folder.iterdir()] == ["data"]
    folder = shell.folder / "data/quickstart"
    written = (folder / "modules/standard/stock/api.py").read_text()
    assert written == STOCK.split("\n", 1)[1]
    assert json.loads((folder / notebook.name).read_text())["cells"][3]["outputs"]


def test_it_serves_until_ctrl_c(shell: Shell, notebook: Path) -> None:
    """On the next free port if it must."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        running = begin(shell, notebook, port=port)
        url = running.url()
        running.wait_for("open the notebook in JupyterLab")
    assert any(line.startswith(f"port {port} is taken") for line in running.lines)
    assert not url.endswith(f":{port}")
    assert f"  curl {url}/api/v1/stock/items" in running.lines
    assert httpx.get(f"{url}/api/v1/stock/items").json() == []
    assert running.end(signal.SIGINT) == 0


@pytest.mark.soak
def test_it_can_run_beside_another_and_again(shell: Shell, notebook: Path) -> None:
    """Each has a folder of its own; a copy that someone changed is kept."""
    running = begin(shell, notebook)
    running.url()
    beside = begin(shell, notebook)
    assert httpx.get(f"{beside.url()}/api/v1/stock/items").json() == []
    assert (shell.folder / "data/quickstart-2").is_dir()
    assert beside.end(signal.SIGINT) == 0
    assert running.end(signal.SIGINT) == 0
    copy = shell.folder / "data/quickstart" / notebook.name
    stand_in(copy, "mine = 1")
    again = begin(shell, notebook, once=True)
    assert again.end() == 0
    assert any("is left alone: its notebook was changed" in line for line in again.lines)
    assert "mine = 1" in copy.read_text()


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (("1 / 0",), "error: cell 1 of 1 failed (1 / 0):"),
        pytest.param(
            ("%nosuchmagic",),
            "error: cell 1 of 1 failed (%nosuchmagic):",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            ("%%nosuchmagic\nx = 1",),
            "error: cell 1 of 1 failed (%%nosuchmagic):",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            ("import os", "os._exit(3)"), "error: the kernel died", marks=pytest.mark.soak
        ),
        pytest.param(
            ("x = 1",),
            "error: 01_quickstart.ipynb ran, and exported no module",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_a_notebook_that_fails_is_an_error(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory, cells: tuple[str, ...], says: str
) -> None:
    """With the cell, and status 1."""
    bad = stand_in(tmp_path_factory.mktemp("n") / "01_quickstart.ipynb", *cells)
    program = (
        "from pathlib import Path; import modframe.cli.quickstart as one; "
        f"one._notebook = lambda: Path({str(bad)!r}); from modframe.cli import main; "
        "main(['quickstart', '--once'])"
    )
    running = shell.python("-c", program)
    assert running.end() == 1
    assert [line for line in running.lines if line.startswith(says)], running.lines


@pytest.mark.soak
def test_ctrl_c_while_cells_run_ends_it(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing is reported as an error, and the kernel has ended."""
    cells = ("import os\nprint('pid', os.getpid())", "import time\ntime.sleep(600)")
    running = begin(shell, stand_in(tmp_path_factory.mktemp("n") / "01_quickstart.ipynb", *cells))
    pid = int(running.wait_for("[1/2]").split()[-1])
    assert running.end(signal.SIGINT) != 0
    assert not psutil.pid_exists(pid)
    assert not [line for line in running.lines if line.startswith("error")], running.lines


@pytest.mark.soak
def test_in_a_checkout_nothing_is_left_that_git_would_see(shell: Shell, notebook: Path) -> None:
    """What is written lies below ``data/``, which the checkout ignores."""
    for words in (["init", "-q"], ["add", "."]):
        (shell.folder / ".gitignore").write_text("/data/\n__pycache__/\n")
        subprocess.run(["git", *words], cwd=shell.folder, check=True)
    (shell.folder / "pyproject.toml").write_text("[tool.modframe]\n")
    subprocess.run(["git", "add", "."], cwd=shell.folder, check=True)
    assert begin(shell, notebook, once=True).end() == 0
    seen = subprocess.run(
        ["git", "status", "--porcelain"], cwd=shell.folder, check=True, capture_output=True
    ).stdout
    assert sorted(seen.decode().split()) == [".gitignore", "A", "A", "pyproject.toml"]
