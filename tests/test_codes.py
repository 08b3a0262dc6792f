"""Every code that modframe gives has a page: what, why, cure."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import modframe
from modframe.codes import explain, explanations, unknown_code
from modframe.errors import ModframeError
from modframe.observe.storms import TOO_MANY

ROOT = Path(modframe.__file__).parent
PAGES = (ROOT.parent / "docs/codes.md").read_text("utf-8")
GIVE_RULES = {"Finding", "Failure", "_finding", "_trial_error", "add", "report", "_checked_choice"}
"""The functions that take a rule: as their first argument, the third one, or as ``rule=``."""
LEVELS = {"error", "warning", "info"}


def trees() -> Iterator[ast.Module]:
    """Yield the syntax tree of each file of modframe."""
    for path in ROOT.rglob("*.py"):
        yield ast.parse(path.read_text("utf-8"))


def rules() -> set[str]:
    """Return the rules of findings, and of errors that findings are made of."""
    found: set[str] = set()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in GIVE_RULES:
                    named = [key.value for key in node.keywords if key.arg == "rule"]
                    place = 2 if name == "_checked_choice" else 0
                    found |= set(texts([*node.args[place : place + 1], *named]))
            elif isinstance(node, ast.Assign) and any(
                getattr(target, "id", "").strip("_").lower() == "rule" for target in node.targets
            ):
                found |= set(texts([node.value]))
    return {text for text in found if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text)} - LEVELS


def texts(nodes: list[ast.expr]) -> Iterator[str]:
    """Yield those that are texts."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def result_codes() -> set[str]:
    """Return the codes of the results that modframe's own services give."""
    found: set[str] = set()
    for tree in trees():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "error"
                and getattr(node.func.value, "id", "") == "Result"
            ):
                found |= set(texts(node.args[:1]))
    return found


def exceptions() -> set[str]:
    """Return the names of modframe's public exceptions."""
    for module in pkgutil.walk_packages(modframe.__path__, "modframe."):
        if "core_modules" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, waiting = set(), [ModframeError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("modframe.") and not kind.__name__.startswith("_"):
            found.add(kind.__name__)
    return found


def test_every_code_that_modframe_gives_has_a_page() -> None:
    """Those of results and findings, and the names of exceptions; write the page in docs/codes.md."""
    codes = {*rules(), *result_codes(), *exceptions(), TOO_MANY}
    assert len(codes) > 100
    assert sorted(code for code in codes if explain(code) is None) == []


def test_every_page_is_read_whole_and_says_what_why_and_cure() -> None:
    """Each heading is a page, no code has two, and none of its texts is empty or cut."""
    pages = explanations()
    headings = re.findall(r"^## (\S+)$", PAGES, re.M)
    assert list(pages) == headings
    assert len({code.casefold() for code in pages}) == len(pages)
    for page in pages.values():
        for text in (page.what, page.why, page.cure):
            assert text.endswith((".", "?"))
            assert "Why:" not in text
            assert "Cure:" not in text
            assert "##" not in text


@pytest.mark.parametrize("code", ["phase2-failed", "database-failed", "Import-Failed"])
def test_a_step_that_failed_has_a_page(code: str) -> None:
    """Whichever step it is."""
    page = explain(code)
    assert page is not None
    assert page.code == "<step>-failed"


def test_an_unknown_code_has_no_page_and_the_nearest_is_named() -> None:
    """A code of a person's own is said to be theirs."""
    assert explain("nothing-like-it") is None
    assert "did you mean 'syntax-error'?" in unknown_code("sytax-error")
    assert "by their authors" in unknown_code("SOLD_OUT_OF_TEA_AND_CUPS")
