"""Cells beside a running server: what they fail at, and cells of modules that have files already."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.source import SourceFile
from tests.fakes import ORDERS, simple
from tests.kernels import kernel

BROKEN = simple(head="1 / 0")


@pytest.fixture
def client(app: AppContext) -> Iterator[httpx.Client]:
    """Return a client of the running server."""
    with httpx.Client(base_url=app.serve(port=0).url) as client:
        yield client


def run_cell(app: AppContext, name: str, text: str, file: str = "api.py", **options: Any) -> object:
    """Do what a ``%%module`` cell does."""
    app.draft(name, file, SourceFile(text, f"<cell of {name} {file}>"))
    return app.try_draft(name, **options)


def test_a_failed_draft_leaves_the_server_ready(app: AppContext, client: httpx.Client) -> None:
    """Its failure is in the body of ``/health`` and on the status page; once live, it counts."""
    app.load({"api.py": ORDERS}, id="orders")
    with pytest.raises(LoadError):
        run_cell(app, "shop", BROKEN)
    assert app.modules["shop"].state == "FAILED"
    assert client.get("/health/ready").status_code == 200
    health = client.get("/health")
    assert (health.status_code, health.json()["ready"]) == (200, True)
    assert health.json()["modules"]["standard.shop"] == "FAILED"
    holder = {"Authorization": f"Bearer {app.serve(port=0).token}"}
    assert "ZeroDivisionError" in client.get("/modframe/", headers=holder).text
    run_cell(app, "shop", simple())
    app.modules["shop"].unload()
    with pytest.raises(LoadError):
        run_cell(app, "shop", BROKEN)
    assert client.get("/health/ready").status_code == 503


def test_a_failed_module_of_a_folder_lowers_readiness(workspace: Path) -> None:
    """So does one that a draft requires, and a failed draft over a failed folder changes nothing."""
    for name in ("shop", "stock"):
        file = workspace / "modules" / "standard" / name / "api.py"
        file.parent.mkdir(parents=True)
        file.write_text(BROKEN)
    with modframe.start(data=":memory:", modules=["shop"]) as app:
        assert app.snapshot().ready is False
        with pytest.raises(LoadError):
            run_cell(app, "shop", BROKEN)
        assert app.snapshot().ready is False
        run_cell(app, "shop", simple())
        assert app.snapshot().ready is True
        with pytest.raises(modframe.ModframeError):
            run_cell(app, "till", simple(arguments='requires=["stock"]'))
        assert app.modules["stock"].state == "FAILED"
        assert app.snapshot().ready is False


# -- cells of a module that was exported ------------------------------------------------------


def cell_text(file: str, version: int) -> str:
    """Return the text of a cell; `api.py` answers its own version and that of `services.py`."""
    if file == "services.py":
        return f"VERSION = {version}\n"
    return simple(
        f"async def versions(self):\n    return {version}, VERSION",
        head="from .services import VERSION",
    )


def cell(file: str, version: int) -> str:
    """Return the whole text of a cell."""
    return f"%%module shop {file}\n{cell_text(file, version)}"


def save_notebook(path: Path, versions: Sequence[tuple[str, int]]) -> Path:
    """Write a notebook that has these cells."""
    cells = [
        {"cell_type": "code", "source": cell(file, version), "metadata": {}, "outputs": []}
        for file, version in versions
    ]
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.fixture
def exported(workspace: Path) -> Iterator[AppContext]:
    """Export a module that cells wrote, then start again: it is live from its folder."""
    with modframe.start() as first:
        for file in ("services.py", "api.py"):
            run_cell(first, "shop", cell_text(file, 1), file)
        first.modules["shop"].export()
    with modframe.start() as second:
        yield second


def versions(app: AppContext) -> tuple[int, int]:
    """Return the versions of the texts that are live."""
    result: tuple[int, int] = app.get_service("shop").versions().result(20)
    return result


def test_equal_cells_change_nothing(exported: AppContext) -> None:
    """Each cell of an exported module says that it is unchanged."""
    for file in ("api.py", "services.py"):
        outcome = run_cell(exported, "shop", cell_text(file, 1), file)
        assert str(outcome) == "standard.shop unchanged, generation 1"
    assert exported.modules["shop"].generation == 1


@pytest.mark.parametrize("order", [("api.py", "services.py"), ("services.py", "api.py")])
def test_no_mixture_of_cells_and_files_goes_live(
    exported: AppContext, order: tuple[str, str]
) -> None:
    """The first changed cell waits for the others, and all go live at once."""
    first, second = order
    waiting = str(run_cell(exported, "shop", cell_text(first, 2), first))
    assert waiting == (
        f"{second}, whose cell has not run since the start. Run it, or `%modframe keep shop` to "
        "go live with the file in the folder"
    )
    assert versions(exported) == (1, 1)
    assert exported.modules["shop"].error is None
    assert "1 → 2 · live" in str(run_cell(exported, "shop", cell_text(second, 2), second))
    assert versions(exported) == (2, 2)
    assert "2 → 3 · live" in str(run_cell(exported, "shop", cell_text(first, 3), first))


def test_a_cell_that_says_what_its_file_says_was_run(exported: AppContext) -> None:
    """After it the other cell needs not wait."""
    run_cell(exported, "shop", cell_text("api.py", 1))
    run_cell(exported, "shop", cell_text("services.py", 2), "services.py")
    assert versions(exported) == (1, 2)


def test_one_edited_cell_goes_live_with_the_files_that_are_kept(exported: AppContext) -> None:
    """That is one more line, after which each cell goes live as usual."""
    run_cell(exported, "shop", cell_text("api.py", 2))
    exported.try_draft("shop", keep=True)
    assert versions(exported) == (2, 1)
    run_cell(exported, "shop", cell_text("api.py", 3))
    assert versions(exported) == (3, 1)


def test_a_waiting_draft_follows_the_files_of_its_folder(
    exported: AppContext, workspace: Path
) -> None:
    """What no cell gave is the text that is live when the draft is tried."""
    run_cell(exported, "shop", cell_text("api.py", 2))
    (workspace / "modules/standard/shop/services.py").write_text(cell_text("services.py", 5))
    exported.load("shop")
    exported.try_draft("shop", keep=True)
    assert versions(exported) == (2, 5)


def test_a_dropped_draft_is_forgotten(exported: AppContext) -> None:
    """A cell that was dropped has to run again, and one that says what its file says has not."""
    run_cell(exported, "shop", cell_text("services.py", 1), "services.py")
    run_cell(exported, "shop", cell_text("api.py", 1))
    exported.draft("shop", "api.py", SourceFile(cell_text("api.py", 2), "<cell>"))
    exported.drop("shop")
    assert str(run_cell(exported, "shop", cell_text("services.py", 2), "services.py")).startswith(
        "api.py, whose cell has not run since the start."
    )
    exported.drop("shop")
    run_cell(exported, "shop", cell_text("api.py", 1))
    run_cell(exported, "shop", cell_text("services.py", 3), "services.py")
    assert versions(exported) == (1, 3)


def test_the_saved_notebook_tells_which_cells_are_expected(
    exported: AppContext, workspace: Path
) -> None:
    """One edited cell goes live at once if the others say what the files say, else it waits."""
    notebook = save_notebook(workspace / "shop.ipynb", [("api.py", 1), ("services.py", 2)])
    waiting = run_cell(exported, "shop", cell_text("api.py", 2), notebook=notebook)
    assert str(waiting).startswith("services.py, whose cell has not run since the start.")
    exported.drop("shop")
    save_notebook(notebook, [("api.py", 1), ("services.py", 1)])
    run_cell(exported, "shop", cell_text("api.py", 2), notebook=notebook)
    assert versions(exported) == (2, 1)


def test_a_file_that_no_cell_wrote_is_not_waited_for(workspace: Path) -> None:
    """A module written in files takes the text of a cell at once."""
    folder = workspace / "modules" / "standard" / "shop"
    folder.mkdir(parents=True)
    for file in ("api.py", "services.py"):
        (folder / file).write_text(cell_text(file, 1))
    with modframe.start() as app:
        run_cell(app, "shop", cell_text("services.py", 2), "services.py")
        assert versions(app) == (1, 2)


@pytest.mark.soak
@pytest.mark.kernel
def test_the_cells_of_a_notebook_run_again_after_a_restart(tmp_path: Path) -> None:
    """In a kernel: equal cells change nothing, changed ones go live together, one by `keep`, and
    one at once where Jupyter names the notebook."""
    with kernel(tmp_path) as shell:
        shell.run("%load_ext modframe")
        for file in ("api.py", "services.py"):
            shell.run(cell(file, 1))
        shell.run("app.modules['shop'].export()")
    with kernel(tmp_path) as shell:
        shell.run("%load_ext modframe")
        for file in ("api.py", "services.py"):
            assert shell.run(cell(file, 1)).stdout == "standard.shop unchanged, generation 1\n"
    with kernel(tmp_path) as shell:
        shell.run("%load_ext modframe")
        first = shell.run(cell("api.py", 2)).stdout
        assert first.startswith("standard.shop drafted · waits for services.py, whose cell has")
        assert shell.run("await app.get_service('shop').versions()").value == "(1, 1)"
        planned = shell.run(cell("api.py", 3).replace("api.py", "api.py --plan", 1)).stdout
        assert planned.startswith("standard.shop would be drafted · would wait for services.py")
        assert "standard.shop 1 → 2 · live" in shell.run(cell("services.py", 2)).stdout
        assert shell.run("await app.get_service('shop').versions()").value == "(2, 2)"
    with kernel(tmp_path) as shell:
        shell.run("%load_ext modframe")
        shell.run(cell("api.py", 3))
        assert "standard.shop 1 → 2 · live" in shell.run("%modframe keep shop").stdout
        assert shell.run("await app.get_service('shop').versions()").value == "(3, 1)"
    notebook = save_notebook(tmp_path / "shop.ipynb", [("api.py", 1), ("services.py", 1)])
    with kernel(tmp_path, JPY_SESSION_NAME=str(notebook)) as shell:
        shell.run("%load_ext modframe")
        assert "standard.shop 1 → 2 · live" in shell.run(cell("api.py", 4)).stdout
