"""`ServiceContract`: what callers of a service may rely on; read off a loaded generation.

It is frozen text, so keeping one keeps no generation alive. `differences.changes_between` compares
two.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ...load.methods import public_methods
from ...load.text import Analysis, analyze, place_of_callable
from ...names import plain_names
from ...source import Source
from ...spec import ModuleSpec, ServiceMethod, type_name
from ..generation import Generation

_DEFAULT_KIND = inspect.Parameter.POSITIONAL_OR_KEYWORD
_STARS = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method: its kind as `inspect` names it, its types as text.

    Attributes:
        annotation: The type in the code; empty without one.
        documented: The type that a `ServiceParam` gives; empty without one.
    """

    name: str
    kind: str = _DEFAULT_KIND.name
    required: bool = True
    annotation: str = ""
    documented: str = ""

    @property
    def optional(self) -> bool:
        """Whether it has a default, which ``*args`` and ``**kwargs`` don't have."""
        return not self.required and self.kind not in _STARS


@dataclass(frozen=True, slots=True)
class MethodContract:
    """One public method of a service.

    Attributes:
        kind: ``stream`` for an async generator; sync and async are both ``plain``, because handles
            hide the difference.
        parameters: In order, without ``self``; ``None`` if they can't be told.
        returns: The annotated type of its value; empty without one.
        documented: The type that a `ServiceReturn` gives; empty without one.
        signature: As people write it: ``total(plus: int = ...) -> int``.
        file: The module's file that holds it; empty, like line and cell, if it isn't known.
    """

    name: str
    kind: Literal["plain", "stream"]
    parameters: tuple[Parameter, ...] | None
    returns: str = ""
    documented: str = ""
    signature: str = ""
    file: str = ""
    line: int = 0
    cell: str = ""

    def bind(self, positional: int, keywords: tuple[str, ...]) -> dict[str, Any] | None:
        """Return parameter → position or keyword of its argument; ``None`` if a call doesn't fit.

        >>> MethodContract("total", "plain", (Parameter("plus", required=False),)).bind(1, ())
        {'plus': 0}
        """
        parameters = [
            inspect.Parameter(
                parameter.name,
                getattr(inspect.Parameter, parameter.kind),
                default=None if parameter.optional else inspect.Parameter.empty,
            )
            for parameter in self.parameters or ()
        ]
        try:
            signature = inspect.Signature(parameters)
            return signature.bind(*range(positional), **{key: key for key in keywords}).arguments
        except TypeError:
            return None


@dataclass(frozen=True, slots=True)
class ServiceContract:
    """What a module's service offers; ``service`` is empty if there is none.

    Attributes:
        methods: Name → the method.
        others: Public callables that aren't methods; nothing is known of them.
        file: The file of the service's class, with line and cell.
    """

    module_id: str
    service: str = ""
    methods: Mapping[str, MethodContract] = field(default_factory=lambda: MappingProxyType({}))
    others: frozenset[str] = frozenset()
    file: str = ""
    line: int = 0
    cell: str = ""


def contract_of(generation: Generation) -> ServiceContract:
    """Return the contract of a loaded generation, which keeps it: two changes compare it."""
    contract: ServiceContract | None = generation.contract
    if contract is None:
        contract = generation.contract = read_contract(generation.spec, generation.source)
    return contract


def read_contract(spec: ModuleSpec, source: Source) -> ServiceContract:
    """Return the contract of a module's service class and its documentation.

    Args:
        spec: What the module says about itself.
        source: Its source, for places.
    """
    service = spec.service
    if service is None or service.service_class is None:
        return ServiceContract(spec.module_id)
    cls = service.service_class
    methods = {
        name: _read_method(cls, name, documented=service.methods.get(name), source=source)
        for name, _ in public_methods(cls, service.methods)
    }
    public = (name for name in dir(cls) if not name.startswith("_") and name not in methods)
    others = frozenset(name for name in public if callable(inspect.getattr_static(cls, name, None)))
    place = _class_place(cls, methods, source)
    return ServiceContract(spec.module_id, service.name, MappingProxyType(methods), others, **place)


