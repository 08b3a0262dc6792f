"""Errors as data: their subject, their text without it, and whether two report one fault."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import pytest

from modframe import errors
from modframe.errors import (
    BlockedError,
    GraphError,
    ImportCircleError,
    LoadError,
    ModframeError,
    reason_of,
    same_fault,
)
from modframe.finding import Finding

TYPO = Finding("undefined-name", "error", "name 'totl' is not defined", cure="correct it")
UNUSED = Finding("unused-import", "warning", "'os' is imported and not used")


def test_the_subject_stands_first_and_can_be_left_out() -> None:
    """Also after a pickle."""
    error = ModframeError("it has no api.py", cure="add one", subject="standard.orders")
    for copy in (error, pickle.loads(pickle.dumps(error))):
        assert str(copy) == "standard.orders: it has no api.py. Add one."
        assert copy.subject == "standard.orders"
        assert reason_of(copy) == "it has no api.py. Add one."


@pytest.mark.parametrize(
    "error",
    [
        ImportCircleError(["standard.a", "standard.b", "standard.a"]),
        BlockedError("standard.a", ["standard.b"]),
        GraphError({"standard.a": ("standard.b",)}, [("standard.c", "standard.c")]),
        LoadError("standard.a", "check", [TYPO, UNUSED]),
    ],
)
def test_a_pickle_keeps_text_and_facts(error: ModframeError) -> None:
    """Errors cross over to other processes."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_without_a_subject_the_reason_is_the_whole_text() -> None:
    """So it is for errors that aren't modframe's."""
    assert reason_of(ModframeError("nothing is live", module_id="core.a")) == "nothing is live"
    assert reason_of(OSError("no space")) == "no space"


def test_errors_of_one_fault_are_the_same() -> None:
    """What came up while the failed load was undone does not count."""
    error, again = (LoadError("standard.orders", "check", [TYPO, UNUSED]) for _ in range(2))
    again.add(UNUSED)
    assert same_fault(error, again)
    assert not same_fault(error, LoadError("standard.shop", "check", [TYPO, UNUSED]))
    assert not same_fault(error, None)
    assert same_fault(None, None)
    assert reason_of(error) == str(TYPO)


def test_modframe_itself_imports_the_errors_of_a_room_from_there() -> None:
    """`modframe.errors` finds them for other code; inside, that import would go upward unseen."""
    package = Path(errors.__file__).parent
    elsewhere = {
        f"{file.relative_to(package)}: {name.name}"
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and _imports_errors(node, file.relative_to(package))
        for name in node.names
        if name.name not in vars(errors)
    }
    assert elsewhere == set()


def _imports_errors(node: ast.ImportFrom, file: Path) -> bool:
    """Return whether a statement of a file imports names from `modframe.errors`."""
    is_top = node.level == len(file.parts) and node.module == "errors"
    return is_top or (not node.level and node.module == "modframe.errors")
