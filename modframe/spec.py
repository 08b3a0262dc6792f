"""What a module says about itself: ids, documented methods, and the frozen `ModuleSpec`.

Decorators record `Fact`s on a class; the loader reads them once into a `ModuleSpec`; parts and
views read the spec. Nothing here acts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from .errors import Finding, InvalidModuleIdError
from .names import DEFAULT_TYPE, MODULE_TYPES, full_id
from .wording import near

FACTS = "__modframe_facts__"
DEFAULT_PRIORITY = 100
SwapMode = Literal["overlap", "stop_first"]
StreamPolicy = Literal["finish", "reconnect"]
CHOICES: Mapping[str, tuple[str, ...]] = {
    "swap": get_args(SwapMode),
    "streams": get_args(StreamPolicy),
}
"""What a module may say by a word, and the words; the first one is the default."""
STREAM_POLICY = "__modframe_streams__"
"""The attribute of an endpoint that has a policy of its own."""
_ID = re.compile(rf"({'|'.join(MODULE_TYPES)})\.[a-z][a-z0-9_]*\Z")


def module_id_of(name: str) -> str:
    """The full id that a short or full one stands for: ``"orders"`` is ``"standard.orders"``.

    Raises:
        InvalidModuleIdError: If it is no id.
    """
    if not isinstance(name, str):
        raise InvalidModuleIdError(
            f"{name!r} is not a module id", cure="an id is a text such as 'standard.orders'"
        )
    full = full_id(name)
    if _ID.match(full) and full.partition(".")[2] in MODULE_TYPES:
        raise InvalidModuleIdError(
            f"{name!r} is not a module id",
            cure=f"{full.partition('.')[2]!r} is a type, and its paths are those modules'; choose "
            "another name",
        )
    if not _ID.match(full):
        kind = full.partition(".")[0]
        hint = near(kind, MODULE_TYPES) if kind not in MODULE_TYPES else ""
        raise InvalidModuleIdError(
            f"{name!r} is not a module id",
            cure=f"{hint}{'An' if hint else 'an'} id is a type ({', '.join(MODULE_TYPES)}), a dot, "
            "and a name of lower-case letters, digits and underscores, such as 'standard.orders'; "
            "without a type it means 'standard.'",
        )
    return full


def type_name(kind: str | type | Any) -> str:
    """A documented type as text; the guide writes strings, people also give the type itself."""
    if isinstance(kind, str):
        return kind
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


@dataclass(frozen=True, slots=True)
class ServiceParam:
    """One documented parameter of a service method.

    Args:
        name: The parameter's name.
        param_type: Its type, as text or as the type.
        description: What it is, with its unit.
        required: Whether a caller has to give it.
        default: What it is when it isn't given.
    """

    name: str
    param_type: Any = "Any"
    description: str = ""
    required: bool = True
    default: Any = None


@dataclass(frozen=True, slots=True)
class ServiceReturn:
    """What a documented service method gives back: a type, as text or as the type."""

    return_type: Any = "Any"
    description: str = ""


@dataclass(frozen=True, slots=True)
class ServiceExample:
    """A call of a documented service method and what it gives."""

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
    """One thing that a decorator recorded: its name, its arguments, and where it stands.

    Attributes:
        line: The line of its call. ``filename``: the ``co_filename`` of that code.
    """

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
    """A way to stop: the method to call, if the module has one, and its bound in seconds."""

    method: str | None
    timeout: float


@dataclass(frozen=True, slots=True)
class HealthSpec:
    """A module's health check: the method's name, or nothing, and how often, in seconds."""

    method: str | None = None
    interval: float = 60.0


@dataclass(frozen=True, slots=True)
class IntegritySpec:
    """What ``@enforce_data_integrity`` asks for."""

    strict_mode: bool = False
    anti_mock: bool = False


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """Everything that a module's decorators and class say; read once, never changed.

    Attributes:
        form: ``"guide"`` for the full set of decorators, ``"short"`` for ``@module``.
        module_class: The decorated class; under ``@module`` it may be the service itself.
        service: The service that the module registers, if any.
        phase1: Methods of phase 1, in order. ``phase2`` likewise.
        requires_services: Service names that must be there before phase 2.
        requires_modules: Modules that must be there.
        after_modules: Optional modules: they come first if they are there, and aren't missed.
        router: The `fastapi.APIRouter` the module serves, if any.
        settings_model: The settings model that ``@module`` names; the guide registers it itself.
        database_name: The database that a decorator names.
        files: Patterns of data files, below the module's folder, that belong to its text.
        initializes_service: Whether the framework calls the service's ``initialize`` in phase 2;
            under the guide's form the module class does that itself.
        keep_state: Attributes of the service that the next generation is given.
        swap: ``"stop_first"`` for a module that can't run beside its successor.
        streams: What open streams do when the module is replaced, where their route says nothing.
        dumps_state: Whether it has a ``dump_state``. ``loads_state``: a ``load_state``.
        findings: What the reader noticed without refusing the module.
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
    dumps_state: bool = False
    loads_state: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def required_ids(self) -> tuple[str, ...]:
        """The modules that must be there, those named through a service included."""
        named = (module_of_service(name) for name in self.requires_services)
        return tuple(dict.fromkeys([*named, *self.requires_modules, *self.imports_modules]))


def module_of_service(name: str) -> str:
    """The module a service name belongs to: ``"standard.orders.service"`` → its first two parts."""
    head = name.split(".")
    if len(head) >= 2 and head[0] in MODULE_TYPES:
        return ".".join(head[:2])
    return f"{DEFAULT_TYPE}.{head[0]}"
