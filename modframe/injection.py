"""What a module's methods are given: `service` names another module's service, `Injected` a fact.

The reader finds what ``__init__`` and the phases of a module ask for by annotation or by name, and
the service part supplies it. ``Depends(service("orders"))`` gives routes the same handle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Literal, Protocol, get_args

from .errors import DecoratorError

InjectedKind = Literal[
    "app_context", "settings", "logger", "database", "tasks", "events", "service"
]
"""What can be injected; all but a service also by a parameter of that name."""
NAMES: tuple[str, ...] = tuple(name for name in get_args(InjectedKind) if name != "service")


@dataclass(frozen=True, slots=True)
class Injected:
    """One parameter of a method, and what it is given.

    Attributes:
        service: The name of the service, if it is one.
    """

    parameter: str
    kind: InjectedKind
    service: str = ""


Injections = Mapping[FunctionType, tuple[Injected, ...]]
"""Function that the framework calls → what its parameters are given."""


class Services(Protocol):
    """What finds services by name: an ``app_context``."""

    def get_service(self, name: str) -> Any:
        """Return the handle of a service."""


class NamedService:
    """A service by its name: in an annotation, or as a dependency of a route.

    >>> service("orders")
    service('orders')
    """

    __slots__ = ("_services", "name")

    def __init__(self, name: str, services: Services) -> None:
        given: object = name
        if not isinstance(given, str) or not given.strip("."):
            raise DecoratorError(
                f"service() takes the name of a service, not {name!r}",
                cure="write for example service('orders')",
            )
        self.name = name
        self._services = services

    async def __call__(self) -> Any:
        """Return the handle of the service; FastAPI calls it for ``Depends(service("orders"))``."""
        return self._services.get_service(self.name)

    def __repr__(self) -> str:
        return f"service({self.name!r})"


def service(name: str) -> NamedService:
    """Name a service of another module without importing that module.

    ``orders: Annotated[Any, service("orders")]`` as a parameter of ``__init__`` or of a phase gives
    the service's handle, and so does ``orders: Any = Depends(service("orders"))`` in a route. The
    module then requires the other one.

    Raises:
        DecoratorError: If ``name`` is no name.
    """
    from importlib import import_module

    return NamedService(name, import_module("modframe.app_context"))
