"""Checks that need only the text: syntax, undefined names, imports of missing files.

Called by the loader before anything is executed, and by ``modframe compliance``.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from ..errors import Finding, Level
from ..source import Source, SourceFile
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

    Args:
        source: What to check.
        outer_names: Names that exist in the notebook; using one has a message of its own.
    """
    findings = [*_file_name_findings(source)]
    for file, content in source.files.items():
        if not is_code(file) and not is_test(file):
            continue
        text = analyze(content)
        if isinstance(text, Fault):
            findings.append(_syntax_finding(file, content, text))
            continue
        if is_test(file):
            continue  # running it shows whether its imports and names exist
        findings += [
            _undefined_name_finding(
                file, content, name, hint=_similar_name_hint(name.name, text), outer=outer_names
            )
            for name in text.unknown
        ]
        findings += _missing_file_findings(source, file, content, text)
    return findings


def _syntax_finding(file: str, content: SourceFile, fault: Fault) -> Finding:
    """Return the finding for a text that isn't Python; a warning if the file holds tests."""
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


def _undefined_name_finding(
    file: str, content: SourceFile, unknown: UnknownName, *, hint: str, outer: Container[str]
) -> Finding:
    name = unknown.name
    if name in outer:
        message = f"{name!r} exists only in the notebook, and module code does not see its names"
        cure = "define or import it in the module"
    else:
        message, cure = f"name {name!r} is not defined", "define it or import it"
    if name in _IMPORT_OF:
        cure = f"add '{_IMPORT_OF[name]}'"
    elif hint and name not in outer:
        cure = otherwise(hint, "define it or import it")
    level: Level = "error" if unknown.certain else "warning"
    return Finding(
        "undefined-name", level, message, cure=cure, file=file, line=unknown.line, cell=content.cell
    )


def _similar_name_hint(name: str, text: Analysis) -> str:
    known = {*text.lines, *text.code.co_names}
    return near(name, known - {name}, cutoff=0.8)


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
    base = folder[: len(folder) - (relative.level - 1)]
    if relative.module:
        yield "/".join([*base, *relative.module.split(".")])
    elif not base:
        yield from (name for name in relative.names if name != "*")


def _missing_file_findings(
    source: Source, file: str, content: SourceFile, text: Analysis
) -> Iterator[Finding]:
    for path, relative in _missing_imports(source, file, text):
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
            line=relative.line,
            cell=content.cell,
        )
