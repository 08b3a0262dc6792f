"""`ServiceContract`: what callers of a service may count on; read from a loaded generation.

Frozen text, so that holding one keeps no generation alive. `changes.changes_between` compares two.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal
from weakref import WeakKeyDictionary

from ...load.methods import public_methods
from ...load.text import Text, place_of_callable, understand
from ...names import plain_names
from ...source import Source
from ...spec import ModuleSpec, ServiceMethod, type_name
from ..generation import Generation

_ANY = inspect.Parameter.POSITIONAL_OR_KEYWORD
_MARKS = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method: its kind as `inspect` names it, its types as text.

    Attributes:
        annotation: The type written in the code; empty without one.
        documented: The type that a `ServiceParam` gives; empty without one.
    """

    name: str
    kind: str = _ANY.name
    required: bool = True
    annotation: str = ""
    documented: str = ""

    @property
    def optional(self) -> bool:
        """Whether it has a default; ``*args`` and ``**kwargs`` have none."""
        return not self.required and self.kind not in _MARKS


@dataclass(frozen=True, slots=True)
class MethodContract:
    """One public method of a service.

    Attributes:
        kind: ``stream`` for an async generator; sync and async are alike, for handles hide it.
        parameters: In order, without ``self``; nothing if they can't be told.
        signature: As people write it: ``total(plus: int = 0) -> int``.
        file: The module's file that holds it; with line and cell, where that is known.
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

    def bound(self, positional: int, keywords: tuple[str, ...]) -> dict[str, Any] | None:
        """Parameter → which argument of a call it gets; nothing if the call doesn't fit.

        >>> MethodContract("total", "plain", (Parameter("plus", required=False),)).bound(1, ())
        {'plus': 0}
        """
        given = [
            inspect.Parameter(
                one.name,
                getattr(inspect.Parameter, one.kind),
                default=None if one.optional else inspect.Parameter.empty,
            )
            for one in self.parameters or ()
        ]
        try:
            signature = inspect.Signature(given)
            return signature.bind(*range(positional), **{key: key for key in keywords}).arguments
        except TypeError:
            return None


@dataclass(frozen=True, slots=True)
class ServiceContract:
    """What a module's service offers; without a service, ``service`` is empty.

    Attributes:
        others: Public names that can be called and aren't methods: nothing is known of them.
        file: Where the service's class stands; with line and cell.
    """

    module_id: str
    service: str = ""
    methods: Mapping[str, MethodContract] = field(default_factory=lambda: MappingProxyType({}))
    others: frozenset[str] = frozenset()
    file: str = ""
    line: int = 0
    cell: str = ""


_read: WeakKeyDictionary[Generation, ServiceContract] = WeakKeyDictionary()


def contract_of(generation: Generation) -> ServiceContract:
    """The contract of a generation that was loaded; read once, for it is compared twice."""
    known = _read.get(generation)
    if known is None:
        known = _read[generation] = read_contract(generation.spec, generation.source)
    return known


def read_contract(spec: ModuleSpec, source: Source) -> ServiceContract:
    """What a module's class and its documentation promise.

    Args:
        spec: What the module says about itself.
        source: Its text, for places.
    """
    service = spec.service
    if service is None or service.service_class is None:
        return ServiceContract(spec.module_id)
    cls = service.service_class
    methods = {
        name: _method(cls, name, documented=service.methods.get(name), source=source)
        for name, _ in public_methods(cls, service.methods)
    }
    public = (name for name in dir(cls) if not name.startswith("_") and name not in methods)
    others = frozenset(name for name in public if callable(inspect.getattr_static(cls, name, None)))
    place = _first_place(cls, methods, source)
    return ServiceContract(spec.module_id, service.name, MappingProxyType(methods), others, **place)


def method_names(generation: Generation) -> frozenset[str]:
    """The public methods of a generation's service."""
    service = generation.spec.service
    if service is None or service.service_class is None:
        return frozenset()
    return frozenset(name for name, _ in public_methods(service.service_class, service.methods))


def _method(
    cls: type, name: str, *, documented: ServiceMethod | None, source: Source
) -> MethodContract:
    raw = inspect.getattr_static(cls, name)
    method = getattr(cls, name)
    kind: Literal["plain", "stream"] = "stream" if inspect.isasyncgenfunction(method) else "plain"
    about = type_name(documented.returns.return_type) if documented and documented.returns else ""
    place = place_of_callable(method, source)
    try:
        real = inspect.signature(method)
        first = next(iter(real.parameters.values()), None)
        takes_self = first is not None and first.kind.name.startswith("POSITIONAL")
        if takes_self and not isinstance(raw, staticmethod | classmethod):
            real = real.replace(parameters=list(real.parameters.values())[1:])
    except Exception:  # noqa: BLE001  # the author's own wrapper or annotation: nothing can be told
        return MethodContract(name, kind, None, "", about, f"{name}(...)", **place)
    docs = {one.name: type_name(one.param_type) for one in documented.params} if documented else {}
    own = cls.__module__
    parameters = tuple(
        Parameter(
            one.name,
            one.kind.name,
            one.default is one.empty and one.kind.name not in _MARKS,
            _annotation(one.annotation, own),
            docs.get(one.name, ""),
        )
        for one in real.parameters.values()
    )
    returns = _annotation(real.return_annotation, own)
    text = _written(name, parameters, returns)
    return MethodContract(name, kind, parameters, returns, about, text, **place)


def _annotation(annotation: Any, own: str) -> str:
    """A type as text, the same from code and from strings: without generation and own package."""
    if annotation is inspect.Parameter.empty:
        return ""
    if annotation is None:
        return "None"
    try:
        text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    except Exception:  # noqa: BLE001  # the repr of an author's type
        return ""
    text = text.replace("typing.", "").replace("NoneType", "None")
    package = ".".join(own.split(".")[:3])
    files = re.compile(rf"{re.escape(package)}(?:\.\w+)*\.(?=\w)")
    return plain_names(files.sub("", text))


def _written(name: str, parameters: tuple[Parameter, ...], returns: str) -> str:
    """A signature for people; defaults are the author's objects and stay out of it."""
    words = []
    starred = False
    for one in parameters:
        starred = starred or one.kind == "VAR_POSITIONAL"
        if one.kind == "KEYWORD_ONLY" and not starred:
            words.append("*")
            starred = True
        kind = f": {one.annotation}" if one.annotation else ""
        default = (" = ..." if kind else "=...") if one.optional else ""
        words.append(f"{_MARKS.get(one.kind, '')}{one.name}{kind}{default}")
    last = next((at for at, one in enumerate(parameters) if one.kind != "POSITIONAL_ONLY"), None)
    if parameters and parameters[0].kind == "POSITIONAL_ONLY":
        words.insert(len(words) if last is None else last, "/")
    arrow = f" -> {returns}" if returns else ""
    return f"{name}({', '.join(words)}){arrow}"


def _first_place(
    cls: type, methods: Mapping[str, MethodContract], source: Source
) -> dict[str, Any]:
    """Where a class stands: its own line, or its first method's if its name is another there."""
    lines = [(one.line, one.file) for one in methods.values() if one.file]
    if not lines:
        return {}
    _, file = min(lines)
    text = understand(source.files[file])
    known = text.lines.get(cls.__name__, 0) if isinstance(text, Text) else 0
    line = known or min(one for one, at in lines if at == file)
    return {"file": file, "line": line, "cell": source.files[file].cell}
