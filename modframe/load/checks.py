"""Checks that need only the text: syntax, undefined names, imports of missing files.

Called by the loader before anything is executed, and by ``modframe compliance``.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from ..finding import Finding, Level
from ..source import Source
from ..source.source import module_name
from ..wording import near, nearest, otherwise
from .text import Analysis, Fault, RelativeImport, analyze, is_code, is_test
from .undefined import UnknownName

_IMPORT_OF = {
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
    """Return all findings about a source that don't need it to be executed.

    A use of one of ``outer_names``, which exist in the notebook, has a message of its own.
    """
    findings = [*_file_name_findings(source)]
    for file, content in source.files.items():
        if not is_code(file) and not is_test(file):
            continue
        text = analyze(content)
        where: dict[str, Any] = {"file": file, "cell": content.cell}
        if isinstance(text, Fault):
            level: Level = "error" if is_code(file) else "warning"
            finding = Finding(
                "syntax-error", level, text.message, cure=text.cure, line=text.line, **where
            )
            findings.append(finding)
        elif is_code(file):  # running a test shows whether its imports and names exist
            findings += [_undefined_name(name, text, outer_names, where) for name in text.unknown]
            findings += _missing_file_findings(source, file, text, where)
    return findings


def missing_files(source: Source) -> list[str]:
    """Return the files a source can't be loaded without and lacks, such as ``rows.py``."""
    missing = [] if "api.py" in source.files else ["api.py"]
    for file, content in source.files.items():
        text = analyze(content) if is_code(file) else None
        if isinstance(text, Analysis):
            missing += [f"{path}.py" for path, _ in _missing_imports(source, file, text)]
    return list(dict.fromkeys(missing))


def _file_name_findings(source: Source) -> Iterator[Finding]:
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
        other = f"{file.removesuffix('/__init__.py')}.py"
        if file.endswith("/__init__.py") and other in source.files:
            message = f"{file} and {other} would be the same module"
            yield Finding("file-name", "error", message, cure="rename one of them", file=file)


# -- names -------------------------------------------------------------------------------------


def _undefined_name(
    unknown: UnknownName, text: Analysis, outer: Container[str], where: dict[str, Any]
) -> Finding:
    name = unknown.name
    message, cure = f"name {name!r} is not defined", "define it or import it"
    if name in outer:
        message = f"{name!r} exists only in the notebook, and module code does not see its names"
        cure = "define or import it in the module"
    if name in _IMPORT_OF:
        cure = f"add '{_IMPORT_OF[name]}'"
    elif name not in outer:
        known = {*text.lines, *text.code.co_names} - {name}
        cure = otherwise(near(name, known, cutoff=0.8), cure)
    level: Level = "error" if unknown.certain else "warning"
    return Finding("undefined-name", level, message, cure=cure, line=unknown.line, **where)


# -- relative imports --------------------------------------------------------------------------


def _missing_imports(
    source: Source, file: str, text: Analysis
) -> Iterator[tuple[str, RelativeImport]]:
    """Yield the path, without suffix, of each file that is imported unguarded and missing."""
    names = {module_name(name) for name in source.files}
    for relative in text.imports:
        if relative.guarded:
            continue
        for path in _imported_paths(file, relative):
            dotted = path.replace("/", ".")
            exists = dotted in names or any(name.startswith(f"{dotted}.") for name in names)
            if not exists and not ("__init__.py" in source.files and "/" not in path):
                yield path, relative


def _imported_paths(file: str, relative: RelativeImport) -> Iterator[str]:
    folder = file.split("/")[:-1]
    if relative.level - 1 > len(folder):
        return  # it leads out of the module
    base = folder[: len(folder) - relative.level + 1]
    if relative.module:
        yield "/".join([*base, *relative.module.split(".")])
    elif not base:
        yield from (name for name in relative.names if name != "*")


def _missing_file_findings(
    source: Source, file: str, text: Analysis, where: dict[str, Any]
) -> Iterator[Finding]:
    for path, relative in _missing_imports(source, file, text):
        name = f"{path}.py"
        other = nearest(name, [other for other in source.files if other != file], cutoff=0.75)
        hint = f", or import from {other}" if other else ""
        message = f"imports from {name}, which the module does not have"
        cure = f"write {name}{hint}"
        yield Finding("missing-file", "error", message, cure=cure, line=relative.line, **where)
