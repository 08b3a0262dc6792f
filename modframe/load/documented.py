"""Compares the methods that ``@register_service`` documents with those the service class has.

Called by the reader. Differences are warnings and never keep a module from loading: the guide's
own example documents a parameter that its method lacks.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from ..finding import Finding
from ..source import Source
from ..spec import ModuleSpec, ServiceMethod, type_name
from .text import place_of_callable


def documentation_findings(spec: ModuleSpec, source: Source) -> Iterator[Finding]:
    """Yield a warning, at the method's line, for each difference from the documentation."""
    service = spec.service
    if service is None or service.service_class is None:
        return
    for name, documented in service.methods.items():
        method = getattr(service.service_class, name, None)
        where = place_of_callable(method, source) or {"file": "api.py"}
        if not callable(method):
            owner = service.service_class.__name__
            message = f"{name!r} is documented, and class {owner!r} has no such method"
            cure = "write the method or take the ServiceMethod out"
            yield Finding("documented-method", "warning", message, cure=cure, **where)
            continue
        for message, cure in _differences(documented, inspect.signature(method)):
            yield Finding("documented-signature", "warning", message, cure=cure, **where)


def _differences(documented: ServiceMethod, real: inspect.Signature) -> Iterator[tuple[str, str]]:
    name = documented.name
    parameters = {key: parameter for key, parameter in real.parameters.items() if key != "self"}
    kinds = {key: parameter.kind.name for key, parameter in parameters.items()}
    documented_names = [param.name for param in documented.params]
    for key in documented_names:
        if key not in parameters and "VAR_KEYWORD" not in kinds.values():
            yield (
                f"{name}() is documented with a parameter {key!r} that it does not take",
                "add the parameter or take the ServiceParam out",
            )
    for key, parameter in parameters.items():
        required = parameter.default is parameter.empty and not kinds[key].startswith("VAR_")
        if required and key not in documented_names:
            yield (
                f"{name}() requires {key!r}, which is not documented",
                f"add ServiceParam({key!r}, ...)",
            )
    if documented.returns and real.return_annotation is not real.empty:
        says, returns = type_name(documented.returns.return_type), type_name(real.return_annotation)
        if says != returns:
            yield (
                f"{name}() is documented to return {says} and annotated with {returns}",
                f"write '-> {says}' at the method, or ServiceReturn(return_type={returns!r}, ...)",
            )
