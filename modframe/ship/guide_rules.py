"""What the guide demands of a module beyond loading: findings that never keep it from loading.

In come a spec and the executed files; `check` adds what comes out. Both forms are held to the
same, as far as ``@module`` leaves anything to demand.
"""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from ..errors import Finding
from ..load.facts import MANDATORY
from ..load.methods import public_methods
from ..load.text import is_code, parsed, place
from ..parts.settings.models import settings_models
from ..source import Source
from ..spec import FACTS, ModuleSpec, type_name

_MOCKS = ("unittest.mock", "mock", "pytest_mock", "asynctest")


def demands(
    spec: ModuleSpec, source: Source, modules: Mapping[str, ModuleType]
) -> Iterator[Finding]:
    """Everything that the guide asks for and the module doesn't do."""
    if spec.integrity.anti_mock:
        yield from _mocks(source)
    yield from _documentation(spec, source)
    if spec.form == "guide":
        yield from _about(spec, source)
        yield from _order(spec, source)
        yield from _phase1(spec, source, modules)
        yield from _cleanup(spec, source)


def _warn(rule: str, message: str, cure: str, where: dict[str, Any] | None = None) -> Finding:
    return Finding(rule, "warning", message, cure=cure, **(where or {"file": "api.py"}))


def _at(source: Source, name: str, file: str = "api.py") -> dict[str, Any]:
    """Where a class or function is defined in a file."""
    content = source.files[file]
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(parsed(content)):
        if isinstance(node, kinds) and node.name == name:
            return place(content, file, node.lineno)
    return {"file": file}


# -- no mocks in what runs ---------------------------------------------------------------------


def _mocks(source: Source) -> Iterator[Finding]:
    for file, content in source.files.items():
        if not is_code(file):
            continue
        for node in ast.walk(parsed(content)):
            for name in _imported(node):
                if name in _MOCKS or name.startswith(tuple(f"{one}." for one in _MOCKS)):
                    yield _warn(
                        "anti-mock",
                        f"imports {name}, and @enforce_data_integrity(anti_mock=True) rules mocks "
                        "out of module code",
                        "move it to the module's tests, or set anti_mock=False",
                        place(content, file, getattr(node, "lineno", 0)),
                    )
                    break


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{one.name}" for one in node.names)


# -- the class and its decorators --------------------------------------------------------------


def _about(spec: ModuleSpec, source: Source) -> Iterator[Finding]:
    for name in ("MODULE_VERSION", "MODULE_DESCRIPTION"):
        if name not in vars(spec.module_class):
            yield _warn(
                "module-facts",
                f"class {spec.module_class.__name__!r} has no {name}",
                f"add {name} = '...'",
                _at(source, spec.module_class.__name__),
            )


def _order(spec: ModuleSpec, source: Source) -> Iterator[Finding]:
    facts = getattr(spec.module_class, FACTS, ())
    written = [one.decorator for one in facts if one.decorator in MANDATORY]
    first = list(dict.fromkeys(written))
    if first != sorted(first, key=MANDATORY.index):
        out = next(
            later
            for before, later in itertools.pairwise(first)
            if MANDATORY.index(later) < MANDATORY.index(before)
        )
        yield _warn(
            "decorator-order",
            f"@{out} comes later than in the guide's order",
            f"order them as {', '.join(f'@{one}' for one in MANDATORY)}",
            _at(source, spec.module_class.__name__),
        )


def _phase1(
    spec: ModuleSpec, source: Source, modules: Mapping[str, ModuleType]
) -> Iterator[Finding]:
    where = _at(source, spec.module_class.__name__)
    if not spec.phase1:
        yield _warn(
            "phase1",
            f"class {spec.module_class.__name__!r} has no phase-1 method",
            "name one: @initialization_sequence('setup_infrastructure', phase='phase1')",
            where,
        )
    model = next(iter(settings_models(modules)), None)
    calls = any(
        isinstance(node, ast.Attribute) and node.attr == "register_pydantic_model"
        for file, content in source.files.items()
        if is_code(file)
        for node in ast.walk(parsed(content))
    )
    if model is not None and not calls:
        yield Finding(
            "settings-not-registered",
            "error",
            f"settings.py has {model}, and nothing registers it",
            cure="call self.app_context.register_pydantic_model(self.MODULE_ID, "
            f"{model}) in phase 1",
            **where,
        )


def _cleanup(spec: ModuleSpec, source: Source) -> Iterator[Finding]:
    cls = spec.module_class
    for decorator, default, stop in (
        ("graceful_shutdown", "cleanup_resources", spec.graceful),
        ("force_shutdown", "force_cleanup", spec.force),
    ):
        if stop.method is None:
            yield _warn(
                "missing-cleanup",
                f"@{decorator} names no method",
                f"write {default}() and name it",
                _at(source, cls.__name__),
            )
    if spec.graceful.method and not _is_async(cls, spec.graceful.method):
        yield _warn(
            "cleanup-not-async",
            f"{spec.graceful.method}() is the graceful way to stop and isn't async",
            f"write it as async def {spec.graceful.method}(self)",
            _at(source, spec.graceful.method),
        )
    if spec.force.method and _is_async(cls, spec.force.method):
        yield _warn(
            "force-cleanup-async",
            f"{spec.force.method}() is the last resort, and waits: it is async",
            f"write it as def {spec.force.method}(self)",
            _at(source, spec.force.method),
        )


def _is_async(cls: type, name: str) -> bool:
    return inspect.iscoroutinefunction(getattr(cls, name, None))


# -- what callers may rely on ------------------------------------------------------------------


def _documentation(spec: ModuleSpec, source: Source) -> Iterator[Finding]:
    service = spec.service
    if service is None or service.service_class is None:
        return
    if spec.form == "guide" and not service.methods:
        yield _warn(
            "undocumented-service",
            f"@register_service({service.name!r}) documents no method",
            "list what callers may rely on: methods=[ServiceMethod(...)]",
            _at(source, spec.module_class.__name__),
        )
    for name, method in public_methods(service.service_class):
        if service.methods and name not in service.methods:
            yield _note(
                "undocumented-method",
                f"{name}() is public, and no ServiceMethod documents it",
                f"add ServiceMethod(name={name!r}, ...), or call it _{name}",
                _where(method, source),
            )
    if spec.form == "guide":
        yield from _results(service.methods, service.service_class, source)


def _results(documented: Mapping[str, Any], cls: type, source: Source) -> Iterator[Finding]:
    for name, one in documented.items():
        if one.returns is not None and type_name(one.returns.return_type) != "Result":
            yield _note(
                "result-pattern",
                f"{name}() is documented to return {type_name(one.returns.return_type)}; the "
                "guide's services give a Result",
                "return Result.success(...) or Result.error(...)",
                _where(getattr(cls, name, None), source),
            )


def _note(rule: str, message: str, cure: str, where: dict[str, Any]) -> Finding:
    return Finding(rule, "info", message, cure=cure, **where)


def _where(method: Any, source: Source) -> dict[str, Any]:
    code = getattr(inspect.unwrap(method), "__code__", None) if callable(method) else None
    file = source.file_named(code.co_filename) if code else ""
    if code is None or not file:
        return {"file": "api.py"}
    content = source.files[file]
    return place(content, file, code.co_firstlineno - content.first_line + 1)
