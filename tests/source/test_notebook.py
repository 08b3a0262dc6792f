"""``%%module`` cells of a notebook on disk are the files that a kernel would make of them."""

from __future__ import annotations

import inspect
import json
import traceback
from pathlib import Path

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError, WorkspaceError
from modframe.source import OnDisk
from modframe.source.cells import parse_line, split_cell
from modframe.source.notebook import read_notebook
from tests.fakes import ORDERS, simple
from tests.source.notebooks import write_notebook

# -- cells ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "line", "text", "first"),
    [
        ("%%module orders\nx = 1", "orders", "x = 1", 2),
        ("\n\n%%module orders a.py\n\n  x\n", "orders a.py", "\n  x\n", 4),
        ("%%time\n%%module orders\r\nx\r\n", "orders", "x\r\n", 3),
        ("%%module orders", "orders", "", 2),
    ],
)
def test_a_cell_is_split_at_its_line(raw: str, line: str, text: str, first: int) -> None:
    """The text below stays byte for byte."""
    parts = split_cell(raw)
    assert parts is not None
    assert (parts.line, parts.text, parts.first_line) == (line, text, first)
    assert parts.runs
    assert parts.head.splitlines()[-1].startswith("# %%module")


@pytest.mark.parametrize(
    "raw", ["", "x = 1", "%%modules orders\nx", "x  # %%module orders", "%module orders"]
)
def test_a_cell_without_the_line_has_no_parts(raw: str) -> None:
    """A similar word is not the magic."""
    assert split_cell(raw) is None


def test_a_line_below_code_is_not_run() -> None:
    """IPython would call that a syntax error."""
    parts = split_cell("x = 1\n%%module orders\ny = 2")
    assert parts is not None
    assert not parts.runs


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "the following arguments are required: module"),
        ("orders --darft", "unrecognized arguments: --darft"),
        ("orders ../api.py", "can't be a module's file"),
        ("orders 'api.py", "No closing quotation"),
        ("orders api.py b.py", "unrecognized arguments: b.py"),
    ],
)
def test_a_line_with_wrong_arguments(line: str, message: str) -> None:
    """The error says what could not be parsed."""
    with pytest.raises(WorkspaceError, match=message):
        parse_line(line)


# -- notebooks -----------------------------------------------------------------------------------


def test_the_last_cell_of_a_file_wins(tmp_path: Path) -> None:
    """Drafts count, plans and cells that are meant to fail don't; one notebook, two modules."""
    path = write_notebook(
        tmp_path / "both.ipynb",
        "# Both",
        "%load_ext modframe",
        "%%module orders\nfirst",
        "%%module orders rules.py --draft\nrules",
        "%%module extensions.more\nmore",
        "%%module orders\nsecond",
        "%%module orders --plan\nasked",
        ("%%module orders\nbroken", ["raises-exception"]),
        "%%module orders test_api.py --test\ntests",
        "orders = 1",
    )
    sources = read_notebook(path)
    assert {key: one.texts for key, one in sources.items()} == {
        "standard.orders": {"api.py": "second", "rules.py": "rules", "test_api.py": "tests"},
        "extensions.more": {"api.py": "more"},
    }
    api = sources["standard.orders"].files["api.py"]
    assert (api.cell, api.first_line) == ("cell 6 of both.ipynb", 2)
    assert api.filename == f"{path}, cell 6"
    assert sources["standard.orders"].origin == "notebook"


def test_tracebacks_and_inspect_lead_to_the_cell(app: AppContext, tmp_path: Path) -> None:
    """With the notebook's name and the cell's own line."""
    path = write_notebook(
        tmp_path / "orders.ipynb", "1 + 1", "%%time\n%%module orders\n" + ORDERS, "2"
    )
    app.load(read_notebook(path)["standard.orders"])
    with pytest.raises(ValueError, match="no such order") as caught:
        app.get_service("orders").boom().result()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.filename == f"{path}, cell 2"
    assert last.line == 'raise ValueError("no such order")'
    assert (
        last.lineno
        == 2 + ORDERS.splitlines().index('        raise ValueError("no such order")') + 1
    )
    cls = app.modules["orders"].spec.module_class  # type: ignore[union-attr]  # it is live
    assert (
        inspect.getsource(cls.twice)
        == "    def twice(self, number: int) -> int:\n        return 2 * number\n"
    )
    assert app.snapshot().module("standard.orders").origin == "notebook"  # type: ignore[union-attr]  # likewise


