"""Events between modules: ``@subscribe(OrderPlaced)`` on a service's method receives them.

A module publishes with ``await app_context.events.publish(OrderPlaced(...))``. Event classes are
pydantic models or dataclasses. They are matched by plain name, so that publisher and subscriber may
be of different generations, and each subscriber gets an object of the class that it knows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from .arguments import WHOLE_NUMBER, Kind, check_arguments
from .errors import DecoratorError
from .names import module_id_in, package_in

__all__ = ["subscribe"]

F = TypeVar("F", bound=Callable[..., Any])
Policy = Literal["wait", "drop_oldest", "refuse"]
SUBSCRIPTIONS = "__modframe_subscriptions__"
"""The attribute of a method that holds what it is subscribed to."""
_POLICY = Kind(
    f"one of {', '.join(map(repr, get_args(Policy)))}", lambda value: value in get_args(Policy)
)
CAPACITY = 1000
RETRIES = 3


@dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """What a method is subscribed to, as its decorator says.

    Attributes:
        event: The plain name of the event class, such as ``"standard.orders.OrderPlaced"``.
        cls: The class that the method gets; ``None`` if the event was given by name.
        policy: What ``publish`` does while the queue is full.
        retries: How often an event is given again to a method that failed.
        capacity: How many events may wait.
    """

    event: str
    cls: type | None
    policy: Policy
    retries: int
    capacity: int


def event_name(cls: type) -> str:
    """Return the plain name of an event class, the same for each generation of its module."""
    package = package_in(cls.__module__)
    return f"{module_id_in(package) if package else cls.__module__}.{cls.__qualname__}"


def is_event_class(cls: object) -> bool:
    """Return whether objects of a class can be events."""
    if not isinstance(cls, type):
        return False
    return hasattr(cls, "__dataclass_fields__") or hasattr(cls, "__pydantic_validator__")


def subscribe(
    event: type | str,
    *,
    policy: Policy = "wait",
    retries: int = RETRIES,
    capacity: int = CAPACITY,
) -> Callable[[F], F]:
    """Give a method of a service each event of a class, one at a time, in order, at least once.

    The events of a subscription wait in a queue of the app's, which outlives the generations of the
    module. A method that was cut at the deadline of a swap gets the event again, and so does one
    that raised, up to ``retries`` times with longer and longer pauses; then the event is kept in
    ``app.events.dead``, and ``app.events.retry`` gives it once more. Several may stand on one
    method.

    Args:
        event: The class, a pydantic model or a dataclass; or its plain name, such as
            ``"standard.orders.OrderPlaced"``, where an import would tie two modules together. The
            method then gets what its annotation says, or a dictionary.
        policy: What ``publish`` does while the queue is full: ``"wait"`` for room,
            ``"drop_oldest"``, or ``"refuse"``, which raises `EventRefusedError`.
        retries: How often an event is given again after a failure.
        capacity: How many events may wait.

    Raises:
        ArgumentError: If an argument makes no sense.
        DecoratorError: If ``event`` is no event class, or what is decorated is no method.
    """
    named = _event_of(event)
    check_arguments(
        "@subscribe",
        policy=(policy, _POLICY),
        retries=(retries, _from_on(0)),
        capacity=(capacity, _from_on(1)),
    )
    cls = event if isinstance(event, type) else None
    spec = SubscriptionSpec(named, cls, policy, retries, capacity)

    def decorate(method: F) -> F:
        if not inspect.isfunction(method):
            raise DecoratorError(
                f"@subscribe stands on {method!r}, and belongs on a method of the service",
                cure="put it above an 'async def' of the class",
            )
        setattr(method, SUBSCRIPTIONS, (spec, *getattr(method, SUBSCRIPTIONS, ())))
        return method

    return decorate


def _from_on(least: int) -> Kind:
    return Kind(
        f"a whole number from {least} on", lambda value: WHOLE_NUMBER.fits(value) and value >= least
    )


def _event_of(event: object) -> str:
    if isinstance(event, str) and "." in event.strip("."):
        return event
    if isinstance(event, type) and is_event_class(event):
        return event_name(event)
    raise DecoratorError(
        f"@subscribe takes an event class, not {event!r}",
        cure="give a pydantic model, a dataclass, or a name such as 'standard.orders.OrderPlaced'",
    )
