"""Executed files to a `ModuleSpec`: reads what decorators recorded, and says what is wrong.

Comes after the files were executed, once per generation. All faults are reported together. Both
forms are read alike; what ``@module`` doesn't say has its default.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any

from ..errors import Finding, InvalidModuleIdError
from ..source import Source
from ..spec import (
    CHOICES,
    Fact,
    HealthSpec,
    IntegritySpec,
    ModuleSpec,
    ServiceSpec,
    ShutdownSpec,
    module_id_of,
)
from ..wording import near, otherwise
from .documented import contract_findings
from .facts import Facts, Notes
from .module_class import BASE, find_module_class, is_framework_base, lacks_decorators
from .services import Services

_DATABASE = "DATABASE_NAME"
_FILES = "MODULE_FILES"


class Reader:
    """Reads one executed source; ``findings`` collects what it has to say."""

    def __init__(self, source: Source, modules: Mapping[str, ModuleType]) -> None:
        self.source = source
        self.modules = modules
        self._notes = Notes(source)

    @property
    def findings(self) -> list[Finding]:
        """What it has to say so far."""
        return self._notes.findings

    def read(self) -> ModuleSpec | None:
        """The spec, or nothing where ``findings`` holds an error."""
        cls = find_module_class(self.modules, self._notes)
        if cls is None:
            return None
        facts = Facts(cls)
        self._check(cls, facts)
        spec = self._spec(cls, facts)
        self.findings.extend(contract_findings(spec, self.source))
        return spec

    def _spec(self, cls: type, facts: Facts) -> ModuleSpec:
        short = facts.first("module") is not None
        services = Services(self.source.module_id, self.modules, self._notes)
        service = services.short(cls, facts) if short else services.guide(facts)
        settings = facts.value("module", "settings")
        phase1, phase2 = self._phases(cls, facts)
        requires = tuple(facts.value("module", "requires") or ())
        stops = service.service_class if short and service and service.service_class else cls
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
                [one for one in requires if one.count(".") > 1],
            ),
            requires_modules=_distinct(
                facts.joined("requires_modules", "required"),
                [module_id_of(one) for one in requires if one.count(".") <= 1],
            ),
            after_modules=facts.joined("requires_modules", "optional"),
            router=self._router(facts),
            settings_model=(
                services.class_named(settings, at=facts.first("module")) if settings else None
            ),
            database_name=facts.value("register_database", "database_name")
            or facts.value("module", "database"),
            files=self._files(cls),
            initializes_service=short and "initialize" not in phase2,
            health=self._health(cls, facts),
            integrity=IntegritySpec(**_values(facts.first("enforce_data_integrity"))),
            graceful=self._shutdown(
                facts, "graceful_shutdown", stops, ShutdownSpec("cleanup_resources", 30.0)
            ),
            force=self._shutdown(
                facts, "force_shutdown", stops, ShutdownSpec("force_cleanup", 5.0)
            ),
            **giving_way(cls, facts, service, self._notes),
        )

    # -- what the whole has to be ---------------------------------------------------------

    def _check(self, cls: type, facts: Facts) -> None:
        for again in facts.repeated:
            self._notes.error(
                "decorator-twice",
                f"@{again.decorator} stands twice on class {cls.__name__!r}",
                "keep one of them",
                at=again,
            )
        short = facts.first("module")
        if short is None:
            if facts.missing:
                lacks_decorators(cls, facts.missing, self._notes)
            if not any(map(is_framework_base, cls.__mro__)):
                self._notes.error(
                    "wrong-base",
                    f"class {cls.__name__!r} does not inherit {BASE}",
                    f"write 'class {cls.__name__}({BASE})', which core.module_base has",
                    at=cls.__name__,
                )
        self._check_id(cls, short)
        self._check_database(facts)

    def _check_id(self, cls: type, short: Fact | None) -> None:
        given = short.values["module_id"] if short else None
        at: Fact | str = short if short is not None and given else "MODULE_ID"
        given = given or getattr(cls, "MODULE_ID", "")
        wanted = self.source.module_id
        if not given:
            if short is None:
                self._notes.error(
                    "module-id",
                    f"class {cls.__name__!r} has no MODULE_ID",
                    f"add MODULE_ID = {wanted!r}",
                    at=cls.__name__,
                )
            return
        try:
            said = module_id_of(given)
        except InvalidModuleIdError as error:
            self._notes.error("module-id", f"MODULE_ID: {error.message}", error.cure, at=at)
            return
        if said != wanted:
            says = {
                "folder": "the folder says",
                "cells": "the cell says",
                "notebook": "the cell says",
            }
            self._notes.error(
                "module-id",
                f"MODULE_ID is {given!r}, but "
                f"{says.get(self.source.origin, 'it is loaded as')} {wanted!r}",
                f"write {wanted!r} here, or move it: {said!r} stands in "
                f"modules/{said.replace('.', '/')}",
                at=at,
            )

    def _check_database(self, facts: Facts) -> None:
        """The constant beside the models wins over the decorator; where they differ it is said."""
        fact = facts.first("register_database")
        if fact is None:
            return
        named = fact.values["database_name"]
        for file, module in self.modules.items():
            constant = vars(module).get(_DATABASE)
            if isinstance(constant, str) and constant != named:
                says = f"names {named!r}" if named else "names no database"
                self._notes.warn(
                    "database-name",
                    f"@register_database {says}, and {file} has {_DATABASE} = {constant!r}, "
                    "which counts",
                    f"write database_name={constant!r}",
                    at=fact,
                )
                return

    # -- phases and methods ---------------------------------------------------------------

    def _phases(self, cls: type, facts: Facts) -> tuple[tuple[str, ...], tuple[str, ...]]:
        methods: dict[str, list[str]] = {"phase1": [], "phase2": []}
        for fact in facts.every("initialization_sequence", "phase2_operations"):
            phase = fact.values.get("phase", "phase2")
            for name in fact.values["methods"]:
                self._require_method(cls, name, fact)
                methods[phase].append(name)
        return tuple(dict.fromkeys(methods["phase1"])), tuple(dict.fromkeys(methods["phase2"]))

    def _require_method(self, cls: type, name: str, fact: Fact) -> None:
        there = getattr(cls, name, None)
        if callable(there):
            return
        hint = near(name, _methods_of(cls))
        why = f"class {cls.__name__!r} has no such method" if there is None else "it is no method"
        self._notes.error(
            "missing-method",
            f"@{fact.decorator} names {name!r}, and {why}",
            otherwise(hint, "write the method"),
            at=fact,
        )

    def _health(self, cls: type, facts: Facts) -> HealthSpec:
        fact = facts.first("module_health_check")
        if fact is None:
            return HealthSpec()
        method = fact.values["method"]
        if method:
            self._require_method(cls, method, fact)
        return HealthSpec(method, fact.values["interval"])

    def _shutdown(
        self, facts: Facts, decorator: str, cls: type, default: ShutdownSpec
    ) -> ShutdownSpec:
        fact = facts.first(decorator)
        method = fact.values["method"] if fact else default.method
        timeout = fact.values["timeout"] if fact else default.timeout
        implied = method == default.method and (fact is None or facts.first("module") is not None)
        if implied and not callable(getattr(cls, method or "", None)):
            return ShutdownSpec(None, timeout)
        if fact is not None and method:
            self._require_method(cls, method, fact)
        return ShutdownSpec(method, timeout)

    # -- routes and files -----------------------------------------------------------------

    def _files(self, cls: type) -> tuple[str, ...]:
        """What ``MODULE_FILES`` says, beside the class or in it."""
        given = getattr(cls, _FILES, vars(self.modules["api.py"]).get(_FILES, ()))
        if not isinstance(given, list | tuple) or not all(map(_is_pattern, given)):
            self._notes.error(
                "module-files",
                f"{_FILES} is {given!r}, and not a tuple of patterns below the module's folder",
                f'write {_FILES} = ("queries/*.sql",)',
                at=_FILES,
            )
            return ()
        return tuple(given)

    def _router(self, facts: Facts) -> Any:
        fact = facts.first("register_api_endpoints")
        name = fact.values["router_name"] if fact else "router"
        router = vars(self.modules["api.py"]).get(name) if name else None
        kind = type(router).__name__
        if any(one.__name__ == "APIRouter" for one in type(router).__mro__):
            return router
        if fact is not None and name:
            there = (
                "and api.py has no such variable"
                if router is None
                else f"and in api.py that is no APIRouter but of type {kind}"
            )
            self._notes.error(
                "missing-router",
                f"@register_api_endpoints names {name!r}, {there}",
                f"write '{name} = APIRouter()' in api.py and decorate the routes with "
                f"@{name}.get(...)",
                at=fact,
            )
        elif fact is None and router is not None:
            self._notes.warn(
                "no-router",
                f"'router' is no APIRouter but of type {kind}, and nothing of it is served",
                "write 'router = APIRouter()', or call the variable something else",
                at="router",
            )
        return None


def _is_pattern(given: object) -> bool:
    path = PurePosixPath(given) if isinstance(given, str) and given else None
    return path is not None and not path.is_absolute() and ".." not in path.parts


def _values(fact: Fact | None) -> Mapping[str, Any]:
    return fact.values if fact is not None else {}


def _distinct(*groups: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for group in groups for one in group))


def _methods_of(cls: type) -> list[str]:
    return [name for name in dir(cls) if name[0] != "_" and callable(getattr(cls, name))]


_CONSTANTS = {"keep_state": "MODULE_KEEP_STATE", "swap": "MODULE_SWAP", "streams": "MODULE_STREAMS"}


def giving_way(
    cls: type, facts: Facts, service: ServiceSpec | None, notes: Notes
) -> dict[str, Any]:
    """The fields of the spec that say so; what is wrong goes to the notes."""
    owners = [cls, *([service.service_class] if service and service.service_class else ())]
    return {
        "keep_state": _kept(_said(cls, facts, "keep_state", ()), notes),
        "swap": _chosen(_said(cls, facts, "swap", "overlap"), "swap", notes),
        "streams": _chosen(_said(cls, facts, "streams", "finish"), "streams", notes),
        "dumps_state": any(callable(getattr(one, "dump_state", None)) for one in owners),
        "loads_state": any(callable(getattr(one, "load_state", None)) for one in owners),
    }


def _said(cls: type, facts: Facts, name: str, default: Any) -> Any:
    given = facts.value("module", name)
    return getattr(cls, _CONSTANTS[name], default) if given is None else given


def _kept(value: Any, notes: Notes) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(
        isinstance(one, str) and one.isidentifier() for one in names
    ):
        constant = _CONSTANTS["keep_state"]
        notes.error(
            "keep-state",
            f"{constant} is {value!r}, and has to name attributes of the service",
            f"write {constant} = ('counter',)",
            at=constant,
        )
        return ()
    return tuple(names)


def _chosen(value: Any, name: str, notes: Notes) -> Any:
    if value in CHOICES[name]:
        return value
    constant, wanted = _CONSTANTS[name], " or ".join(map(repr, CHOICES[name]))
    notes.error(
        name, f"{constant} is {value!r}, and has to be {wanted}", f"write {wanted}", at=constant
    )
    return CHOICES[name][0]
