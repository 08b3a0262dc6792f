"""Checks that need only the text: syntax, undefined names, files that imports name and nobody wrote.

Called by the loader before anything is executed, and by ``modframe compliance``. Findings are
cached by digest, since parsing is the dearest step of a small edit.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Container, Iterator
from functools import lru_cache
from typing import Any

from ..errors import Finding
from ..source import Source
from ..source.source import SourceFile, module_name

_KNOWN = {
    "app_context": "from core.app_context import app_context",
    "select": "from sqlalchemy import select",
    "Result": "from core.error_utils import Result",
    "error_message": "from core.error_utils import error_message",
    "get_framework_logger": "from core.logging import get_framework_logger",
    "DataIntegrityModule": "from core.module_base import DataIntegrityModule",
    "get_database_base": "from core.database import get_database_base",
    "APIRouter": "from fastapi import APIRouter",
    "HTTPException": "from fastapi import HTTPException",
    "BaseModel": "from pydantic import BaseModel",
    "Field": "from pydantic import Field",
    "BaseSettings": "from pydantic_settings import BaseSettings",
    "module": "from modframe.decorators import module",
    "asyncio": "import asyncio",
    "time": "import time",
    "datetime": "from datetime import datetime",
    "Any": "from typing import Any",
    "Optional": "from typing import Optional",
}
_INJECTED = frozenset({"__file__", "__path__", "__package__", "__spec__"})


def is_code(file: str) -> bool:
    """Whether a file is part of what a module runs, as opposed to its tests and scripts."""
    folder, _, name = file.rpartition("/")
    return not (
        folder.split("/")[0] in ("tests", "migrations")
        or name.startswith("test_")
        or name == "conftest.py"
    )


def check(source: Source, outer_names: Container[str] = ()) -> list[Finding]:
    """Everything that can be said about a source without running it.

    Args:
        source: The text.
        outer_names: Names that exist in the notebook, to be told apart from plain mistakes.
    """
    findings: list[Finding] = []
    trees: dict[str, ast.Module] = {}
    for file, content in source.files.items():
        if not is_code(file):
            continue
        tree = _parse(content)
        if isinstance(tree, SyntaxError):
            findings.append(_syntax(file, content, tree))
        else:
            trees[file] = tree
    for file, tree in trees.items():
        content = source.files[file]
        findings += [_undefined(file, content, row, outer_names) for row in _names(content)]
        findings += _missing(source, file, content, tree)
    return findings


def missing_files(source: Source) -> list[str]:
    """The files a source waits for: ``api.py``, and what its relative imports name."""
    waits = [] if "api.py" in source.files else ["api.py"]
    for file, content in source.files.items():
        tree = _parse(content)
        if is_code(file) and not isinstance(tree, SyntaxError):
            waits += [name for name, _ in _relative_imports(file, tree) if _absent(source, name)]
    return list(dict.fromkeys(one if one.endswith(".py") else f"{one}.py" for one in waits))


def parsed(content: SourceFile) -> ast.Module:
    """The syntax tree of a file that passed the checks; lines count from the text's first."""
    tree = _parse(content)
    if isinstance(tree, SyntaxError):
        raise tree
    return tree


@lru_cache(maxsize=512)
def _parse_text(text: str) -> ast.Module | SyntaxError:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        return error
    except ValueError as error:
        return SyntaxError(str(error))


def _parse(content: SourceFile) -> ast.Module | SyntaxError:
    return _parse_text(content.text)


def place(content: SourceFile, file: str, line: int) -> dict[str, Any]:
    """The ``file``, ``line`` and ``cell`` of a finding about a line of a text."""
    return {"file": file, "line": line + content.first_line - 1 if line else 0, "cell": content.cell}


def _syntax(file: str, content: SourceFile, error: SyntaxError) -> Finding:
    return Finding(
        "syntax-error",
        "error",
        f"{error.msg}: {error.text.strip()}" if error.text and error.text.strip() else error.msg,
        "correct the line and run it again",
        **place(content, file, error.lineno or 0),
    )


@lru_cache(maxsize=512)
def _names_in(text: str) -> tuple[tuple[str, int], ...]:
    from pyflakes import messages
    from pyflakes.checker import Checker

    tree = _parse_text(text)
    assert isinstance(tree, ast.Module)  # noqa: S101  # only files that parse come here
    checker = Checker(tree, filename="", builtins=_INJECTED)
    return tuple(
        (str(row.message_args[0]), int(row.lineno))
        for row in checker.messages
        if isinstance(row, messages.UndefinedName)
    )


def _names(content: SourceFile) -> tuple[tuple[str, int], ...]:
    return _names_in(content.text)


def _undefined(
    file: str, content: SourceFile, row: tuple[str, int], outer: Container[str]
) -> Finding:
    name, line = row
    if name in outer:
        message = f"{name!r} exists only in the notebook, and module code does not see its names"
        cure = "define or import it in the module"
    else:
        message, cure = f"name {name!r} is not defined", "define it or import it"
    if name in _KNOWN:
        cure = f"add '{_KNOWN[name]}'"
    elif name not in outer and (near := _nearest(name, content.text)):
        cure = f"did you mean {near!r}? Otherwise define it or import it"
    return Finding("undefined-name", "error", message, cure, **place(content, file, line))


def _nearest(name: str, text: str) -> str:
    known = {
        node.name if isinstance(node, ast.ClassDef | ast.FunctionDef) else node.id
        for node in ast.walk(_parse_text(text))  # type: ignore[arg-type]  # it parsed before
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.8)), "")


def _relative_imports(file: str, tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Path without suffix of each file that a relative import names, with the line."""
    folder = file.rpartition("/")[0].split("/") if "/" in file else []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        if node.level - 1 > len(folder):
            continue
        base = folder[: len(folder) - (node.level - 1)]
        if node.module:
            yield "/".join([*base, *node.module.split(".")]), node.lineno
        elif not base:
            for alias in node.names:
                yield alias.name, node.lineno


def _absent(source: Source, path: str) -> bool:
    dotted = path.replace("/", ".")
    names = {module_name(file) for file in source.files}
    if dotted in names or any(name.startswith(f"{dotted}.") for name in names):
        return False
    return not ("__init__.py" in source.files and "/" not in path)


def _missing(
    source: Source, file: str, content: SourceFile, tree: ast.Module
) -> Iterator[Finding]:
    for path, line in _relative_imports(file, tree):
        if _absent(source, path):
            name = f"{path}.py"
            near = difflib.get_close_matches(name, source.files, n=1)
            hint = f", or import from {near[0]}" if near else ""
            yield Finding(
                "missing-file",
                "error",
                f"imports from {name}, which the module does not have",
                f"write {name}{hint}",
                **place(content, file, line),
            )


def import_cause(error: ModuleNotFoundError) -> str:
    """What to do about a package that isn't installed."""
    return f"install it (pip install {(error.name or '').partition('.')[0]}) or mend the name"


