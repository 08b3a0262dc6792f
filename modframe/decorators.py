"""The decorators of a module class. Each records a `Fact` on the class, which the loader reads.

They accept every spelling of the module development guide: positional or by keyword, one name or a
list. ``@module`` is the short form of all of them. Module code imports them. The file is long
because of the docstrings, which are what help() shows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, wraps
from inspect import signature
from typing import Any, Literal, TypeVar, cast, overload

from .arguments import FLAG, Kind, argument_error, optional
from .errors import ArgumentError, DecoratorError
from .spec import (
    CHOICES,
    DEFAULT_PRIORITY,
    FACTS,
    STREAM_POLICY,
    Fact,
    HealthGroup,
    ServiceExample,
    ServiceMethod,
    ServiceParam,
    ServiceReturn,
    SettingsChange,
    StreamPolicy,
    SwapMode,
    module_id_of,
)
from .wording import near

C = TypeVar("C", bound=type)
F = TypeVar("F", bound=Callable[..., Any])

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
    "stream_policy",
]


def _record(decorator: str, **values: Any) -> Callable[[C], C]:
    for name, value in values.items():
        if name in _KINDS:
            _check(decorator, name, value, _KINDS[name])
    frame = sys._getframe(1)
    while frame.f_globals is globals() and frame.f_back is not None:
        frame = frame.f_back
    fact = Fact(decorator, values, frame.f_lineno, frame.f_code.co_filename)

    def decorate(cls: C) -> C:
        if not isinstance(cls, type):
            raise _not_a_class(decorator, cls)
        setattr(cls, FACTS, (fact, *cls.__dict__.get(FACTS, ())))
        return cls

    return decorate


def _not_a_class(decorator: str, target: object) -> DecoratorError:
    name = getattr(target, "__qualname__", "")
    if name.endswith("_record.<locals>.decorate"):
        return DecoratorError(
            f"@{decorator} got no class from the decorator below it",
            cure="give that one its parentheses",
        )
    what = f"function {name!r}" if callable(target) and name else repr(target)
    return DecoratorError(
        f"@{decorator} decorates a module class, not {what}",
        cure="put it above the class that api.py has for the module",
    )


# -- checking arguments -------------------------------------------------------------------------


def _argument_error(decorator: str, name: str, wanted: str, value: object) -> ArgumentError:
    if isinstance(value, type):
        return DecoratorError(
            f"@{decorator} stands without parentheses", cure=f"write @{decorator}(...)"
        )
    return argument_error(f"@{decorator}", name, wanted, value, kind=DecoratorError)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_check(value: Any) -> bool:
    return _is_text(value) or (callable(value) and not isinstance(value, type))


def _is_paths(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list | tuple) and all(isinstance(path, str) for path in value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_NAME = Kind("a name as text", _is_text)
_TEXT = optional(_NAME)
_CLASS = Kind("a class or its name", lambda value: isinstance(value, type | str | None))
_SECONDS = Kind("a number of seconds above 0", lambda value: _is_number(value) and value > 0)
_KINDS: Mapping[str, Kind] = {
    "check": optional(Kind("a function or a name as text", _is_check)),
    "path": optional(Kind("a path as text, or several", _is_paths)),
    "priority": Kind("a number", _is_number),
    "phase": Kind("'phase1' or 'phase2'", ("phase1", "phase2").__contains__),
    **{
        name: Kind(" or ".join(map(repr, words)), words.__contains__)
        for name, words in CHOICES.items()
    },
    **dict.fromkeys(("method", "router_name", "database_name", "database"), _TEXT),
    **dict.fromkeys(("service_class", "service", "settings"), _CLASS),
    **dict.fromkeys(("strict_mode", "anti_mock", "healthy_first", "public"), FLAG),
    **dict.fromkeys(("interval", "timeout"), _SECONDS),
}
"""Argument → what it is, in words, and a test for it."""
_ALLOWED = (
    *("service", "settings", "database", "requires", "path"),
    *("keep_state", "swap", "streams", "settings_change", "error_status", "healthy_first"),
    "public",
)


def _check(decorator: str, name: str, value: Any, kind: Kind) -> None:
    if not kind.fits(value):
        raise _argument_error(decorator, name, kind.words, value)


def _refuse_unknown(decorator: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            hint = near(name, known)
            raise DecoratorError(
                f"@{decorator} does not take {name}=",
                cure=f"{hint}{'It' if hint else 'it'} takes {', '.join(known)}",
            )


def _by_name(decorator: F) -> F:
    """Make a decorator whose arguments have names explain what it does not take."""
    name, known = decorator.__name__, tuple(signature(decorator).parameters)

    @wraps(decorator)
    def checked(*values: Any, **named: Any) -> Any:
        for value in values:
            raise _argument_error(name, "what it takes", f"by name ({', '.join(known)})", value)
        _refuse_unknown(name, named, known)
        return decorator(**named)

    return cast(F, checked)


def _flattened_names(decorator: str, *groups: Any) -> tuple[str, ...]:
    """Return names that were given one by one or in lists as one tuple."""
    names: list[str] = []
    for group in groups:
        if not isinstance(group, str | list | tuple | set | frozenset | None):
            raise _argument_error(
                decorator, "what it takes", "names as text, or a list of them", group
            )
        for name in [group] if isinstance(group, str) else (group or ()):
            if not isinstance(name, str) or not name:
                raise _argument_error(decorator, "what it takes", "names as text", name)
            names.append(name)
    return tuple(names)


def _checked_methods(methods: Any) -> tuple[ServiceMethod, ...]:
    fault = partial(_argument_error, "register_service")
    if not isinstance(methods, Iterable) or isinstance(methods, str):
        raise fault("methods", "a list of ServiceMethod", methods)
    documented = tuple(methods)
    for method in documented:
        if not isinstance(method, ServiceMethod):
            raise fault("methods", "a list of ServiceMethod", method)
        for params, kind in ((method.params, ServiceParam), (method.examples, ServiceExample)):
            if not isinstance(params, list | tuple) or not all(isinstance(p, kind) for p in params):
                raise fault(f"what {method.name!r} has", f"a list of {kind.__name__}", params)
        if not isinstance(method.returns, ServiceReturn | None):
            raise fault(f"returns of {method.name!r}", "a ServiceReturn", method.returns)
    names = [method.name for method in documented]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise DecoratorError(
            f"@register_service documents {twice!r} twice", cure="take one ServiceMethod out"
        )
    return documented


# -- the decorators ----------------------------------------------------------------------------


def inject_dependencies(*names: str | Sequence[str]) -> Callable[[C], C]:
    """Inject into the module; ``'app_context'`` is all there is."""
    injected = _flattened_names("inject_dependencies", *names)
    for name in injected:
        if name != "app_context":
            raise DecoratorError(
                f"@inject_dependencies can't hand {name!r} to the module",
                cure="'app_context' is what there is; services come from app_context.get_service()",
            )
    return _record("inject_dependencies", names=injected)


def register_service(
    name: str, methods: Iterable[ServiceMethod] = (), priority: int = DEFAULT_PRIORITY
) -> Callable[[C], C]:
    """Register the module's service under a full name, with its documented methods.

    Args:
        name: For example ``"standard.orders.service"``.
        methods: What callers may rely on; shown in help, views and contracts.
        priority: Breaks ties in the start order; lower comes first.
    """
    _check("register_service", "the service's name", name, _NAME)
    return _record(
        "register_service", name=name, methods=_checked_methods(methods), priority=priority
    )


def require_services(services: Sequence[str] | str = (), *more: str) -> Callable[[C], C]:
    """Require services of other modules; they are available in phase 2 of this one."""
    return _record(
        "require_services", services=_flattened_names("require_services", services, *more)
    )


def requires_modules(
    modules: Sequence[Mapping[str, Any] | str] | Mapping[str, Any] | str = (), *more: str
) -> Callable[[C], C]:
    """Require modules: ids, or ``{"modules": [...], "optional": bool}``.

    An optional module starts first if it exists; if it doesn't, nothing is wrong.
    """
    entries = [modules] if isinstance(modules, str | Mapping) else modules
    if not isinstance(entries, list | tuple):
        raise _argument_error(
            "requires_modules", "what it takes", "a list of ids or groups", entries
        )
    required: list[str] = []
    optional: list[str] = []
    for entry in [*entries, *more]:
        if isinstance(entry, str):
            required.append(module_id_of(entry))
            continue
        ids, is_optional = _group(entry)
        (optional if is_optional else required).extend(ids)
    return _record("requires_modules", required=tuple(required), optional=tuple(optional))


def _group(entry: Any) -> tuple[list[str], bool]:
    known = {"modules", "optional"}
    if not isinstance(entry, Mapping) or "modules" not in entry or set(entry) - known:
        wanted = "an id or {'modules': [...], 'optional': False}"
        raise _argument_error("requires_modules", "each entry", wanted, entry)
    is_optional = entry.get("optional", False)
    _check("requires_modules", "optional", is_optional, FLAG)
    return [
        module_id_of(name) for name in _flattened_names("requires_modules", entry["modules"])
    ], is_optional


def initialization_sequence(
    *methods: str | Sequence[str], phase: Literal["phase1", "phase2"] = "phase1"
) -> Callable[[C], C]:
    """Name methods of the module class that run in a phase, in this order."""
    names = _flattened_names("initialization_sequence", *methods)
    return _record("initialization_sequence", methods=names, phase=phase)


def phase2_operations(
    *operations: str | Sequence[str],
    methods: Sequence[str] | str = (),
    dependencies: Sequence[str] | str = (),
) -> Callable[[C], C]:
    """Name methods of the module class that run in phase 2, and services that they need."""
    return _record(
        "phase2_operations",
        methods=_flattened_names("phase2_operations", *operations, methods),
        dependencies=_flattened_names("phase2_operations", dependencies),
    )


def auto_service_creation(service_class: str | type | None = None) -> Callable[[C], C]:
    """Name the class of the service; its instance becomes ``self.service_instance``."""
    return _record("auto_service_creation", service_class=service_class)


def register_api_endpoints(router_name: str | None = "router") -> Callable[[C], C]:
    """Name the variable of ``api.py`` that holds the module's `fastapi.APIRouter`."""
    return _record("register_api_endpoints", router_name=router_name)


