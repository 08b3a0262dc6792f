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

from .errors import DecoratorError
from .names import module_id_in, package_in
from .wording import near

__all__ = ["subscribe"]

F = TypeVar("F", bound=Callable[..., Any])
Policy = Literal["wait", "drop_oldest", "refuse"]
SUBSCRIPTIONS = "__modframe_subscriptions__"
"""The attribute of a method that holds what it is subscribed to."""
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
    ``app.events.dead``. Several may stand on one method.

    Args:
        event: The class, a pydantic model or a dataclass; or its plain name, such as
            ``"standard.orders.OrderPlaced"``, where an import would tie two modules together. The
            method then gets what its annotation says, or a dictionary.
        policy: What ``publish`` does while the queue is full: ``"wait"`` for room,
            ``"drop_oldest"``, or ``"refuse"``, which raises `EventRefusedError`.
        retries: How often an event is given again after a failure.
        capacity: How many events may wait.

    Raises:
        DecoratorError: If an argument makes no sense.
    """
    named = _event_of(event)
    if policy not in get_args(Policy):
        choices = get_args(Policy)
        raise DecoratorError(
            f"@subscribe(policy={policy!r}) is none of {', '.join(map(repr, choices))}",
            cure=near(str(policy), choices).rstrip() or "choose one of them",
        )
    numbers: tuple[tuple[str, object, int], ...] = (
        ("retries", retries, 0),
        ("capacity", capacity, 1),
    )
    for name, value, least in numbers:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise DecoratorError(
                f"@subscribe({name}={value!r}) is not a number from {least} on",
                cure=f"write for example {name}={least + 2}",
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


def _event_of(event: object) -> str:
    if isinstance(event, str) and "." in event.strip("."):
        return event
    if isinstance(event, type) and is_event_class(event):
        return event_name(event)
    raise DecoratorError(
        f"@subscribe takes an event class, not {event!r}",
        cure="give a pydantic model, a dataclass, or a name such as 'standard.orders.OrderPlaced'",
    )
