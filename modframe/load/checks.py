"""Checks that need only the text: syntax, undefined names, files that are imported and not there.

Called by the loader before anything is executed, and by ``modframe compliance``.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from ..errors import Finding, Level
from ..source import Source, SourceFile
from ..source.source import module_name
from ..wording import near, nearest, otherwise
from .text import Fault, RelativeImport, Text, is_code, is_test, understand
from .undefined import UnknownName

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
    "logging": "import logging",
    "time": "import time",
    "datetime": "from datetime import datetime",
    "Any": "from typing import Any",
    "Optional": "from typing import Optional",
}


def check(source: Source, outer_names: Container[str] = ()) -> list[Finding]:
    """Everything that can be said about a source without running it.

    Args:
        source: The text.
        outer_names: Names that exist in the notebook, to be told apart from plain mistakes.
    """
    findings = [*_files(source)]
    for file, content in source.files.items():
        if not is_code(file) and not is_test(file):
            continue
        text = understand(content)
        if isinstance(text, Fault):
            findings.append(_no_python(file, content, text))
            continue
        if is_test(file):
            continue  # its imports and names show when it is run
        findings += [
            _undefined(file, content, one, hint=_nearest(one.name, text), outer=outer_names)
            for one in text.unknown
        ]
        findings += _missing(source, file, content, text)
    return findings


def _no_python(file: str, content: SourceFile, fault: Fault) -> Finding:
    """A text that can't be read; of a test it keeps nothing from going live."""
    level: Level = "error" if is_code(file) else "warning"
    return Finding(
        "syntax-error",
        level,
        fault.message,
        cure=fault.cure,
        file=file,
        line=fault.line,
        cell=content.cell,
    )


def missing_files(source: Source) -> list[str]:
    """The files a source waits for: ``api.py``, and what its relative imports name."""
    waits = [] if "api.py" in source.files else ["api.py"]
    for file, content in source.files.items():
        text = understand(content) if is_code(file) else None
        if isinstance(text, Text):
            waits += [f"{path}.py" for path, _ in _absent(source, file, text)]
    return list(dict.fromkeys(waits))


def _files(source: Source) -> Iterator[Finding]:
    if "api.py" not in source.files:
        other = nearest("api.py", source.files)
        hint = f"rename {other!r}" if other else "write one"
        yield Finding(
            "missing-file",
            "error",
            "the module has no api.py",
            cure=f"its class stands there: {hint}",
            file="api.py",
        )
    for file in source.files:
        if (
            file.endswith("/__init__.py")
            and f"{file.removesuffix('/__init__.py')}.py" in source.files
        ):
            yield Finding(
                "file-name",
                "error",
                f"{file} and {file.removesuffix('/__init__.py')}.py would be the same module",
                cure="rename one of them",
                file=file,
            )


# -- names -------------------------------------------------------------------------------------


def _undefined(
    file: str, content: SourceFile, unknown: UnknownName, *, hint: str, outer: Container[str]
) -> Finding:
    name = unknown.name
    if name in outer:
        message = f"{name!r} exists only in the notebook, and module code does not see its names"
        cure = "define or import it in the module"
    else:
        message, cure = f"name {name!r} is not defined", "define it or import it"
    if name in _KNOWN:
        cure = f"add '{_KNOWN[name]}'"
    elif hint and name not in outer:
        cure = otherwise(hint, "define it or import it")
    level: Level = "error" if unknown.certain else "warning"
    return Finding(
        "undefined-name", level, message, cure=cure, file=file, line=unknown.line, cell=content.cell
    )


def _nearest(name: str, text: Text) -> str:
    known = {*text.lines, *text.code.co_names}
    return near(name, known - {name}, cutoff=0.8)


# -- files that imports name -------------------------------------------------------------------


def _absent(source: Source, file: str, text: Text) -> Iterator[tuple[str, RelativeImport]]:
    """Path without suffix of each file that an import can't do without and that isn't there."""
    names = {module_name(one) for one in source.files}
    for one in text.imports:
        if one.guarded:
            continue
        for path in _targets(file, one):
            dotted = path.replace("/", ".")
            there = dotted in names or any(name.startswith(f"{dotted}.") for name in names)
            if not there and not ("__init__.py" in source.files and "/" not in path):
                yield path, one


def _targets(file: str, one: RelativeImport) -> Iterator[str]:
    folder = file.split("/")[:-1]
    if one.level - 1 > len(folder):
        return  # it leaves the module
    base = folder[: len(folder) - (one.level - 1)]
    if one.module:
        yield "/".join([*base, *one.module.split(".")])
    elif not base:
        yield from (name for name in one.names if name != "*")


def _missing(source: Source, file: str, content: SourceFile, text: Text) -> Iterator[Finding]:
    for path, one in _absent(source, file, text):
        name = f"{path}.py"
        others = [other for other in source.files if other != file]
        other = nearest(name, others, cutoff=0.75)
        hint = f", or import from {other}" if other else ""
        yield Finding(
            "missing-file",
            "error",
            f"imports from {name}, which the module does not have",
            cure=f"write {name}{hint}",
            file=file,
            line=one.line,
            cell=content.cell,
        )
