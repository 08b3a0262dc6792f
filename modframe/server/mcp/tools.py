"""`Tools`: the documented methods of live services, as tools by name.

In comes what the snapshot knows of each service; out go frozen `Tool`s. They are made when they are
first asked for and kept until their module is published again. A method counts if a `ServiceMethod`
or a docstring describes it. The services of the framework are left out: what they tell are
resources, and what they change is for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...names import MODULE_TYPES
from ...runtime.generation import Generation
from ...view.arguments import Arguments
from ...view.catalogue import MethodView, ServiceView, find_services
from ...view.snapshot import thaw
from .facts import Facts
from .names import tool_name

_CORE = f"{MODULE_TYPES[0]}."
UNREADABLE = "(...)"
"""How views show a signature that can't be read; nobody could say what such a method takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """One method of one generation.

    Attributes:
        service: The full name of the service, for its handle.
        schema: The JSON Schema of the arguments, as an object.
        arguments: Turns JSON into what the method takes.
    """

    name: str
    module_id: str
    service: str
    method: str
    description: str
    schema: Mapping[str, Any]
    arguments: Arguments


class Tools:
    """The tools of what is live; called on the app loop."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._of: dict[str, tuple[int, dict[str, Tool]]] = {}
        self._known: dict[str, Tool] = {}
        self._known_of: Mapping[str, Generation] | None = None

    def by_name(self) -> Mapping[str, Tool]:
        """Return all tools."""
        generations = self._facts.live.generations
        if self._known_of is not generations:
            self._known = {
                tool.name: tool
                for key in sorted(generations)
                if not key.startswith(_CORE)
                for tool in self._tools_of(generations[key]).values()
            }
            self._known_of = generations
        return self._known

    def forget(self, module_ids: Iterable[str]) -> None:
        """Let go of the tools of modules that were published, and so of their old generations."""
        for key in module_ids:
            self._of.pop(key, None)
        self._known, self._known_of = {}, None

    def _tools_of(self, generation: Generation) -> dict[str, Tool]:
        number, tools = self._of.get(generation.module_id, (0, {}))
        if number != generation.number:
            view = self._facts.view(generation.module_id)
            made = (_make(generation, *pair) for pair in _methods(find_services([view])))
            tools = {tool.name: tool for tool in made}
            self._of[generation.module_id] = (generation.number, tools)
        return tools


def _methods(services: Iterable[ServiceView]) -> Iterator[tuple[ServiceView, MethodView]]:
    for service in services:
        for method in service.methods:
            described = method.documented or method.description
            if described and method.signature != UNREADABLE:
                yield service, method


def _make(generation: Generation, service: ServiceView, method: MethodView) -> Tool:
    instance = generation.own_services[service.name]
    return Tool(
        tool_name(service.module, method.name),
        service.module,
        service.name,
        method.name,
        "\n".join(_words(method)),
        _schema(method),
        Arguments(getattr(instance, method.name)),
    )


def _words(method: MethodView) -> Iterator[str]:
    """Yield what is said of a method, line by line."""
    yield method.description
    returns = ": ".join(filter(None, (method.returns["type"], method.returns["description"])))
    if method.documented and returns:
        yield f"Returns {returns}"
    for example in method.examples:
        result = f" → {example['result']}" if example["result"] else ""
        yield f"Example: {example['call']}{result}"


def _schema(method: MethodView) -> dict[str, Any]:
    """Return the schema of a method's arguments; what its types define stands at the root."""
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for param in method.params:
        schema = _with_own_definitions(thaw(param["schema"]), param["name"], definitions)
        if param["description"]:
            schema["description"] = param["description"]
        if not param["required"] and param["default"] is not None:
            schema["default"] = thaw(param["default"])
        properties[param["name"]] = schema
    return {
        "type": "object",
        "properties": properties,
        "required": [param["name"] for param in method.params if param["required"]],
        "additionalProperties": False,
        **({"$defs": definitions} if definitions else {}),
    }


def _with_own_definitions(
    schema: dict[str, Any], name: str, definitions: dict[str, Any]
) -> dict[str, Any]:
    """Move the definitions of a parameter's schema to those of all; return the rest.

    Two types of one name that differ get the name of their parameter in front.
    """
    own = schema.pop("$defs", {})
    renamed = {
        key: f"{name}.{key}" for key in own if key in definitions and definitions[key] != own[key]
    }
    if renamed:
        schema, own = _renamed(schema, renamed), _renamed(own, renamed)
    definitions |= {renamed.get(key, key): value for key, value in own.items()}
    return schema


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a schema whose references lead to the new names."""
    if isinstance(value, dict):
        changed = {key: _renamed(item, names) for key, item in value.items()}
        reference = value.get("$ref")
        if isinstance(reference, str):
            key = reference.removeprefix("#/$defs/")
            changed["$ref"] = f"#/$defs/{names.get(key, key)}"
        return changed
    return [_renamed(item, names) for item in value] if isinstance(value, list) else value
