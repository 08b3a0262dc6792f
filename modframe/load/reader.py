"""`Reader`: reads a `ModuleSpec` off executed files, from what their decorators recorded.

The loader makes one per load, after the files were executed. It collects all faults before the
load fails. The short form (``@module``) and the guide's form are read alike; what ``@module``
doesn't say has its default.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import PurePosixPath
from types import MappingProxyType, ModuleType
from typing import Any

from ..errors import InvalidModuleIdError
from ..finding import Finding
from ..injection import Injections
from ..source import Source
from ..spec import (
    CHOICES,
    Fact,
    IntegritySpec,
    ModuleSpec,
    ServiceSpec,
    ShutdownSpec,
    module_id_of,
    module_of_service,
)
from ..wording import near, otherwise
from .class_facts import ClassFacts, Findings
from .documented import documentation_findings
from .health import read_health
from .injections import read_injections, required_services
from .module_class import BASE, find_module_class, is_framework_base, report_missing_decorators
from .paths import read_paths
from .services import ServiceReader

_DATABASE = "DATABASE_NAME"
_FILES = "MODULE_FILES"
_ORIGINS = {"folder": "the folder says", "cells": "the cell says", "notebook": "the cell says"}
_SHUTDOWN = {
    "graceful_shutdown": ShutdownSpec("cleanup_resources", 30.0),
    "force_shutdown": ShutdownSpec("force_cleanup", 5.0),
}
"""Decorator → what holds without it."""


class Reader:
    """Reads one executed source."""

    def __init__(self, source: Source, modules: Mapping[str, ModuleType]) -> None:
        self.source = source
        self.modules = modules
        self._findings = Findings(source)

    @property
    def findings(self) -> list[Finding]:
        """The findings so far."""
        return self._findings.collected

    def read(self) -> ModuleSpec | None:
        """Return the spec, or ``None`` if there is no module class; see ``findings``."""
        cls = find_module_class(self.modules, self._findings)
        if cls is None:
            return None
        facts = ClassFacts(cls)
        self._check(cls, facts)
        spec = self._spec(cls, facts)
        self.findings.extend(documentation_findings(spec, self.source))
        return spec

    def _spec(self, cls: type, facts: ClassFacts) -> ModuleSpec:
        short = facts.get("module") is not None
        services = ServiceReader(self.modules, self._findings)
        service = services.read_short_form(cls, facts) if short else services.read_guide_form(facts)
        given = facts.arguments("module")
        settings = given.get("settings")
        phase1, phase2 = self._phases(cls, facts)
        integrity = facts.get("enforce_data_integrity")
        requires = tuple(given.get("requires") or ())
        router = self._router(facts)
        initializes = short and "initialize" not in phase2
        injections = self._injections(cls, service, (*phase1, *phase2), initializes=initializes)
        stopped_class = (short and service and service.service_class) or cls
        return ModuleSpec(
            module_id=self.source.module_id,
            version=str(getattr(cls, "MODULE_VERSION", "0.0.0")),
            description=str(getattr(cls, "MODULE_DESCRIPTION", "") or inspect.getdoc(cls) or ""),
            form="short" if short else "guide",
            module_class=cls,
            service=service,
            phase1=phase1,
            phase2=phase2,
            requires_services=_distinct(
                facts.joined("require_services", "services"),
                facts.joined("phase2_operations", "dependencies"),
                [name for name in requires if name.count(".") > 1],
                self._injected_services(injections, router),
            ),
            requires_modules=_distinct(
                facts.joined("requires_modules", "required"),
                [module_id_of(name) for name in requires if name.count(".") <= 1],
            ),
            after_modules=facts.joined("requires_modules", "optional"),
            router=router,
            injections=injections,
            settings_model=(
                services.find_class(settings, at=facts.get("module")) if settings else None
            ),
            database_name=facts.arguments("register_database").get("database_name")
            or given.get("database"),
            files=self._files(cls),
            initializes_service=initializes,
            health=read_health(
                cls, facts, service=service, api=self.modules["api.py"], findings=self._findings
            ),
            integrity=IntegritySpec(**(integrity.values if integrity else {})),
            graceful=self._shutdown(facts, "graceful_shutdown", stopped_class),
            force=self._shutdown(facts, "force_shutdown", stopped_class),
            **handover_fields(cls, facts, service, self._findings),
        )

    # -- checks of the whole class --------------------------------------------------------

    def _check(self, cls: type, facts: ClassFacts) -> None:
        for fact in facts.repeated:
            self._findings.add(
                "decorator-twice",
                f"@{fact.decorator} stands twice on class {cls.__name__!r}",
                "keep one of them",
                at=fact,
            )
        short = facts.get("module")
        if short is None:
            if facts.missing:
                report_missing_decorators(cls, facts.missing, self._findings)
            if not any(map(is_framework_base, cls.__mro__)):
                self._findings.add(
                    "wrong-base",
                    f"class {cls.__name__!r} does not inherit {BASE}",
                    f"write 'class {cls.__name__}({BASE})', which core.module_base has",
                    at=cls.__name__,
                )
        self._check_id(cls, short)
        self._check_database(facts)

    def _check_id(self, cls: type, short: Fact | None) -> None:
        given = short.values["module_id"] if short else None
        at = short if short and given else "MODULE_ID"
        declared = given or getattr(cls, "MODULE_ID", "")
        wanted = self.source.module_id
        if not declared:
            if short is None:
                message = f"class {cls.__name__!r} has no MODULE_ID"
                cure = f"add MODULE_ID = {wanted!r}"
                self._findings.add("module-id", message, cure, at=cls.__name__)
            return
        try:
            module_id = module_id_of(declared)
        except InvalidModuleIdError as error:
            self._findings.add("module-id", f"MODULE_ID: {error.message}", error.cure, at=at)
            return
        if module_id != wanted:
            self._findings.add(
                "module-id",
                f"MODULE_ID is {declared!r}, but "
                f"{_ORIGINS.get(self.source.origin, 'it is loaded as')} {wanted!r}",
                f"write {wanted!r} here, or move it: {module_id!r} stands in "
                f"modules/{module_id.replace('.', '/')}",
                at=at,
            )

    def _check_database(self, facts: ClassFacts) -> None:
        """Warn if the decorator and the constant beside the models differ; the constant counts."""
        fact = facts.get("register_database")
        if fact is None:
            return
        named = fact.values["database_name"]
        for file, module in self.modules.items():
            constant = vars(module).get(_DATABASE)
            if isinstance(constant, str) and constant != named:
                says = f"names {named!r}" if named else "names no database"
                self._findings.add(
                    "database-name",
                    f"@register_database {says}, and {file} has {_DATABASE} = {constant!r}, "
                    "which counts",
                    f"write database_name={constant!r}",
                    at=fact,
                    level="warning",
                )
                return

    # -- phases and methods ---------------------------------------------------------------

    def _phases(self, cls: type, facts: ClassFacts) -> tuple[tuple[str, ...], tuple[str, ...]]:
        methods: dict[str, list[str]] = {"phase1": [], "phase2": []}
        for fact in facts.every("initialization_sequence", "phase2_operations"):
            phase = fact.values.get("phase", "phase2")
            for name in fact.values["methods"]:
                self._require_method(cls, name, fact)
                methods[phase].append(name)
        return tuple(dict.fromkeys(methods["phase1"])), tuple(dict.fromkeys(methods["phase2"]))

    def _injections(
        self,
        cls: type,
        service: ServiceSpec | None,
        phases: tuple[str, ...],
        *,
        initializes: bool,
    ) -> Injections:
        """Return what the constructors and phases want to be given."""
        of_service = (service and service.service_class) or cls
        methods = [cls.__init__, of_service.__init__]  # type: ignore[misc]  # only looked at
        methods += [getattr(cls, name, None) for name in phases]
        if initializes:
            methods.append(getattr(of_service, "initialize", None))
        return read_injections(methods, self._findings)

    def _injected_services(self, injections: Injections, router: Any) -> list[str]:
        """Return the services of other modules that are injected, each of which is required."""
        own = self.source.module_id
        modules = {name: module_of_service(name) for name in required_services(injections, router)}
        return [
            name if name.count(".") > 1 else f"{module}.service"
            for name, module in modules.items()
            if module != own
        ]

    def _require_method(self, cls: type, name: str, fact: Fact) -> None:
        attribute = getattr(cls, name, None)
        if callable(attribute):
            return
        why = "it is no method"
        if attribute is None:
            why = f"class {cls.__name__!r} has no such method"
        methods = [key for key in dir(cls) if key[0] != "_" and callable(getattr(cls, key))]
        self._findings.add(
            "missing-method",
            f"@{fact.decorator} names {name!r}, and {why}",
            otherwise(near(name, methods), "write the method"),
            at=fact,
        )

    def _shutdown(self, facts: ClassFacts, decorator: str, cls: type) -> ShutdownSpec:
        fact, default = facts.get(decorator), _SHUTDOWN[decorator]
        method = fact.values["method"] if fact else default.method
        timeout = float(fact.values["timeout"]) if fact else default.timeout
        implied = method == default.method and (fact is None or facts.get("module") is not None)
        if implied and not callable(getattr(cls, method or "", None)):
            return ShutdownSpec(None, timeout)
        if fact is not None and method:
            self._require_method(cls, method, fact)
        return ShutdownSpec(method, timeout)

    # -- routes and files -----------------------------------------------------------------

    def _files(self, cls: type) -> tuple[str, ...]:
        """Return ``MODULE_FILES`` of the class, or of ``api.py``."""
        patterns = getattr(cls, _FILES, vars(self.modules["api.py"]).get(_FILES, ()))
        if not isinstance(patterns, list | tuple) or not all(map(_is_pattern, patterns)):
            self._findings.add(
                "module-files",
                f"{_FILES} is {patterns!r}, and not a tuple of patterns below the module's folder",
                f'write {_FILES} = ("queries/*.sql",)',
                at=_FILES,
            )
            return ()
        return tuple(patterns)

    def _router(self, facts: ClassFacts) -> Any:
        fact = facts.get("register_api_endpoints")
        name = fact.values["router_name"] if fact else "router"
        router = vars(self.modules["api.py"]).get(name) if name else None
        kind = type(router).__name__
        if router is not None and _is_router(router):
            return router
        if fact is not None and name:
            fault = f"and in api.py that is no APIRouter but of type {kind}"
            if router is None:
                fault = "and api.py has no such variable"
            self._findings.add(
                "missing-router",
                f"@register_api_endpoints names {name!r}, {fault}",
                f"write '{name} = APIRouter()' in api.py and decorate the routes with "
                f"@{name}.get(...)",
                at=fact,
            )
        elif fact is None and router is not None:
            self._findings.add(
                "no-router",
                f"'router' is no APIRouter but of type {kind}, and nothing of it is served",
                "write 'router = APIRouter()', or call the variable something else",
                at="router",
                level="warning",
            )
        elif fact is None and (unserved := self._routers()):
            names = " and ".join(map(repr, unserved))
            self._findings.add(
                "unserved-router",
                f"nothing of the APIRouter {names} is served, since api.py has no 'router'",
                "call it 'router', or name it in @register_api_endpoints",
                at=unserved[0],
                level="warning",
            )
        return None

    def _routers(self) -> list[str]:
        """Return the names that routers have in ``api.py``."""
        if not any("APIRouter" in file.text for file in self.source.files.values()):
            return []  # the common case, which must cost nothing
        names = vars(self.modules["api.py"]).items()
        return [name for name, value in names if _is_router(value)]


def _is_router(value: object) -> bool:
    return any(base.__name__ == "APIRouter" for base in type(value).__mro__)


def _is_pattern(value: object) -> bool:
    path = PurePosixPath(value) if isinstance(value, str) and value else None
    return path is not None and not path.is_absolute() and ".." not in path.parts


def _distinct(*groups: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(groups)))


def handover_fields(
    cls: type, facts: ClassFacts, service: ServiceSpec | None, findings: Findings
) -> dict[str, Any]:
    """Return the fields of the spec about hand-over and HTTP: what to keep, where it lives, ...

    What a module doesn't say is not among them.
    """
    owners = {cls, (service and service.service_class) or cls}
    given = facts.arguments("module")
    fields: dict[str, Any] = {}
    for name, check in _CHECKS.items():
        value = given.get(name)
        if value is None:
            value = getattr(cls, _CONSTANTS[name], _UNSAID)
        if value is not _UNSAID:
            fields[name] = check(name, value, findings)
    return {
        **fields,
        "paths": read_paths(cls, facts, findings),
        "dumps_state": any(map(callable, [getattr(owner, "dump_state", None) for owner in owners])),
        "loads_state": any(map(callable, [getattr(owner, "load_state", None) for owner in owners])),
    }


_UNSAID = object()


def _checked_attributes(name: str, value: Any, findings: Findings) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(
        isinstance(name, str) and name.isidentifier() for name in names
    ):
        constant = _CONSTANTS[name]
        findings.add(
            "keep-state",
            f"{constant} is {value!r}, and has to name attributes of the service",
            f"write {constant} = ('counter',)",
            at=constant,
        )
        return ()
    return tuple(names)


def _checked_statuses(name: str, value: Any, findings: Findings) -> Mapping[str, int]:
    constant = _CONSTANTS[name]
    if isinstance(value, Mapping) and all(
        isinstance(code, str) and isinstance(status, int) and status in range(400, 600)
        for code, status in value.items()
    ):
        return MappingProxyType(dict(value))
    findings.add(
        "error-status",
        f"{constant} is {value!r}, and has to map error codes to HTTP statuses from 400 to 599",
        f'write {constant} = {{"NOT_FOUND": 404}}',
        at=constant,
    )
    return {}


def _checked_flag(name: str, value: Any, findings: Findings) -> bool:
    if not isinstance(value, bool):
        constant = _CONSTANTS[name]
        findings.add(
            name.replace("_", "-"),
            f"{constant} is {value!r}, and has to be True or False",
            f"write {constant} = True",
            at=constant,
        )
        return False
    return value


def _checked_choice(name: str, value: Any, findings: Findings) -> Any:
    default, *_ = choices = CHOICES[name]
    if value in choices:
        return value
    constant, wanted = _CONSTANTS[name], " or ".join(map(repr, choices))
    findings.add(
        name.replace("_", "-"),
        f"{constant} is {value!r}, and has to be {wanted}",
        f"write {wanted}",
        at=constant,
    )
    return default


_CHECKS: Mapping[str, Callable[[str, Any, Findings], Any]] = {
    "keep_state": _checked_attributes,
    "swap": _checked_choice,
    "streams": _checked_choice,
    "settings_change": _checked_choice,
    "error_status": _checked_statuses,
    "public": _checked_flag,
}
"""What a module may say → what checks its value."""
_CONSTANTS = {name: f"MODULE_{name.upper()}" for name in _CHECKS}
