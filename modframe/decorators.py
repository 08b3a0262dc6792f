"""The decorators of a module class. Each records a fact on the class; the loader acts on it.

Every spelling of the module development guide is taken: positional or by keyword, one name or a
list. ``@module`` is the short form of all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

from .spec import FACTS, Fact, ServiceExample, ServiceMethod, ServiceParam, ServiceReturn

C = TypeVar("C", bound=type)
Decorator = Callable[[C], C]

__all__ = [
    "ServiceExample",
    "ServiceMethod",
    "ServiceParam",
    "ServiceReturn",
    "auto_service_creation",
    "enforce_data_integrity",
    "force_shutdown",
    "graceful_shutdown",
    "initialization_sequence",
    "inject_dependencies",
    "module",
    "module_health_check",
    "phase2_operations",
    "register_api_endpoints",
    "register_database",
    "register_service",
    "require_services",
    "requires_modules",
]


def _record(decorator: str, **values: Any) -> Callable[[C], C]:
    line = sys._getframe(2).f_lineno

    def decorate(cls: C) -> C:
        if not isinstance(cls, type):
            raise TypeError(f"@{decorator} decorates a module class, not {cls!r}")
        facts = cls.__dict__.get(FACTS, ())
        setattr(cls, FACTS, (Fact(decorator, values, line), *facts))
        return cls

    return decorate


def _names(decorator: str, *groups: Any) -> tuple[str, ...]:
    """Names given one by one or in lists, flattened; anything else is a TypeError that says so."""
    found: list[str] = []
    for group in groups:
        for name in [group] if isinstance(group, str) else (group or ()):
            if not isinstance(name, str):
                raise TypeError(f"@{decorator} takes names as strings, not {name!r}")
            found.append(name)
    return tuple(found)


def inject_dependencies(*names: str | Sequence[str]) -> Decorator[C]:
    """Say what is handed to the module; ``'app_context'`` is what there is."""
    return _record("inject_dependencies", names=_names("inject_dependencies", *names))


def register_service(
    name: str, methods: Iterable[ServiceMethod] = (), priority: int = 100
) -> Decorator[C]:
    """Register the module's service under a full name, with its documented methods.

    Args:
        name: For example ``"standard.orders.service"``.
        methods: What callers may rely on; shown in help, views and contracts.
        priority: Breaks ties in the start order; lower comes first.
    """
    return _record("register_service", name=name, methods=tuple(methods), priority=priority)


def require_services(services: Sequence[str] | str = (), *more: str) -> Decorator[C]:
    """Require services of other modules; they are there before phase 2 of this one."""
    return _record("require_services", services=_names("require_services", services, *more))


def requires_modules(
    modules: Sequence[Mapping[str, Any] | str] | Mapping[str, Any] | str = (), *more: str
) -> Decorator[C]:
    """Require modules: ids, or ``{"modules": [...], "optional": bool}``.

    An optional module comes first if it is there, and isn't missed if it isn't.
    """
    entries = [modules] if isinstance(modules, str | Mapping) else list(modules)
    required: list[str] = []
    optional: list[str] = []
    for entry in [*entries, *more]:
        if isinstance(entry, str):
            required.append(entry)
        else:
            group = optional if entry.get("optional", False) else required
            group.extend(_names("requires_modules", entry["modules"]))
    return _record("requires_modules", required=tuple(required), optional=tuple(optional))


def initialization_sequence(
    *methods: str | Sequence[str], phase: Literal["phase1", "phase2"] = "phase1"
) -> Decorator[C]:
    """Name methods of the module class that run in a phase, in this order."""
    if phase not in ("phase1", "phase2"):
        raise ValueError(f"@initialization_sequence: phase is 'phase1' or 'phase2', not {phase!r}")
    names = _names("initialization_sequence", *methods)
    return _record("initialization_sequence", methods=names, phase=phase)


def phase2_operations(
    *operations: str | Sequence[str],
    methods: Sequence[str] | str = (),
    dependencies: Sequence[str] | str = (),
) -> Decorator[C]:
    """Name methods of the module class that run in phase 2, and services that must be there."""
    return _record(
        "phase2_operations",
        methods=_names("phase2_operations", *operations, methods),
        dependencies=_names("phase2_operations", dependencies),
    )


def auto_service_creation(service_class: str | type | None = None) -> Decorator[C]:
    """Name the class of the service; its instance becomes ``self.service_instance``."""
    return _record("auto_service_creation", service_class=service_class)


def register_api_endpoints(router_name: str = "router") -> Decorator[C]:
    """Name the variable of ``api.py`` that holds the module's `fastapi.APIRouter`."""
    return _record("register_api_endpoints", router_name=router_name)


def register_database(database_name: str | None = None) -> Decorator[C]:
    """Name the module's database; a ``DATABASE_NAME`` constant beside the models wins over it."""
    return _record("register_database", database_name=database_name)


def enforce_data_integrity(*, strict_mode: bool = True, anti_mock: bool = True) -> Decorator[C]:
    """Hold the module to its data: under ``strict_mode`` a session left uncommitted is an error.

    Args:
        strict_mode: Whether changes that a session leaves uncommitted raise instead of warn.
        anti_mock: Whether imports of mock libraries in the module's code are findings.
    """
    return _record("enforce_data_integrity", strict_mode=strict_mode, anti_mock=anti_mock)


def module_health_check(
    check_function: str | None = None,
    *,
    function: str | None = None,
    interval: float = 60.0,
) -> Decorator[C]:
    """Name the method that says whether the module is healthy, and how often to ask, in seconds."""
    return _record("module_health_check", method=function or check_function, interval=interval)


def graceful_shutdown(
    method: str | None = "cleanup_resources", timeout: float = 30.0
) -> Decorator[C]:
    """Name the method that stops the module in order, and its bound in seconds."""
    return _record("graceful_shutdown", method=method, timeout=timeout)


def force_shutdown(method: str | None = "force_cleanup", timeout: float = 5.0) -> Decorator[C]:
    """Name the method that stops the module at once, and its bound in seconds."""
    return _record("force_shutdown", method=method, timeout=timeout)


@overload
def module(target: C, /) -> C: ...
@overload
def module(
    module_id: str | None = None,
    /,
    *,
    service: type | str | None = None,
    settings: type | str | None = None,
    database: str | None = None,
    requires: Sequence[str] = (),
) -> Decorator[Any]: ...
def module(target: Any = None, /, **values: Any) -> Any:
    """The short form: make a class a module in one line.

    ``router`` is found by its name. A class with public methods of its own is the service; its
    ``initialize``, if there is one, is called once in phase 2.

    Args:
        target: The class, or the module's id; without an id the cell's or folder's stands.
        values: ``service`` and ``settings``: a class or its name. ``database``: a name.
            ``requires``: services or modules.
    """
    allowed = ("service", "settings", "database", "requires")
    if unknown := [name for name in values if name not in allowed]:
        raise TypeError(f"@module takes {', '.join(allowed)}; not {unknown[0]!r}")
    if isinstance(target, type):
        return _record("module", module_id=None, **values)(target)
    return _record("module", module_id=target, **values)
