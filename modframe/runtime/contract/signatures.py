"""`ServiceContract`: what callers of a service may rely on; read off a loaded generation.

It is frozen text, so keeping one keeps no generation alive. `differences.changes_between` compares
two.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ...load.methods import public_methods
from ...load.text import Analysis, analyze, place_of_callable
from ...load.type_texts import annotation_text
from ...source import Source
from ...spec import ServiceMethod, type_name
from ..generation import Generation
from .uses import Arguments


class _Text(str):
    """A type or a default as text, which a signature shows without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


@dataclass(frozen=True, slots=True)
class MethodContract:
    """One public method of a service.

    Attributes:
        kind: ``stream`` for an async generator; sync and async are both ``plain``, because handles
            hide the difference.
        signature: Without ``self``, with types as text and every default as ``...``; ``None`` if
            it can't be told.
        documented: Parameter → the type that its `ServiceParam` gives; ``return`` → the type that
            the `ServiceReturn` gives.
        place: ``file``, ``line`` and ``cell`` of a finding; empty if they aren't known.
    """

    name: str
    kind: Literal["plain", "stream"]
    signature: inspect.Signature | None
    documented: Mapping[str, str]
    place: Mapping[str, Any]

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """Name → parameter, in order."""
        return self.signature.parameters if self.signature else {}

    def types(self, name: str) -> tuple[str, str]:
        """Return the annotated and the documented type of a parameter or ``return``, if any."""
        returns = self.signature and self.signature.return_annotation
        annotation = returns if name == "return" else self.parameters[name].annotation
        annotated = annotation if isinstance(annotation, str) else ""
        return annotated, self.documented.get(name, "")

    def bind(self, arguments: Arguments) -> dict[str, Any] | None:
        """Return parameter → position or keyword of its argument; ``None`` if a call doesn't fit.

        >>> signature = inspect.signature(lambda plus=2: plus)
        >>> MethodContract("total", "plain", signature, {}, {}).bind(Arguments(1))
        {'plus': 0}
        """
        keywords = {key: key for key in arguments.keywords}
        try:
            signature = self.signature or inspect.Signature()
            return signature.bind(*range(arguments.positional), **keywords).arguments
        except TypeError:
            return None

    def __str__(self) -> str:
        return f"{self.name}{self.signature or '(...)'}"


@dataclass(frozen=True, slots=True)
class ServiceContract:
    """What a module's service offers; ``service`` is empty if there is none.

    Attributes:
        methods: Name → the method.
        others: Public callables that aren't methods; nothing is known of them.
        place: ``file``, ``line`` and ``cell`` of the service's class.
    """

    module_id: str
    service: str = ""
    methods: Mapping[str, MethodContract] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    place: Mapping[str, Any] = field(default_factory=dict)


def contract_of(generation: Generation) -> ServiceContract:
    """Return the contract of a loaded generation, which keeps it: two changes compare it."""
    if generation.contract is None:
        generation.contract = _read_contract(generation)
    contract: ServiceContract = generation.contract
    return contract


def _read_contract(generation: Generation) -> ServiceContract:
    source, service = generation.source, generation.spec.service
    if service is None or service.service_class is None:
        return ServiceContract(source.module_id)
    cls = service.service_class
    methods = {
        name: _read_method(cls, name, documented=service.methods.get(name), source=source)
        for name in method_names(generation)
    }
    public = (name for name in dir(cls) if not name.startswith("_") and name not in methods)
    others = frozenset(name for name in public if callable(inspect.getattr_static(cls, name, None)))
    place = _class_place(cls, methods, source)
    return ServiceContract(source.module_id, service.name, methods, others, place)


def method_names(generation: Generation) -> dict[str, None]:
    """Return the names of the public methods of a generation's service, in order."""
    service = generation.spec.service
    if service is None or service.service_class is None:
        return {}
    return dict.fromkeys(name for name, _ in public_methods(service.service_class, service.methods))


def _read_method(
    cls: type, name: str, *, documented: ServiceMethod | None, source: Source
) -> MethodContract:
    method = getattr(cls, name)
    types = {}
    if documented is not None:
        types = {param.name: type_name(param.param_type) for param in documented.params}
        if documented.returns:
            types["return"] = type_name(documented.returns.return_type)
    try:
        signature = _plain_signature(cls, name)
    except Exception:  # noqa: BLE001  # an author's wrapper or annotation may raise
        signature = None
    kind: Literal["plain", "stream"] = "stream" if inspect.isasyncgenfunction(method) else "plain"
    return MethodContract(name, kind, signature, types, place_of_callable(method, source))


def _plain_signature(cls: type, name: str) -> inspect.Signature:
    """Return the signature of a method without ``self``, with text for the author's objects."""
    real = inspect.signature(getattr(cls, name))
    parameters = list(real.parameters.values())
    takes_self = parameters and parameters[0].kind.name.startswith("POSITIONAL")
    if takes_self and not isinstance(inspect.getattr_static(cls, name), staticmethod | classmethod):
        del parameters[0]
    empty, package = inspect.Parameter.empty, cls.__module__
    plain = [
        parameter.replace(
            annotation=_shown(annotation_text(parameter.annotation, package)),
            default=empty if parameter.default is empty else _Text("..."),
        )
        for parameter in parameters
    ]
    returns = _shown(annotation_text(real.return_annotation, package))
    return inspect.Signature(plain, return_annotation=returns)


def _shown(annotation: str) -> Any:
    return _Text(annotation) if annotation else inspect.Parameter.empty


def _class_place(
    cls: type, methods: Mapping[str, MethodContract], source: Source
) -> Mapping[str, Any]:
    """Return the place of a class, or of its first method if its name is another in the file."""
    places = [method.place for method in methods.values() if method.place]
    if not places:
        return {}
    first = min(places, key=lambda place: (place["line"], place["file"]))
    text = analyze(source.files[first["file"]])
    line = text.lines.get(cls.__name__, 0) if isinstance(text, Analysis) else 0
    return {**first, "line": line or first["line"]}
