"""Reads a module's recorded facts into its frozen `ModuleSpec`, and says what is missing or wrong.

Comes after the files were executed, once per generation. All faults are reported together.
"""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from ..errors import Finding, Level
from ..source import Source
from ..spec import (
    FACTS,
    Fact,
    HealthSpec,
    IntegritySpec,
    ModuleSpec,
    ServiceSpec,
    ShutdownSpec,
    module_id_of,
    module_of_service,
)
from .checks import parsed, place
from .contract import contract_findings

MANDATORY = (
    "inject_dependencies",
    "register_service",
    "require_services",
    "initialization_sequence",
    "phase2_operations",
    "auto_service_creation",
    "register_api_endpoints",
    "register_database",
    "enforce_data_integrity",
    "module_health_check",
    "graceful_shutdown",
    "force_shutdown",
)
"""The decorators that the guide's form demands, in the guide's order."""

_BASE = "DataIntegrityModule"


class Reader:
    """Reads one executed source; ``findings`` collects what it has to say."""

    def __init__(self, source: Source, modules: Mapping[str, ModuleType]) -> None:
        self.source = source
        self.modules = modules
        self.findings: list[Finding] = []

    def read(self) -> ModuleSpec | None:
        """The spec, or nothing where ``findings`` holds an error."""
        cls = self._module_class()
        if cls is None:
            return None
        facts = {fact.decorator: fact for fact in reversed(getattr(cls, FACTS, ()))}
        self._check_id(cls, facts)
        spec = self._short(cls, facts) if "module" in facts else self._guide(cls, facts)
        self.findings += contract_findings(spec, self)
        return spec

    # -- the class ------------------------------------------------------------------------

    def _module_class(self) -> type | None:
        namespace = vars(self.modules["api.py"])
        own = [
            value
            for value in dict.fromkeys(v for v in namespace.values() if isinstance(v, type))
            if value.__module__ == namespace["__name__"]
        ]
        decorated = [one for one in own if FACTS in vars(one)]
        if len(decorated) > 1:
            names = ", ".join(one.__name__ for one in decorated)
            self.error(
                "several-module-classes",
                f"api.py has {len(decorated)} module classes: {names}",
                "keep one; a module has one class",
                decorated[1].__name__,
            )
            return None
        if decorated:
            return decorated[0]
        bare = next((one for one in own if any(b.__name__ == _BASE for b in one.__mro__)), None)
        if bare is not None:
            self._missing_decorators(bare.__name__, MANDATORY)
        else:
            self.error(
                "no-module-class",
                "api.py has no module class",
                "decorate the class: @module for the short form, or the guide's decorators on a "
                f"{_BASE}",
            )
        return None

    def _missing_decorators(self, name: str, missing: tuple[str, ...]) -> None:
        listed = ", ".join(f"@{one}" for one in missing)
        self.error(
            "missing-decorator",
            f"class {name!r} lacks {listed}",
            "add what is missing, or use @module, the short form of all of them",
            name,
        )

    def _check_id(self, cls: type, facts: Mapping[str, Fact]) -> None:
        short = facts.get("module")
        given = (short.values["module_id"] if short else None) or getattr(cls, "MODULE_ID", "")
        if not given:
            if not short:
                self.error(
                    "module-id",
                    f"class {cls.__name__!r} has no MODULE_ID",
                    f"add MODULE_ID = {self.source.module_id!r}",
                    cls.__name__,
                )
        elif module_id_of(given) != self.source.module_id:
            folder = self.source.module_id.replace(".", "/")
            where = "folder" if self.source.origin == "folder" else "cell"
            self.error(
                "module-id",
                f"MODULE_ID is {given!r}, but the {where} says {self.source.module_id!r}",
                f"make them equal: a module of that id stands in modules/{given.replace('.', '/')}"
                f", this one in modules/{folder}",
                "MODULE_ID" if not (short and short.values["module_id"]) else cls.__name__,
            )

    # -- the guide's form -----------------------------------------------------------------

    def _guide(self, cls: type, facts: Mapping[str, Fact]) -> ModuleSpec:
        missing = tuple(name for name in MANDATORY if name not in facts)
        if missing:
            self._missing_decorators(cls.__name__, missing)
        phase1, phase2 = self._phases(cls, facts)
        requires = facts.get("requires_modules")
        operations = facts.get("phase2_operations")
        return ModuleSpec(
            module_id=self.source.module_id,
            version=str(getattr(cls, "MODULE_VERSION", "0.0.0")),
            description=str(getattr(cls, "MODULE_DESCRIPTION", "") or inspect.getdoc(cls) or ""),
            form="guide",
            module_class=cls,
            service=self._service(cls, facts),
            phase1=phase1,
            phase2=phase2,
            requires_services=tuple(
                dict.fromkeys(
                    [
                        *self._value(facts, "require_services", "services", ()),
                        *(operations.values["dependencies"] if operations else ()),
                    ]
                )
            ),
            requires_modules=self._ids(requires.values["required"] if requires else ()),
            after_modules=self._ids(requires.values["optional"] if requires else ()),
            router=self._router(cls, facts),
            database_name=self._value(facts, "register_database", "database_name", None),
            health=self._health(cls, facts),
            integrity=self._integrity(facts),
            graceful=self._shutdown(cls, facts, "graceful_shutdown", 30.0),
            force=self._shutdown(cls, facts, "force_shutdown", 5.0),
        )

    @staticmethod
    def _value(facts: Mapping[str, Fact], decorator: str, name: str, default: Any) -> Any:
        fact = facts.get(decorator)
        return fact.values[name] if fact else default

    def _ids(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(module_id_of(name) for name in names)

    def _phases(
        self, cls: type, facts: Mapping[str, Fact]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        methods: dict[str, list[str]] = {"phase1": [], "phase2": []}
        for fact in getattr(cls, FACTS, ()):
            if fact.decorator == "initialization_sequence":
                methods[fact.values["phase"]] += fact.values["methods"]
            elif fact.decorator == "phase2_operations":
                methods["phase2"] += fact.values["methods"]
        for phase, names in methods.items():
            for name in names:
                self._require_method(cls, name, f"{phase} calls")
        return tuple(methods["phase1"]), tuple(methods["phase2"])

    def _require_method(self, cls: type, name: str, who: str) -> None:
        if callable(getattr(cls, name, None)):
            return
        near = difflib.get_close_matches(name, [one for one in dir(cls) if one[0] != "_"], n=1)
        hint = f", or did you mean {near[0]!r}?" if near else ""
        self.error(
            "missing-method",
            f"{who} {name!r}, which class {cls.__name__!r} does not have",
            f"write the method{hint}",
            cls.__name__,
        )

    def _service(self, cls: type, facts: Mapping[str, Fact]) -> ServiceSpec | None:
        registered = facts.get("register_service")
        wanted = self._value(facts, "auto_service_creation", "service_class", None)
        service_class = self._class_named(wanted, cls) if wanted else None
        if registered is None:
            return None
        name = registered.values["name"]
        if module_of_service(name) != self.source.module_id:
            self.error(
                "service-name",
                f"the service is called {name!r}, which belongs to {module_of_service(name)!r}",
                f"call it '{self.source.module_id}.service'",
                cls.__name__,
            )
        methods = {one.name: one for one in registered.values["methods"]}
        return ServiceSpec(name, service_class, methods, registered.values["priority"])

    def _class_named(self, wanted: str | type, cls: type) -> type | None:
        if isinstance(wanted, type):
            return wanted
        order = sorted(self.modules, key=lambda file: (file != "api.py", file != "services.py"))
        for file in order:
            found = vars(self.modules[file]).get(wanted)
            if isinstance(found, type):
                return found
        own = [
            name
            for module in self.modules.values()
            for name, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__
        ]
        near = difflib.get_close_matches(wanted, own, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        self.error(
            "unknown-service-class",
            f"there is no class {wanted!r} in {', '.join(sorted(self.modules))}",
            f"{hint}write the class, or name the one there is",
            cls.__name__,
        )
        return None

    def _router(self, cls: type, facts: Mapping[str, Fact]) -> Any:
        name = self._value(facts, "register_api_endpoints", "router_name", None)
        if not name:
            return None
        router = vars(self.modules["api.py"]).get(name)
        if router is None:
            self.error(
                "missing-router",
                f"@register_api_endpoints names {name!r}, and api.py has no such variable",
                f"add '{name} = APIRouter()' to api.py and decorate the routes with @{name}.get(...)",
                cls.__name__,
            )
        return router

    def _health(self, cls: type, facts: Mapping[str, Fact]) -> HealthSpec:
        fact = facts.get("module_health_check")
        if fact is None:
            return HealthSpec()
        method = fact.values["method"]
        if isinstance(method, str):
            self._require_method(cls, method, "@module_health_check names")
        return HealthSpec(method, float(fact.values["interval"]))

    @staticmethod
    def _integrity(facts: Mapping[str, Fact]) -> IntegritySpec:
        fact = facts.get("enforce_data_integrity")
        return IntegritySpec(**fact.values) if fact else IntegritySpec()

    def _shutdown(
        self, cls: type, facts: Mapping[str, Fact], decorator: str, timeout: float
    ) -> ShutdownSpec:
        fact = facts.get(decorator)
        if fact is None:
            return ShutdownSpec(None, timeout)
        method = fact.values["method"]
        if method:
            self._require_method(cls, method, f"@{decorator} names")
        return ShutdownSpec(method, float(fact.values["timeout"]))

    # -- the short form -------------------------------------------------------------------

    def _short(self, cls: type, facts: Mapping[str, Fact]) -> ModuleSpec:
        values = facts["module"].values
        wanted = values.get("service")
        own_service = wanted is None and any(True for _ in public_methods(cls))
        if own_service:
            service_class: type | None = cls
        else:
            service_class = self._class_named(wanted, cls) if wanted else None
        name = f"{self.source.module_id}.service"
        registered = facts.get("register_service")
        methods = {one.name: one for one in registered.values["methods"]} if registered else {}
        settings = values.get("settings")
        requires = tuple(values.get("requires", ()))
        stops = service_class or cls
        return ModuleSpec(
            module_id=self.source.module_id,
            version=str(getattr(cls, "MODULE_VERSION", "0.0.0")),
            description=str(getattr(cls, "MODULE_DESCRIPTION", "") or inspect.getdoc(cls) or ""),
            form="short",
            module_class=cls,
            service=ServiceSpec(name, service_class, methods) if service_class else None,
            requires_services=tuple(one for one in requires if one.count(".") > 1),
            requires_modules=self._ids(tuple(one for one in requires if one.count(".") <= 1)),
            router=vars(self.modules["api.py"]).get("router"),
            settings_model=self._class_named(settings, cls) if settings else None,
            database_name=values.get("database"),
            initializes_service=True,
            health=self._health(cls, facts),
            integrity=self._integrity(facts),
            graceful=ShutdownSpec(_if_there(stops, "cleanup_resources"), 30.0),
            force=ShutdownSpec(_if_there(stops, "force_cleanup"), 5.0),
        )

    # -- findings -------------------------------------------------------------------------

    def error(self, rule: str, message: str, cure: str, name: str = "") -> None:
        """Note a fault of ``api.py``; ``name`` is the class or constant it is about."""
        self.note(rule, "error", message, cure, "api.py", name)

    def note(
        self, rule: str, level: Level, message: str, cure: str, file: str, name: str = ""
    ) -> None:
        """Note anything about a file, at the line where ``name`` is defined."""
        content = self.source.files[file]
        line = _line_of(parsed(content), name) if name else 0
        self.findings.append(Finding(rule, level, message, cure, **place(content, file, line)))


def _if_there(cls: type, name: str) -> str | None:
    return name if callable(getattr(cls, name, None)) else None


HOOKS = frozenset({"initialize", "cleanup_resources", "force_cleanup", "check_health"})


def public_methods(cls: type) -> Iterator[tuple[str, Any]]:
    """The methods that a handle offers: public, callable, and not inherited from `object`."""
    for name in dir(cls):
        if name.startswith("_") or name in HOOKS:
            continue
        value = inspect.getattr_static(cls, name)
        if isinstance(value, staticmethod | classmethod) or inspect.isfunction(value):
            yield name, getattr(cls, name)


def _line_of(tree: ast.Module, name: str) -> int:
    """The line where a class or a constant is defined, at the top or in a class; 0 if nowhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node.lineno
        if isinstance(node, ast.Assign) and any(
            isinstance(one, ast.Name) and one.id == name for one in node.targets
        ):
            return node.lineno
    return 0