def method_names(generation: Generation) -> frozenset[str]:
    """Return the names of the public methods of a generation's service."""
    service = generation.spec.service
    if service is None or service.service_class is None:
        return frozenset()
    return frozenset(name for name, _ in public_methods(service.service_class, service.methods))


def _read_method(
    cls: type, name: str, *, documented: ServiceMethod | None, source: Source
) -> MethodContract:
    raw = inspect.getattr_static(cls, name)
    method = getattr(cls, name)
    kind: Literal["plain", "stream"] = "stream" if inspect.isasyncgenfunction(method) else "plain"
    documents = documented.returns if documented else None
    documented_type = type_name(documents.return_type) if documents else ""
    place = place_of_callable(method, source)
    try:
        real = inspect.signature(method)
        first = next(iter(real.parameters.values()), None)
        takes_self = first is not None and first.kind.name.startswith("POSITIONAL")
        if takes_self and not isinstance(raw, staticmethod | classmethod):
            real = real.replace(parameters=list(real.parameters.values())[1:])
    except Exception:  # noqa: BLE001  # an author's wrapper or annotation may raise
        return MethodContract(name, kind, None, "", documented_type, f"{name}(...)", **place)
    params = documented.params if documented else ()
    documented_types = {param.name: type_name(param.param_type) for param in params}
    own = cls.__module__
    parameters = tuple(
        Parameter(
            parameter.name,
            parameter.kind.name,
            parameter.default is parameter.empty and parameter.kind.name not in _STARS,
            _annotation_text(parameter.annotation, own),
            documented_types.get(parameter.name, ""),
        )
        for parameter in real.parameters.values()
    )
    returns = _annotation_text(real.return_annotation, own)
    text = _signature_text(name, parameters, returns)
    return MethodContract(name, kind, parameters, returns, documented_type, text, **place)


def _annotation_text(annotation: Any, own: str) -> str:
    """Return a type as text, the same from code and strings, without generation and own package."""
    if annotation is inspect.Parameter.empty:
        return ""
    if annotation is None:
        return "None"
    try:
        text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    except Exception:  # noqa: BLE001  # the repr of an author's type may raise
        return ""
    text = text.replace("typing.", "").replace("NoneType", "None")
    package = ".".join(own.split(".")[:3])
    files = re.compile(rf"{re.escape(package)}(?:\.\w+)*\.(?=\w)")
    return plain_names(files.sub("", text))


def _signature_text(name: str, parameters: tuple[Parameter, ...], returns: str) -> str:
    """Return a signature for people; defaults, the author's objects, are shown as ``...``."""
    texts = []
    starred = False
    for parameter in parameters:
        starred = starred or parameter.kind == "VAR_POSITIONAL"
        if parameter.kind == "KEYWORD_ONLY" and not starred:
            texts.append("*")
            starred = True
        annotation = f": {parameter.annotation}" if parameter.annotation else ""
        default = (" = ..." if annotation else "=...") if parameter.optional else ""
        texts.append(f"{_STARS.get(parameter.kind, '')}{parameter.name}{annotation}{default}")
    positional_only = sum(parameter.kind == "POSITIONAL_ONLY" for parameter in parameters)
    if positional_only:
        texts.insert(positional_only, "/")
    arrow = f" -> {returns}" if returns else ""
    return f"{name}({', '.join(texts)}){arrow}"


def _class_place(
    cls: type, methods: Mapping[str, MethodContract], source: Source
) -> dict[str, Any]:
    """Return the place of a class, or of its first method if its name is another in the file."""
    lines = [(method.line, method.file) for method in methods.values() if method.file]
    if not lines:
        return {}
    _, file = min(lines)
    text = analyze(source.files[file])
    class_line = text.lines.get(cls.__name__, 0) if isinstance(text, Analysis) else 0
    line = class_line or min(line for line, other in lines if other == file)
    return {"file": file, "line": line, "cell": source.files[file].cell}
