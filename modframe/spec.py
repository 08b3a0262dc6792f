"""What a module declares: its id, its documented methods, and the frozen `ModuleSpec`.

Decorators record `Fact`s on a class, the loader reads them once into a `ModuleSpec`, and parts and
views read the spec.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from .errors import InvalidModuleIdError
from .finding import Finding
from .injection import Injections
from .names import DEFAULT_TYPE, MODULE_TYPES, full_id
from .wording import near

FACTS = "__modframe_facts__"
DEFAULT_PRIORITY = 100
SwapMode = Literal["overlap", "stop_first"]
StreamPolicy = Literal["finish", "reconnect"]
SettingsChange = Literal["live", "swap"]
HealthGroup = Literal["ready", "live", "startup"]
CHOICES: Mapping[str, tuple[str, ...]] = {
    "swap": get_args(SwapMode),
    "streams": get_args(StreamPolicy),
    "group": get_args(HealthGroup),
    "settings_change": get_args(SettingsChange),
}
"""Option → the words it can have; the first one is the default."""
STREAM_POLICY = "__modframe_streams__"
"""The attribute of an endpoint that has a policy of its own."""
_ID = re.compile(rf"({'|'.join(MODULE_TYPES)})\.[a-z][a-z0-9_]*\Z")


def module_id_of(name: str) -> str:
    """Return the full form of a module id: ``"standard.orders"`` for ``"orders"``.

    Raises:
        InvalidModuleIdError: If the name can't be an id.
    """
    if not isinstance(name, str):
        raise InvalidModuleIdError(
            f"{name!r} is not a module id", cure="an id is a text such as 'standard.orders'"
        )
    full = full_id(name)
    kind, _, own_name = full.partition(".")
    if not _ID.match(full):
        hint = near(kind, MODULE_TYPES, cutoff=0.7) if kind not in MODULE_TYPES else ""
        cure = (
            f"{hint}{'An' if hint else 'an'} id is a type ({', '.join(MODULE_TYPES)}), a dot, "
            "and a name of lower-case letters, digits and underscores, such as 'standard.orders'; "
            "without a type it means 'standard.'"
        )
    elif own_name in MODULE_TYPES:
        cure = f"{own_name!r} is a type, and its paths are those modules'; choose another name"
    else:
        return full
    raise InvalidModuleIdError(f"{name!r} is not a module id", cure=cure)


def type_name(kind: str | type | Any) -> str:
    """Return a documented type as text; it may be a string already, or a type."""
    if isinstance(kind, str):
        return kind
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


@dataclass(frozen=True, slots=True)
class ServiceParam:
    """One documented parameter of a service method; its type is a text or a type."""

    name: str
    param_type: Any = "Any"
    description: str = ""
    required: bool = True
    default: Any = None


@dataclass(frozen=True, slots=True)
class ServiceReturn:
    """What a documented service method returns: a type, as text or as the type."""

    return_type: Any = "Any"
    description: str = ""


@dataclass(frozen=True, slots=True)
class ServiceExample:
    """A call of a documented service method and its result."""

    call: str
    result: str = ""


@dataclass(frozen=True, slots=True)
class ServiceMethod:
    """The documentation of one method of a service, as ``@register_service`` takes it."""

    name: str
    description: str = ""
    params: Sequence[ServiceParam] = ()
    returns: ServiceReturn | None = None
    examples: Sequence[ServiceExample] = ()
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """What one decorator recorded: its name, its arguments, and the line and file of its call."""

    decorator: str
    values: Mapping[str, Any]
    line: int = 0
    filename: str = ""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service that a module registers: its full name, its class, and its documented methods."""

    name: str
    service_class: type | None
    methods: Mapping[str, ServiceMethod] = field(default_factory=dict)
    priority: int = DEFAULT_PRIORITY


@dataclass(frozen=True, slots=True)
class ShutdownSpec:
    """A way to stop: the method to call, if the module has one, and its timeout in seconds."""

    method: str | None
    timeout: float


