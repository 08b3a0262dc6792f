"""`Subscription`: one method of a generation and the events that it takes."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from ...errors import EventError
from ...events import SubscriptionSpec, is_event_class
from ...load.methods import signature_of, type_hints
from ...runtime.generation import Generation

Key = tuple[str, str, str]
"""Plain name of the event, module id, method: what stays the same over generations."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one method of a generation is subscribed to.

    Attributes:
        adapter: Makes what the method gets of an event's data; ``None`` if that is a dictionary.
    """

    module_id: str
    method: str
    spec: SubscriptionSpec
    adapter: TypeAdapter[Any] | None

    @classmethod
    def of(cls, module_id: str, name: str, function: Any, spec: SubscriptionSpec) -> Subscription:
        """Read the subscription of a method.

        Raises:
            EventError: If the method can't be called with one event.
        """
        signature = signature_of(function)
        parameters = list(signature.parameters.values())[1:] if signature else []
        parameters = [each for each in parameters if each.kind in _POSITIONAL]
        required = [
            each
            for each in parameters
            if each.default is each.empty and each.kind is not each.VAR_POSITIONAL
        ]
        if signature is not None and (not parameters or len(required) > 1):
            code = inspect.unwrap(function).__code__
            raise EventError(
                f"{name}() is subscribed to {spec.event} and has to take one event, "
                f"not {signature}",
                cure=f"write 'async def {name}(self, event): ...'",
                subject=module_id,
                file=code.co_filename,
                line=code.co_firstlineno,
            )
        known = spec.cls
        if known is None and parameters:
            hint = type_hints(function).get(parameters[0].name)
            known = hint if is_event_class(hint) else None
        return cls(module_id, name, spec, TypeAdapter(known) if known is not None else None)

    @property
    def key(self) -> Key:
        """What its queue is found by."""
        return (self.spec.event, self.module_id, self.method)

    def event(self, data: dict[str, Any]) -> Any:
        """Return the object that the method gets.

        The data has the names of fields, also of those that have an alias.

        Raises:
            pydantic.ValidationError: If the data doesn't fit the class that the module knows.
        """
        if self.adapter is None:
            return data
        return self.adapter.validate_python(data, by_name=True, by_alias=True)

    def handler(self, generation: Generation) -> Any:
        """Return the method of a generation."""
        for owner in (*generation.own_services.values(), generation.module):
            method = getattr(owner, self.method, None)
            if callable(method):
                return method
        raise LookupError(self.method)


_POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)


def data_of(event: Any) -> dict[str, Any]:
    """Return an event as plain data, which keeps no class of a generation alive.

    Raises:
        EventError: If it is no event.
    """
    if is_event_class(type(event)):
        if dataclasses.is_dataclass(event) and not isinstance(event, type):
            return dataclasses.asdict(event)
        return event.model_dump()  # type: ignore[no-any-return]  # pydantic's
    raise EventError(
        f"{event!r} is no event",
        cure="publish an object of a pydantic model or of a dataclass",
    )
