"""`injected_into`: the values that a method of a generation asked to be given.

The reader found what each parameter is given; the service part asks for the values when it calls
the method.
"""

from __future__ import annotations

import inspect
from typing import Any

from ...errors import ModframeError
from ...injection import Injected
from ...runtime.generation import Generation


def injected_into(generation: Generation, method: Any) -> dict[str, Any]:
    """Return parameter → value for a method, or for the constructor of a class.

    It is empty for one that asks for nothing.

    Raises:
        ModframeError: If a service is not live, or there are no settings yet.
    """
    plans = generation.spec.injections
    if not plans:
        return {}
    function = inspect.getattr_static(method, "__init__") if isinstance(method, type) else method
    plan = plans.get(inspect.unwrap(getattr(function, "__func__", function)), ())
    return {injected.parameter: _value(generation, injected) for injected in plan}


def _value(generation: Generation, injected: Injected) -> Any:
    context = generation.context
    if injected.kind == "service":
        return context.get_service(injected.service)
    if injected.kind == "app_context":
        return context
    if injected.kind == "logger":
        return context.get_logger()
    value = getattr(context, injected.kind)
    if value is None:
        raise ModframeError(
            f"there are no settings yet to give for the parameter {injected.parameter!r}",
            cure="register a settings model before, in phase 1, or name it with @module(settings=)",
        )
    return value
