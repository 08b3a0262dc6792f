"""``modframe serve --watch`` and ``modframe serve NOTEBOOK.ipynb``, as a person runs them."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Shell
from tests.fakes import ORDERS, simple
from tests.source.notebooks import write_notebook
from tests.waiting import wait_for

NEWER = ORDERS.replace("self.count = 40", "self.count = 50")


def test_a_saved_file_is_served_without_a_restart(
    shell: Shell,
) -> None:
    """Each swap is one line; a broken save is one too, and the old answers on."""
    path = shell.write("standard.orders", ORDERS)
    server = shell.begin("serve", "--port", "0", "--watch")
    url = server.url()
    assert f"watching {shell.folder}/modules" in server.lines
    total = f"{url}/api/v1/orders/total"
    assert httpx.get(total).json() == {"total": 42}
    path.write_text(NEWER)
    assert server.wait_for("standard.orders 1 → 2 · live in ").endswith(" · 1 route")
    assert httpx.get(total).json() == {"total": 52}
    path.write_text("1 / 0\n" + NEWER)
    said = server.wait_for("standard.orders 2 stays live · api.py, line 1: ZeroDivisionError")
    answer = httpx.get(total)
    assert answer.json() == {"total": 52}
    assert said.endswith(answer.headers["x-modframe-stale"].rpartition("failed: ")[2])
    shell.write("standard.more", simple())
    server.wait_for("standard.more 1 · live in ")
    (path.parent / "api.py").unlink()
    server.wait_for("standard.orders stopped: its text is gone")
    assert wait_for(lambda: httpx.get(total).status_code == 404)
    assert server.end(signal.SIGTERM) == 0


def test_without_watch_nothing_is_followed(shell: Shell) -> None:
    """A saved file waits for the next start."""
    path = shell.write("standard.orders", ORDERS)
    server = shell.begin("serve", "--port", "0")
    url = server.url()
    path.write_text(NEWER)
    assert httpx.get(f"{url}/api/v1/orders/total").json() == {"total": 42}
    assert server.end(signal.SIGTERM) == 0
    assert not [line for line in server.lines if line.startswith(("watching", "standard.orders"))]


def test_a_notebook_is_served_without_exporting(shell: Shell) -> None:
    """Nothing is written, its other cells are not run, and its saves are followed."""
    cells = ["# Orders", "open('ran', 'w')", "%%module orders\n" + ORDERS]
    notebook = write_notebook(shell.folder / "orders.ipynb", *cells)
    shell.write("standard.other", ORDERS.replace("orders", "other"))
    server = shell.begin(
        "serve", "orders.ipynb", "--port", "0", "--watch", MODFRAME_DATA=":memory:"
    )
    url = server.url()
    assert "standard.orders is served from orders.ipynb" in server.lines
    assert httpx.get(f"{url}/api/v1/orders/total").json() == {"total": 42}
    assert httpx.get(f"{url}/api/v1/other/total").json() == {"total": 42}
    write_notebook(notebook, *cells[:2], "%%module orders\n" + NEWER)
    server.wait_for("standard.orders 1 → 2 · live in ")
    assert httpx.get(f"{url}/api/v1/orders/total").json() == {"total": 52}
    notebook.write_text(notebook.read_text()[:200])
    server.wait_for("standard.orders 2 stays live · orders.ipynb can't be read as a notebook")
    answer = httpx.get(f"{url}/api/v1/orders/total")
    assert "can't be read as a notebook" in answer.headers["x-modframe-stale"]
    write_notebook(notebook, *cells[:2], "%%module orders\n" + NEWER + "1 / 0")
    server.wait_for("standard.orders 2 stays live · api.py, cell 3 of orders.ipynb, line 3")
    notebook.write_text(notebook.read_text()[:200])
    server.wait_for(
        "standard.orders 2 stays live · orders.ipynb can't be read as a notebook: invalid"
    )
    assert httpx.get(f"{url}/api/v1/orders/total").json() == {"total": 52}
    write_notebook(notebook, *cells)
    server.wait_for("standard.orders 2 → 3 · live in ")
    write_notebook(notebook, *cells, "%%module orders README.md\nTotals.\n")
    server.wait_for("standard.orders README.md changed · generation 3 goes on")
    write_notebook(notebook, *cells[:2], "%%module late\n" + simple())
    assert {server.wait_for("standard.")[:22], server.wait_for("standard.")[:22]} == {
        "standard.late 1 · live",
        "standard.orders stoppe",
    }
    assert server.end(signal.SIGTERM) == 0
    assert sorted(one.name for one in shell.folder.iterdir()) == ["modules", "orders.ipynb"]


def test_a_notebook_wins_over_the_folder_and_that_is_said(shell: Shell) -> None:
    """A save of the folder's file changes nothing then."""
    folder = shell.write("standard.orders", ORDERS).parent
    write_notebook(shell.folder / "a.ipynb", "%%module orders\n" + NEWER)
    server = shell.begin("serve", "a.ipynb", "--port", "0", "--watch")
    url = server.url()
    assert f"standard.orders is served from a.ipynb, and not from {folder}" in server.lines
    assert httpx.get(f"{url}/api/v1/orders/total").json() == {"total": 52}
    shell.write("standard.orders", ORDERS + "# a note\n")
    shell.write("standard.fence", simple())
    server.wait_for("standard.fence 1 · live")
    assert httpx.get(f"{url}/api/v1/orders/total").json() == {"total": 52}
    assert server.end(signal.SIGTERM) == 0


