"""Requests that show what a module answers: made from its routes, asked over real HTTP.

In comes an app that is served; out go requests, their curl commands, and a line for each answer.
Called by ``quickstart``.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..app import AppContext
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
    """One POST with an example body, if there is one, then each GET that needs no parameters."""
    posts: list[Request] = []
    gets: list[Request] = []
    for generation in app._engine.live.generations.values():
        web = generation.parts.get("web")
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
                    posts.append(Request("POST", path, _body(operation, document)))
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


def _body(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    for given in _examples(content):
        return given
    return example(content.get("schema", {}), document)


def _examples(holder: Mapping[str, Any]) -> Iterator[Any]:
    if "example" in holder:
        yield holder["example"]
    examples = holder.get("examples")
    if isinstance(examples, Mapping):
        yield from (one["value"] for one in examples.values() if "value" in one)
    elif examples:
        yield from examples


def example(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int = 0) -> Any:
    """A value that a schema takes: its own example, its default, or the plainest there is.

    >>> example({"type": "object", "properties": {"name": {"type": "string"}}}, {})
    {'name': 'name'}
    """
    schema = _resolved(schema, document)
    for given in _examples(schema):
        return given
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return example(schema[key][0], document, depth + 1)
    if schema.get("type") == "object" or "properties" in schema:
        wanted = schema.get("required", list(schema.get("properties", {})))
        return {
            name: _named(name, one, document, depth)
            for name, one in schema.get("properties", {}).items()
            if name in wanted and depth < 5
        }
    if schema.get("type") == "array":
        item = example(schema.get("items", {}), document, depth + 1)
        return [item] * max(1, int(schema.get("minItems", 1)))
    return _plainest(schema)


def _named(name: str, schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> Any:
    value = example(schema, document, depth + 1)
    shortest = int(_resolved(schema, document).get("minLength", 0))
    # A text that says which field it is makes a better example than "text".
    return name if value == "text" and len(name) >= shortest else value


def _plainest(schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if kind == "integer":
        return int(schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))
    if kind == "number":
        return float(schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    texts = {"date-time": "2026-01-01T12:00:00Z", "date": "2026-01-01", "email": "a@example.com"}
    return texts.get(schema.get("format", ""), "text".ljust(int(schema.get("minLength", 0)), "."))


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        step: Any = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            step = step[name]
        schema = step
    return schema
