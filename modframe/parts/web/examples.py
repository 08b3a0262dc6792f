"""The example bodies that the author of a route declared, read from an OpenAPI document.

Called by ``quickstart``, which sends them, and by the cockpit, which fills a form with one. None is
made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def declared_bodies(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the JSON bodies that the author declared; ``None`` alone where a route takes none."""
    if "requestBody" not in operation:
        yield None
        return
    content = operation["requestBody"].get("content", {}).get("application/json", {})
    if "example" in content:
        yield content["example"]
    named = content.get("examples", {}).values()
    yield from (entry["value"] for entry in named if "value" in entry)
    yield from _examples(content.get("schema", {}), document)


def _examples(
    schema: Mapping[str, Any], document: Mapping[str, Any], *, above: tuple[str, ...] = ()
) -> Iterator[Any]:
    """Yield examples of a schema: its own, then those of what it refers to or consists of.

    ``above`` are the references that led to it, since a schema may refer to itself.
    """
    if "example" in schema:
        yield schema["example"]
    yield from schema.get("examples", ())
    reference = schema.get("$ref", "")
    if reference and reference not in above:
        referred: Any = document
        for name in reference.split("/")[1:]:  # such as #/components/schemas/Item
            referred = referred[name]
        yield from _examples(referred, document, above=(*above, reference))
    elif "items" in schema:
        yield from ([item] for item in _examples(schema["items"], document, above=above))
    elif required := schema.get("required"):
        fields = {
            name: list(_examples(schema["properties"][name], document, above=above))
            for name in required
        }
        if all(fields.values()):
            yield {name: examples[0] for name, examples in fields.items()}