def register_database(database_name: str | None = None) -> Callable[[C], C]:
    """Name the module's database; a ``DATABASE_NAME`` constant beside the models overrides it."""
    return _record("register_database", database_name=database_name)


@_by_name
def enforce_data_integrity(*, strict_mode: bool = True, anti_mock: bool = True) -> Callable[[C], C]:
    """Make the module's handling of data strict.

    Args:
        strict_mode: Whether changes that a session leaves uncommitted raise instead of warn.
        anti_mock: Whether a module that holds test doubles is refused before it goes live, and
            imports of mock libraries in its code are findings. In tests, ``app.override()`` puts a
            double in place of a service.
    """
    return _record("enforce_data_integrity", strict_mode=strict_mode, anti_mock=anti_mock)


def module_health_check(
    check_function: str | Callable[..., Any] | None = None,
    *,
    function: str | Callable[..., Any] | None = None,
    interval: float = 60.0,
    timeout: float = 5.0,
    group: HealthGroup = "ready",
) -> Callable[[C], C]:
    """Have the module's health checked in the background, from publish on.

    The check is a function, or the name of one in ``api.py`` or of a method of the module or its
    service; by default ``check_health``, if there is one. ``interval`` and ``timeout`` are seconds.
    ``group`` says which page of ``/health`` it decides: ``"ready"``, ``"live"`` or ``"startup"``.
    """
    check = check_function if function is None else function
    values = {"check": check, "interval": interval, "timeout": timeout, "group": group}
    return _record("module_health_check", **values)


