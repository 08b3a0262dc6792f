"""`read_injections`: what the methods that the framework calls want to be given.

In come the classes of a module; out go the parameters of each method with what they get, and
findings for all that nobody can supply. Called by the reader.
"""

from __future__ import annotations

import inspect
import logging
import sys
import typing
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, UnionType
from typing import Annotated, Any, Union

from ..injection import NAMES, Injected, InjectedKind, Injections, NamedService
from ..names import module_id_in, package_in
from ..wording import near, otherwise
from .class_facts import Findings

_FRAMEWORK_CLASSES: Mapping[str, InjectedKind] = {
    "AppContext": "app_context",
    "ModuleContext": "app_context",
    "ModuleDatabase": "database",
    "ModuleEvents": "events",
    "ModuleTasks": "tasks",
}
"""Class of modframe, as an annotation → what it stands for."""
_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def read_injections(methods: Iterable[Any], findings: Findings) -> Injections:
    """Return function → what its parameters are given.

    Args:
        methods: Functions of classes; what is no plain function is left out.
        findings: Gets one for each parameter that has no default and that nothing fits.
    """
    plans: dict[FunctionType, tuple[Injected, ...]] = {}
    for method in dict.fromkeys(methods):  # a module class may be its service's class too
        wraps = callable(method) and hasattr(method, "__wrapped__")
        function = inspect.unwrap(method) if wraps else method
        if isinstance(function, FunctionType) and _takes_more_than_self(function):
            plan = tuple(_plan(function, findings))
            if plan:
                plans[function] = plan
    return plans


def _takes_more_than_self(function: FunctionType) -> bool:
    code = function.__code__
    return code.co_argcount + code.co_kwonlyargcount > 1


def _plan(function: FunctionType, findings: Findings) -> Iterator[Injected]:
    own = package_in(function.__globals__.get("__package__"))
    parameters = list(inspect.signature(function).parameters.values())[1:]
    hints = _hints(function, findings)
    for parameter in parameters:
        if parameter.kind in _STARRED:
            continue
        found = _wanted(parameter.name, hints.get(parameter.name), own)
        if fault := _fault(function, parameter, found, readable=hints is not _UNREADABLE):
            findings.add("injection", *fault, at=function)
        elif found is not None:
            yield found


def _fault(
    function: FunctionType,
    parameter: inspect.Parameter,
    found: Injected | None,
    *,
    readable: bool,
) -> tuple[str, str] | None:
    """Return what is wrong with a parameter, and the cure; ``None`` if nothing is."""
    name, method, default = parameter.name, f"{function.__qualname__}()", parameter.default
    if isinstance(default, NamedService):
        message = f"{default!r} is the default of the parameter {name!r} of {method}"
        return f"{message}, and gives it nothing", f"write {name}: Annotated[Any, {default!r}]"
    if found is not None and parameter.kind is parameter.POSITIONAL_ONLY:
        return (
            f"modframe can't give the parameter {name!r} of {method} by position",
            "take the '/' out, so that it can be given by name",
        )
    if found is None and default is parameter.empty and readable:
        cure = (
            f"call it one of {', '.join(NAMES)}, annotate it with a service's class or "
            f"Annotated[Any, service({name!r})], or give it a default"
        )
        message = f"nothing is known to give {method} for its parameter {name!r}"
        return message, otherwise(near(name, NAMES), cure)
    return None


_UNREADABLE: dict[str, Any] = {}
"""Stands for the annotations of a function that has a finding already."""


def _hints(function: FunctionType, findings: Findings) -> dict[str, Any]:
    if all(map(_is_evaluated, function.__annotations__.values())):
        return function.__annotations__  # `get_type_hints` takes 20 times as long
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception as error:  # noqa: BLE001  # evaluating an annotation runs the author's text
        findings.add(
            "injection",
            f"the annotations of {function.__qualname__}() can't be read: {error}",
            "import the name, or write Annotated[Any, service('orders')] for a service",
            at=function,
        )
        return _UNREADABLE


def _is_evaluated(annotation: Any) -> bool:
    """Return whether an annotation is surely what it means, and no text of it."""
    if typing.get_origin(annotation) is Annotated:
        return _is_evaluated(annotation.__origin__)
    return annotation is Any or isinstance(annotation, type)


def _wanted(name: str, hint: Any, own_package: str) -> Injected | None:
    """Return what a parameter is given, by its annotation, else by its name."""
    named, hint = _without_wrapping(hint)
    if named is not None:
        return Injected(name, "service", named.name)
    if isinstance(hint, type):
        if issubclass(hint, logging.Logger):
            return Injected(name, "logger")
        package = package_in(hint.__module__)
        if package and package != own_package:
            return Injected(name, "service", f"{module_id_in(package)}.service")
        if package and issubclass(hint, getattr(sys.modules.get("pydantic"), "BaseModel", ())):
            return Injected(name, "settings")
        if hint.__module__.startswith("modframe.") and hint.__name__ in _FRAMEWORK_CLASSES:
            return Injected(name, _FRAMEWORK_CLASSES[hint.__name__])
    # A dictionary called `settings` is the author's own.
    if name in NAMES and getattr(typing.get_origin(hint) or hint, "__module__", "") != "builtins":
        return Injected(name, typing.cast("InjectedKind", name))
    return None


def _without_wrapping(hint: Any) -> tuple[NamedService | None, Any]:
    """Return the `NamedService` of an annotation, and its type without ``Annotated`` and None."""
    if typing.get_origin(hint) is Annotated:
        inner, *metadata = typing.get_args(hint)
        named = next((each for each in metadata if isinstance(each, NamedService)), None)
        return named, _without_wrapping(inner)[1]
    if typing.get_origin(hint) in (Union, UnionType):
        others = [each for each in typing.get_args(hint) if each is not type(None)]
        if len(others) == 1:
            return _without_wrapping(others[0])
    return None, hint


def required_services(plans: Injections, router: Any) -> Iterator[str]:
    """Yield the services of other modules that methods and routes are given."""
    for plan in plans.values():
        for injected in plan:
            if injected.service:
                yield injected.service
    for route in getattr(router, "routes", ()):
        yield from _dependencies(getattr(route, "dependant", None))


def _dependencies(dependant: Any) -> Iterator[str]:
    for inner in getattr(dependant, "dependencies", ()):
        if isinstance(inner.call, NamedService):
            yield inner.call.name
        yield from _dependencies(inner)
