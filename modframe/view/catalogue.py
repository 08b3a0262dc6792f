"""`Services`: the live services and what their methods say; found by tag and by words.

In come the modules of a snapshot; out go frozen rows. ``app.services()`` returns them, and the
route ``/api/v1/core/framework/services`` of `core.framework` answers with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..html import section, table
from ..parts.service.methods import short_names
from ..wording import count
from .snapshot import ModuleView, freeze, thaw

_SHOWN = 100
"""Methods that a saved display holds at most."""


@dataclass(frozen=True, slots=True)
class MethodView:
    """One method of a service and its words.

    Attributes:
        signature: Without ``self``, types without their packages: ``(plus: int = 0) -> int``.
        documented: Whether a `ServiceMethod` documents it; else its docstring describes it.
        params: For each parameter ``name``, ``type``, ``schema``, ``required``, ``default`` and
            ``description``.
        returns: ``type`` and ``description``; both may be empty.
        examples: For each one ``call`` and ``result``.
    """

    name: str
    signature: str
    description: str
    documented: bool
    params: tuple[Mapping[str, Any], ...]
    returns: Mapping[str, str]
    examples: tuple[Mapping[str, str], ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One live service; ``class_name`` is its class, ``description`` that of its module."""

    name: str
    module: str
    generation: int
    class_name: str
    description: str
    methods: tuple[MethodView, ...]


class Services(tuple[ServiceView, ...]):
    """Services, in the order of their modules; those of the framework are the last."""

    __slots__ = ()

    @property
    def rows(self) -> tuple[tuple[str, str, str, str], ...]:
        """For each method: service, name with signature, description, tags."""
        return tuple(
            (
                service.name,
                f"{method.name}{method.signature}",
                method.description,
                ", ".join(method.tags),
            )
            for service in self
            for method in service.methods
        )

    def to_dict(self) -> dict[str, Any]:
        """Return them as JSON-ready data."""
        return {"services": thaw(tuple(self))}

    def to_json(self, *, indent: int | None = None) -> str:
        """Return them as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, default=str)

    def __repr__(self) -> str:
        return f"<{count(len(self), 'service')}, {count(len(self.rows), 'method')}>"

    def __str__(self) -> str:
        rows = ("  ".join(filter(None, row)) for row in self.rows)
        return "\n".join([repr(self), *rows])

    def _repr_html_(self) -> str:
        head = ("service", "method", "what it does", "tags")
        return section(repr(self).strip("<>"), table(self.rows, head=head, most=_SHOWN))


def find_services(
    modules: Iterable[ModuleView], *, tag: str | None = None, text: str | None = None
) -> Services:
    """Return the services of modules, or only those methods that fit, with their services.

    Args:
        modules: The views of a snapshot.
        tag: A tag that the method has, whatever its case.
        text: Words that all occur in what is said of the method or its service.
    """
    views = [service for module in modules for service in _services(module)]
    if tag is None and text is None:
        return Services(views)
    words = (text or "").casefold().split()
    fitting = (
        replace(service, methods=tuple(_fitting(service, tag=tag, words=words)))
        for service in views
    )
    return Services(service for service in fitting if service.methods)


def _services(module: ModuleView) -> Iterator[ServiceView]:
    for name, facts in module.parts.get("service", {}).items():
        methods = tuple(map(_method, facts["methods"]))
        yield ServiceView(
            name, module.id, module.generation, facts["class"], module.description, methods
        )


def _method(facts: Mapping[str, Any]) -> MethodView:
    signature = short_names(facts["signature"])
    params = freeze([{"description": "", **param} for param in facts["params"]])
    return MethodView(**{**facts, "signature": signature, "params": params})


def _fitting(service: ServiceView, *, tag: str | None, words: list[str]) -> Iterator[MethodView]:
    for method in service.methods:
        if tag is not None and tag.casefold() not in map(str.casefold, method.tags):
            continue
        said = " ".join(_said(service, method)).casefold()
        if all(word in said for word in words):
            yield method


def _said(service: ServiceView, method: MethodView) -> Iterator[str]:
    yield from (service.name, service.class_name, service.description)
    yield from (method.name, method.signature, method.description, *method.returns.values())
    for param in method.params:
        yield from (param["name"], param["type"], param["description"])
    for example in method.examples:
        yield from example.values()
    yield from method.tags
