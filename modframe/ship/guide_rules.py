"""Rules of the guide beyond those that loading enforces; their findings never prevent a load.

In go a spec, its source and the executed files; out come findings. `check` calls it. The short form
``@module`` leaves only some of the rules to check.
"""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from ..finding import Finding, Level
from ..load.class_facts import MANDATORY
from ..load.methods import public_methods
from ..load.text import is_code, place_of_callable, place_of_line, syntax_tree
from ..parts.settings.part import settings_models
from ..source import Source
from ..spec import FACTS, ModuleSpec, type_name

_MOCKS = ("unittest.mock.", "mock.", "pytest_mock.", "asynctest.")


def check_guide_rules(
    spec: ModuleSpec, source: Source, modules: Mapping[str, ModuleType]
) -> Iterator[Finding]:
    """Yield a finding for every rule that the module does not follow."""
    if spec.integrity.anti_mock:
        yield from _check_mocks(source)
    yield from _check_documentation(spec, source)
    if spec.form == "guide":
        where = _place_of_name(source, spec.module_class.__name__)
        yield from _check_facts(spec, where)
        yield from _check_decorator_order(spec, where)
        yield from _check_phase1(spec, source, modules, where=where)
        yield from _check_cleanup(spec, source, where)


def _finding(
    rule: str, message: str, cure: str, *, where: dict[str, Any], level: Level = "warning"
) -> Finding:
    return Finding(rule, level, message, cure=cure, **(where or {"file": "api.py"}))


def _place_of_name(source: Source, name: str, file: str = "api.py") -> dict[str, Any]:
    """Return where a class or function is defined in a file."""
    content = source.files[file]
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(syntax_tree(content)):
        if isinstance(node, kinds) and node.name == name:
            return place_of_line(content, file, node.lineno)
    return {"file": file}


# -- no mocks in module code ---------------------------------------------------------------------


def _check_mocks(source: Source) -> Iterator[Finding]:
    for file, content in source.files.items():
        if not is_code(file):
            continue
        for node in ast.walk(syntax_tree(content)):
            for name in _imported_names(node):
                if f"{name}.".startswith(_MOCKS):
                    yield _finding(
                        "anti-mock",
                        f"imports {name}, and @enforce_data_integrity(anti_mock=True) rules mocks "
                        "out of module code",
                        "move it to the module's tests, or set anti_mock=False",
                        where=place_of_line(content, file, getattr(node, "lineno", 0)),
                    )
                    break


def _imported_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


# -- the class and its decorators --------------------------------------------------------------


def _check_facts(spec: ModuleSpec, where: dict[str, Any]) -> Iterator[Finding]:
    for name in ("MODULE_VERSION", "MODULE_DESCRIPTION"):
        if name not in vars(spec.module_class):
            yield _finding(
                "module-facts",
                f"class {spec.module_class.__name__!r} has no {name}",
                f"add {name} = '...'",
                where=where,
            )


def _check_decorator_order(spec: ModuleSpec, where: dict[str, Any]) -> Iterator[Finding]:
    facts = getattr(spec.module_class, FACTS, ())
    decorators = [fact.decorator for fact in facts if fact.decorator in MANDATORY]
    for earlier, later in itertools.pairwise(dict.fromkeys(decorators)):
        if MANDATORY.index(later) < MANDATORY.index(earlier):
            yield _finding(
                "decorator-order",
                f"@{later} comes later than in the guide's order",
                f"order them as {', '.join(f'@{name}' for name in MANDATORY)}",
                where=where,
            )
            return


def _check_phase1(
    spec: ModuleSpec,
    source: Source,
    modules: Mapping[str, ModuleType],
    *,
    where: dict[str, Any],
) -> Iterator[Finding]:
    if not spec.phase1:
        yield _finding(
            "phase1",
            f"class {spec.module_class.__name__!r} has no phase-1 method",
            "name one: @initialization_sequence('setup_infrastructure', phase='phase1')",
            where=where,
        )
    model = next(iter(settings_models(modules)), None)
    registers = any(
        isinstance(node, ast.Attribute) and node.attr == "register_pydantic_model"
        for file, content in source.files.items()
        if is_code(file)
        for node in ast.walk(syntax_tree(content))
    )
    if model is not None and not registers:
        yield Finding(
            "settings-not-registered",
            "error",
            f"settings.py has {model}, and nothing registers it",
            cure="call self.app_context.register_pydantic_model(self.MODULE_ID, "
            f"{model}) in phase 1",
            **where,
        )


def _check_cleanup(spec: ModuleSpec, source: Source, where: dict[str, Any]) -> Iterator[Finding]:
    cls = spec.module_class
    for decorator, default, stop in (
        ("graceful_shutdown", "cleanup_resources", spec.graceful),
        ("force_shutdown", "force_cleanup", spec.force),
    ):
        if stop.method is None:
            yield _finding(
                "missing-cleanup",
                f"@{decorator} names no method",
                f"write {default}() and name it",
                where=where,
            )
    if spec.graceful.method and not _is_async(cls, spec.graceful.method):
        yield _finding(
            "cleanup-not-async",
            f"{spec.graceful.method}() is the graceful way to stop and isn't async",
            f"write it as async def {spec.graceful.method}(self)",
            where=_place_of_name(source, spec.graceful.method),
        )
    if spec.force.method and _is_async(cls, spec.force.method):
        yield _finding(
            "force-cleanup-async",
            f"{spec.force.method}() is the last resort, and waits: it is async",
            f"write it as def {spec.force.method}(self)",
            where=_place_of_name(source, spec.force.method),
        )


def _is_async(cls: type, name: str) -> bool:
    return inspect.iscoroutinefunction(getattr(cls, name, None))


# -- what the service documents ------------------------------------------------------------------


def _check_documentation(spec: ModuleSpec, source: Source) -> Iterator[Finding]:
    service = spec.service
    if service is None or service.service_class is None:
        return
    if spec.form == "guide" and not service.methods:
        yield _finding(
            "undocumented-service",
            f"@register_service({service.name!r}) documents no method",
            "list what callers may rely on: methods=[ServiceMethod(...)]",
            where=_place_of_name(source, spec.module_class.__name__),
        )
    for name, method in public_methods(service.service_class):
        if service.methods and name not in service.methods:
            yield _finding(
                "undocumented-method",
                f"{name}() is public, and no ServiceMethod documents it",
                f"add ServiceMethod(name={name!r}, ...), or call it _{name}",
                where=place_of_callable(method, source),
                level="info",
            )
    if spec.form == "guide":
        yield from _check_results(service.methods, service.service_class, source)


def _check_results(documented: Mapping[str, Any], cls: type, source: Source) -> Iterator[Finding]:
    for name, method in documented.items():
        returned = type_name(method.returns.return_type) if method.returns is not None else "Result"
        if returned != "Result":
            yield _finding(
                "result-pattern",
                f"{name}() is documented to return {returned}; the guide's services give a Result",
                "return Result.success(...) or Result.error(...)",
                where=place_of_callable(getattr(cls, name, None), source),
                level="info",
            )