def test_an_error_names_the_cell(app: AppContext, tmp_path: Path) -> None:
    """File, cell and line."""
    path = write_notebook(tmp_path / "orders.ipynb", "%%module orders\n" + simple() + "1 / 0")
    with pytest.raises(
        LoadError, match=r"api\.py, cell 1 of orders\.ipynb, line 8: ZeroDivisionError"
    ):
        app.load(read_notebook(path)["standard.orders"])


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "it is empty"),
        ('{"cells": [', "invalid JSON: Expecting value"),
        ("[]", "it is JSON, and no notebook"),
        ('{"nbformat": 3, "worksheets": []}', "its format is 3, and 4 is needed"),
        ('{"nbformat": 4}', "it has no list of cells"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "cell 1 has no text"),
        ("[" * 200_000, "its JSON goes too deep"),
        ("\xff", "can't decode byte"),
    ],
)
def test_a_file_that_is_no_notebook_is_an_error(tmp_path: Path, text: str, cause: str) -> None:
    """With the file and the cause."""
    path = tmp_path / "half.ipynb"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(WorkspaceError, match=f"half.ipynb can't be read as a notebook: .*{cause}"):
        read_notebook(path)


def test_a_bad_line_names_its_cell(tmp_path: Path) -> None:
    """Whether the options or the id are wrong."""
    path = write_notebook(tmp_path / "a.ipynb", "# A", "%%module orders --nope")
    with pytest.raises(WorkspaceError, match=r"cell 2 of a\.ipynb: %%module orders --nope: "):
        read_notebook(path)
    write_notebook(path, "%%module My-Orders")
    with pytest.raises(
        WorkspaceError, match=r"cell 1 of a\.ipynb: %%module: 'My-Orders' is not a module id"
    ):
        read_notebook(path)


# -- both ----------------------------------------------------------------------------------------


def test_a_notebook_wins_over_a_folder(tmp_path: Path) -> None:
    """As a whole if it has api.py; else its cells are added to the folder's files."""
    folder = tmp_path / "modules/standard/orders"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text("folder")
    (folder / "old.py").write_text("old")
    path = write_notebook(tmp_path / "a.ipynb", "%%module orders rules.py\nrules", "%%module b\nb")
    disk = OnDisk(tmp_path / "modules", [path])
    both = disk.source("standard.orders")
    assert both is not None
    assert both.texts == {"api.py": "folder", "old.py": "old", "rules.py": "rules"}
    write_notebook(path, "%%module orders\nnotebook", "%%module b\nb")
    whole = disk.source("standard.orders")
    assert whole is not None
    assert whole.texts == {"api.py": "notebook"}
    assert disk.ids() == ["standard.b", "standard.orders"]
    assert disk.source("standard.c") is None


def test_a_broken_notebook_is_a_fault_of_its_modules_alone(tmp_path: Path) -> None:
    """Folders and other notebooks are still read."""
    folder = tmp_path / "modules/standard/c"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text("c")
    one = write_notebook(tmp_path / "a.ipynb", "%%module a\na")
    two = write_notebook(tmp_path / "b.ipynb", "%%module b\nb")
    disk = OnDisk(tmp_path / "modules", [one, two])
    disk.refuse_unreadable()
    one.write_text(json.dumps({"nbformat": 4})[:5])
    assert disk.ids() == ["standard.a", "standard.b", "standard.c"]
    assert disk.source("standard.b")
    assert disk.source("standard.c")
    with pytest.raises(WorkspaceError, match=r"a\.ipynb can't be read"):
        disk.source("standard.a")
    with pytest.raises(WorkspaceError, match=r"a\.ipynb can't be read"):
        disk.refuse_unreadable()