def graceful_shutdown(
    method: str | None = "cleanup_resources", timeout: float = 30.0
) -> Callable[[C], C]:
    """Name the method that stops the module in order, and its timeout in seconds."""
    return _record("graceful_shutdown", method=method, timeout=timeout)


def force_shutdown(method: str | None = "force_cleanup", timeout: float = 5.0) -> Callable[[C], C]:
    """Name the method that stops the module by force, and its timeout in seconds."""
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
    path: str | Sequence[str] | None = None,
    keep_state: Sequence[str] | str = (),
    swap: SwapMode = "overlap",
    streams: StreamPolicy = "finish",
    settings_change: SettingsChange = "live",
    error_status: Mapping[str, int] = {},
    healthy_first: bool = False,
    public: bool = False,
) -> Callable[[C], C]: ...
def module(target: Any = None, /, **values: Any) -> Any:
    """The short form: make a class a module in one line.

    ``router`` is found by its name. A class with public methods of its own is the service; its
    ``initialize``, if there is one, is called once in phase 2.

    Args:
        target: The class, or the module's id; by default the id of the cell or folder.
        values: ``service`` and ``settings``: a class or its name. ``database``: a name.
            ``requires``: services or modules. ``path``: where its routes live from the server's
            root, in place of ``/api/v1/<name>``; one path or several, ``"/"`` is the root itself.
            ``keep_state``: attributes of the service that are copied to the next generation.
            ``swap``: ``"stop_first"`` if it owns something that only one generation can have,
            such as a port. ``streams``: ``"reconnect"`` if open
            event streams and websockets are ended at once when the module is replaced; else they
            finish on the generation they began on. ``settings_change``: ``"swap"`` if it is built
            anew when its settings change; else its settings object gets the new values, and
            ``on_settings_changed(changed)`` of the service, if there is one, is called with them.
            ``error_status``: the HTTP status of a `Result` with this error code that a route
            returns, such as ``{"NOT_FOUND": 404}``; 400 without.
            ``healthy_first``: whether a generation goes live only after a first good health check.
            ``public``: whether its routes need no token where other machines reach the server.

    The guide's form sets ``path`` and the last seven by ``MODULE_PATH``, ``MODULE_KEEP_STATE``,
    ``MODULE_SWAP``, ``MODULE_STREAMS``, ``MODULE_SETTINGS_CHANGE``, ``MODULE_ERROR_STATUS``,
    ``MODULE_HEALTHY_FIRST`` and ``MODULE_PUBLIC`` on the class.
    """
    if isinstance(target, type):
        return _record("module", module_id=None)(target)
    if target is not None and not isinstance(target, str):
        raise _not_a_class("module", target)
    _refuse_unknown("module", values, _ALLOWED)
    if "keep_state" in values:
        values["keep_state"] = _flattened_names("module", values["keep_state"])
    values["requires"] = _flattened_names("module", values.get("requires"))
    for name in values["requires"]:
        if name.count(".") <= 1:
            module_id_of(name)
    return _record("module", module_id=target and module_id_of(target), **values)


def stream_policy(policy: StreamPolicy) -> Callable[[F], F]:
    """Set what open event streams and websockets of one endpoint do when it is replaced.

    It stands below the router's decorator.

    Args:
        policy: ``"finish"``: they go on until the deadline of the drain. ``"reconnect"``: they are
            told at once to reconnect.
    """
    if policy not in CHOICES["streams"]:
        raise _argument_error("stream_policy", "policy", "'finish' or 'reconnect'", policy)

    def decorate(endpoint: F) -> F:
        if isinstance(endpoint, type) or not callable(endpoint):
            raise DecoratorError(
                f"@stream_policy decorates an endpoint, not {endpoint!r}",
                cure="say it of a whole module by @module(streams=...)",
            )
        setattr(endpoint, STREAM_POLICY, policy)
        return endpoint

    return decorate