@dataclass(frozen=True, slots=True)
class HealthSpec:
    """A module's health check, and when it runs.

    Attributes:
        check: The name of a method of the module or its service, or a function; ``None`` if the
            module has no check.
        takes: The arguments that a function takes: any of ``app_context``, ``module``, ``service``.
        interval: Seconds between the end of a run and the next one.
        timeout: Seconds that a run may take.
        group: Whether the module is ``ready``, is ``live`` or has started (``startup``) depends on
            it.
        first: Whether a generation goes live only after its first good verdict.
    """

    check: str | Callable[..., Any] | None = None
    takes: tuple[str, ...] = ()
    interval: float = 60.0
    timeout: float = 5.0
    group: HealthGroup = "ready"
    first: bool = False


@dataclass(frozen=True, slots=True)
class IntegritySpec:
    """The arguments of ``@enforce_data_integrity``."""

    strict_mode: bool = False
    anti_mock: bool = False


@dataclass(frozen=True)
class ModuleSpec:
    """Everything that a module's decorators and class declare; read once, never changed.

    Attributes:
        form: ``"guide"`` for the full set of decorators, ``"short"`` for ``@module``.
        module_class: The decorated class; under ``@module`` it may be the service itself.
        service: The service that the module registers, if any.
        phase1: Methods of phase 1, in order. ``phase2`` likewise.
        requires_services: Services that must be live before phase 2.
        requires_modules: Modules that must be live before phase 2.
        after_modules: Optional modules; they start first if they exist.
        imports_modules: Modules that the files import from.
        settings_model: The settings model that ``@module`` names; in the guide's form the module
            registers it in phase 1.
        database_name: The database that a decorator names.
        files: Patterns of data files, below the module's folder, that count as its text.
        initializes_service: Whether the framework calls the service's ``initialize`` in phase 2;
            in the guide's form the module class calls it.
        keep_state: Attributes of the service that are copied to the next generation.
        swap: ``"stop_first"`` for a module that can't run beside its next generation.
        streams: What open streams do when the module is replaced, unless their route says it.
        settings_change: What a change of its settings means: ``"live"``, its settings object has
            the new values; ``"swap"``, it is built anew.
        error_status: Code of a failed `Result` → the HTTP status of a route that returns it.
        public: Whether its routes need no token from other machines either.
        paths: Where its routes live, from the server's root; empty for the default place.
        injections: Function that the framework calls → what its parameters are given.
        dumps_state: Whether the service has a ``dump_state``. ``loads_state`` likewise.
        findings: Findings of the reader that did not make it refuse the module.
    """

    module_id: str
    version: str
    description: str
    form: Literal["guide", "short"]
    module_class: type
    service: ServiceSpec | None = None
    phase1: tuple[str, ...] = ()
    phase2: tuple[str, ...] = ()
    requires_services: tuple[str, ...] = ()
    requires_modules: tuple[str, ...] = ()
    after_modules: tuple[str, ...] = ()
    imports_modules: tuple[str, ...] = ()
    router: Any = None
    settings_model: type | None = None
    database_name: str | None = None
    files: tuple[str, ...] = ()
    initializes_service: bool = False
    health: HealthSpec = HealthSpec()
    integrity: IntegritySpec = IntegritySpec()
    graceful: ShutdownSpec = ShutdownSpec(None, 30.0)
    force: ShutdownSpec = ShutdownSpec(None, 5.0)
    keep_state: tuple[str, ...] = ()
    swap: SwapMode = "overlap"
    streams: StreamPolicy = "finish"
    settings_change: SettingsChange = "live"
    error_status: Mapping[str, int] = field(default_factory=dict)
    public: bool = False
    paths: tuple[str, ...] = ()
    injections: Injections = field(default_factory=dict)
    dumps_state: bool = False
    loads_state: bool = False
    findings: tuple[Finding, ...] = ()

    @cached_property
    def required_ids(self) -> tuple[str, ...]:
        """The modules that must be live, those named by a service included."""
        by_service = map(module_of_service, self.requires_services)
        return tuple(dict.fromkeys([*by_service, *self.requires_modules, *self.imports_modules]))


def module_of_service(name: str) -> str:
    """Return the module of a service: ``"standard.orders"`` of ``"standard.orders.service"``."""
    words = name.split(".")
    if len(words) >= 2 and words[0] in MODULE_TYPES:
        return ".".join(words[:2])
    return f"{DEFAULT_TYPE}.{words[0]}"