def test_the_workspace_is_the_notebooks(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Wherever the command is given."""
    shell.write("standard.orders", ORDERS)
    notebook = write_notebook(shell.folder / "a.ipynb", "%%module b\n" + simple())
    nowhere = shell.at(tmp_path_factory.mktemp("nowhere"))
    server = nowhere.begin("serve", str(notebook), "--port", "0")
    url = server.url()
    assert server.lines[0] == f"loading {shell.folder}"
    assert httpx.get(f"{url}/api/v1/orders/total").json() == {"total": 42}
    assert server.end(signal.SIGTERM) == 0
    assert list(nowhere.folder.iterdir()) == []


def test_notebooks_that_cant_be_served_are_errors(shell: Shell) -> None:
    """One line on standard error, exit 1, and nothing was loaded or made."""
    (shell.folder / "half.ipynb").write_text('{"cells": [')
    write_notebook(shell.folder / "none.ipynb", "1 + 1")
    write_notebook(shell.folder / "line.ipynb", "%%module orders --nope")
    for name, message in {
        "missing.ipynb": f"error: there is no notebook '{shell.folder}/missing.ipynb'",
        "half.ipynb": "error: half.ipynb can't be read as a notebook: invalid JSON",
        "none.ipynb": "error: none.ipynb has no %%module cell",
        "line.ipynb": "error: cell 1 of line.ipynb: %%module orders --nope: unrecognized",
    }.items():
        done = shell.run("serve", name, "--port", "0")
        assert done.returncode == 1
        assert done.stderr.startswith(message)
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout == ""
    assert shell.run("serve", "--wach").returncode == 2
    assert sorted(one.suffix for one in shell.folder.iterdir()) == [".ipynb"] * 3


def test_a_module_of_a_notebook_that_fails_is_no_end(shell: Shell) -> None:
    """It is FAILED, with its cell and line, until the notebook is mended."""
    notebook: Path = write_notebook(shell.folder / "a.ipynb", "%%module orders\n1 / 0\n" + ORDERS)
    server = shell.begin("serve", "a.ipynb", "--port", "0", "--watch")
    url = server.url()
    (said,) = [line for line in server.lines if line.startswith("  standard.orders")]
    assert said.startswith(
        "  standard.orders  FAILED  standard.orders: api.py, cell 1 of a.ipynb, line 2: "
    )
    write_notebook(notebook, "%%module orders\n" + ORDERS)
    server.wait_for("standard.orders 1 · live in ")
    assert httpx.get(f"{url}/api/v1/orders/total").json() == {"total": 42}
    assert server.end(signal.SIGTERM) == 0
