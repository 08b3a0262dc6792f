"""Example requests: made from the OpenAPI document of a server, and sent to it over HTTP.

In comes a server's address; out go requests, their curl commands, and a line for each answer. A
body consists of examples that the routes' author declared; none is made up. Called by
``quickstart``.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from ..parts.web.examples import declared_bodies
from .out import one_line, say


@dataclass(frozen=True, slots=True)
class Request:
    """One request: a method, a path, and a JSON body if it takes one."""

    method: str
    path: str
    body: Any = None

    def curl(self, url: str) -> str:
        """Return the request as a shell command."""
        if self.body is None and self.method == "GET":
            return f"curl {url}{self.path}"
        words = ["curl", "-X", self.method, f"{url}{self.path}"]
        if self.body is not None:
            words += ["-H", "Content-Type: application/json", "-d", json.dumps(self.body)]
        return shlex.join(words)


async def fetch_examples(url: str) -> list[Request]:
    """Fetch the OpenAPI document of a server and return its example requests."""
    async with httpx.AsyncClient(base_url=url, timeout=30.0, trust_env=False) as client:
        return example_requests((await client.get("/openapi.json")).json())


async def send_examples(url: str) -> int:
    """Send the example requests and print a line for each answer; return 1 on a server error."""
    status = 0
    async with httpx.AsyncClient(base_url=url, timeout=30.0, trust_env=False) as client:
        for request in await fetch_examples(url):
            answer = await client.request(request.method, request.path, json=request.body)
            say(f"{request.method} {answer.url} {answer.status_code} {one_line(answer.text)}")
            status = max(status, int(answer.is_server_error))
    return status


def example_requests(document: Mapping[str, Any]) -> list[Request]:
    """Return the first POST whose body has an example, then each GET without parameters.

    Those of core modules are left out.
    """
    posts: list[Request] = []
    gets: list[Request] = []
    for path, methods in document.get("paths", {}).items():
        if "{" in path:
            continue
        for method, operation in methods.items():
            if _of_core(operation) or any(
                parameter.get("required") for parameter in operation.get("parameters", ())
            ):
                continue
            if method == "get":
                gets.append(Request("GET", path))
            elif method == "post":
                posts += [
                    Request("POST", path, body) for body in declared_bodies(operation, document)
                ]
    return [*posts[:1], *gets]


def _of_core(operation: Mapping[str, Any]) -> bool:
    return any(tag.startswith("core.") for tag in operation.get("tags", ()))
