"""Requests that show what a module answers: made from its routes, asked over real HTTP.

In comes an app that is served; out go requests, their curl commands, and a line for each answer.
A body is what the routes' author gives as an example; none is made up. Called by ``quickstart``.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..app import AppContext
from ..parts.web.part import WebPart
from .out import one_line, say

_FAILURE = 500


@dataclass(frozen=True, slots=True)
class Request:
    """One request: a method, a path, and a JSON body if it takes one."""

    method: str
    path: str
    body: Any = None

    def curl(self, url: str) -> str:
        """The same as a command."""
        if self.body is None and self.method == "GET":
            return f"curl {url}{self.path}"
        words = ["curl", "-X", self.method, f"{url}{self.path}"]
        if self.body is not None:
            words += ["-H", "Content-Type: application/json", "-d", json.dumps(self.body)]
        return shlex.join(words)


def requests_of(app: AppContext) -> list[Request]:
    """One POST whose body has an example, if there is one, then each GET without parameters."""
    posts: list[Request] = []
    gets: list[Request] = []
    for generation in app._engine.live.generations.values():
        web = WebPart.of(generation)
        if web is None or generation.module_id.startswith("core."):
            continue
        document = web.openapi()
        for path, methods in document.get("paths", {}).items():
            for method, operation in methods.items():
                if "{" in path or _needs_parameters(operation):
                    continue
                if method == "get":
                    gets.append(Request("GET", path))
                elif method == "post":
                    posts += [Request("POST", path, one) for one in _bodies(operation, document)]
    return [*posts[:1], *gets]


async def ask_each(requests: Sequence[Request], url: str) -> int:
    """Ask over HTTP and print a line for each answer; 1 if any was a failure of the server's."""
    import httpx

    status = 0
    async with httpx.AsyncClient(timeout=30.0, trust_env=False) as client:
        for request in requests:
            address = f"{url}{request.path}"
            answer = await client.request(request.method, address, json=request.body)
            say(f"{request.method} {address} {answer.status_code} {one_line(answer.text)}")
            status = max(status, int(answer.status_code >= _FAILURE))
    return status


def _needs_parameters(operation: Mapping[str, Any]) -> bool:
    return any(one.get("required") for one in operation.get("parameters", ()))


def _bodies(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Any]:
    """The bodies that the author declared; ``None`` alone where the route takes none."""
    if "requestBody" not in operation:
        yield None
        return
    content = operation["requestBody"].get("content", {}).get("application/json", {})
    yield from _examples(content)
    yield from _declared(content.get("schema", {}), document)
    yield from _of_fields(content.get("schema", {}), document)


def _of_fields(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Any]:
    """A body of the examples that its required fields declare, or a list of one."""
    schema = _resolved(schema, document)
    if schema.get("type") == "array":
        yield from ([one] for one in _of_fields(schema.get("items", {}), document))
        return
    fields, required = schema.get("properties", {}), schema.get("required", ())
    given = {
        name: example
        for name in required
        for example in list(_declared(fields[name], document))[:1]
    }
    if given and len(given) == len(required):
        yield given


def _declared(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Any]:
    """The examples that stand with a schema, then those of the schema it refers to."""
    yield from _examples(schema)
    if "$ref" in schema:
        yield from _examples(_resolved(schema, document))


def _examples(holder: Mapping[str, Any]) -> Iterator[Any]:
    if "example" in holder:
        yield holder["example"]
    examples = holder.get("examples")
    if isinstance(examples, Mapping):  # OpenAPI's, by name
        yield from (one["value"] for one in examples.values() if "value" in one)
    elif examples:  # JSON schema's
        yield from examples


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        step: Any = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            step = step[name]
        schema = step
    return schema
