"""Compares the methods that ``@register_service`` documents with those the service class has.

Called by the reader. Differences are warnings and never keep a module from loading: the guide's
own example documents a parameter that its method lacks.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from ..finding import Finding
from ..source import Source
from ..spec import ModuleSpec, ServiceMethod, ServiceParam, type_name
from .methods import signature_of
from .text import place_of_callable
from .type_texts import agree, annotation_text

_Difference = tuple[str, str]
"""What differs, and what to do about it."""


def documentation_findings(spec: ModuleSpec, source: Source) -> Iterator[Finding]:
    """Yield a warning, at the method's line, for each difference from the documentation."""
    service = spec.service
    if service is None or service.service_class is None:
        return
    cls = service.service_class
    for name, documented in service.methods.items():
        method = getattr(cls, name, None)
        where = place_of_callable(method, source) or {"file": "api.py"}
        if not callable(method):
            message = f"{name!r} is documented, and class {cls.__name__!r} has no such method"
            cure = "write the method or take the ServiceMethod out"
            yield Finding("documented-method", "warning", message, cure=cure, **where)
            continue
        if (real := signature_of(method)) is None:
            continue  # nothing can be told of it
        for message, cure in _differences(documented, real, cls.__module__):
            yield Finding("documented-signature", "warning", message, cure=cure, **where)


def _differences(
    documented: ServiceMethod, real: inspect.Signature, own: str
) -> Iterator[_Difference]:
    parameters = {key: parameter for key, parameter in real.parameters.items() if key != "self"}
    yield from _of_names(documented, parameters)
    for param in documented.params:
        if param.name in parameters:
            yield from _of_parameter(documented.name, param, parameters[param.name], own)
    says = type_name(documented.returns.return_type) if documented.returns else ""
    returns = annotation_text(real.return_annotation, own)
    if says and returns and not agree(says, returns):
        yield (
            f"{documented.name}() is documented to return {says} and annotated with {returns}",
            f"write '-> {says}' at the method, or ServiceReturn(return_type={returns!r}, ...)",
        )


def _of_names(
    documented: ServiceMethod, parameters: Mapping[str, inspect.Parameter]
) -> Iterator[_Difference]:
    """Yield the parameters that only one of the two has."""
    name, names = documented.name, [param.name for param in documented.params]
    kinds = {key: parameter.kind.name for key, parameter in parameters.items()}
    for key in names:
        if key not in parameters and "VAR_KEYWORD" not in kinds.values():
            yield (
                f"{name}() is documented with a parameter {key!r} that it does not take",
                "add the parameter or take the ServiceParam out",
            )
    for key, parameter in parameters.items():
        if _required(parameter) and key not in names:
            yield (
                f"{name}() requires {key!r}, which is not documented",
                f"add ServiceParam({key!r}, ...)",
            )


def _of_parameter(
    method: str, param: ServiceParam, real: inspect.Parameter, own: str
) -> Iterator[_Difference]:
    says, takes = type_name(param.param_type), annotation_text(real.annotation, own)
    optional = f"{says} | None" if real.default is None else says  # words leave the None out
    if takes and not (agree(says, takes) or agree(optional, takes)):
        message = f"{method}() is documented to take {param.name!r} as {says}"
        cure = f"ServiceParam({param.name!r}, {takes!r}, ...)"
        yield (
            f"{message} and annotated with {takes}",
            f"write '{param.name}: {says}' at the method, or {cure}",
        )
    if _required(real) and not param.required:
        yield (
            f"{method}() requires {param.name!r}, which is documented as optional",
            "give the parameter a default, or take required=False out of the ServiceParam",
        )
    elif _says_another_default(param, real.default):
        message = f"{method}() is documented with {param.name}={param.default!r}"
        yield (
            f"{message}, and its default is {real.default!r}",
            f"write default={real.default!r} in the ServiceParam",
        )


def _says_another_default(param: ServiceParam, default: Any) -> bool:
    """Return whether plain defaults differ; ``None`` in the words says nothing."""
    says_one = param.default is not None and _plain(param.default) and _plain(default)
    return says_one and param.default != default


def _required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and not parameter.kind.name.startswith("VAR_")


def _plain(value: Any) -> bool:
    return value is None or type(value) in (bool, int, float, str)
