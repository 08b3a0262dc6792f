"""`module_document`: from a module's router to its OpenAPI document.

Called by `WebApp.openapi`, off the loop; the server merges these documents. Paths have the module's
prefix, and every component has the module's name, ``standard_orders.Item``, so that names don't
depend on which modules are live. Only `Problem`, which is the same everywhere, is shared: each
operation that says nothing else answers so by default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext

from .problem import MEDIA_TYPE
from .routes import contexts

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_ROOT = "#/components/"
_GENERATION = re.compile(r"modules__([a-z]+)__([a-z][a-z0-9_]*?)_\d+__")
PROBLEM_NAME = "Problem"
PROBLEM_SCHEMA = {
    "title": PROBLEM_NAME,
    "type": "object",
    "description": "A refusal or fault (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"description": "What is wrong; text, unless the author gave JSON."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "correlation_id": {"type": "string", "description": "What the log carries too."},
        "code": {"type": "string", "description": "Which fault it is, for programs."},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["type", "title", "status", "detail", "instance", "correlation_id"],
}
_PROBLEM_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": f"{_ROOT}schemas/{PROBLEM_NAME}"}}}
_PROBLEM_RESPONSE = {"description": "A refusal or fault", "content": _PROBLEM_CONTENT}


def module_document(
    router: APIRouter, *, module_id: str, prefixes: Sequence[str], description: str = ""
) -> dict[str, Any]:
    """Return the document of one module, with each path below each prefix.

    ``description`` is that of its tag.

    Raises:
        Exception: What FastAPI raises for a model that it can't describe.
    """
    slug = slug_of(module_id)
    routes = list(_one_for_each_method(router, slug))
    document = get_openapi(title=module_id, version="1", routes=routes)
    document = _with_module_names(document, slug)
    for _, _, operation in operations(document):
        operation["tags"] = [module_id]
        _describe_streams(operation)
        for paths in operation.get("callbacks", {}).values():
            for _, _, callback in operations({"paths": paths}):
                callback.pop("operationId", None)  # it has the same one in each operation
    _locate_tokens(document, prefixes[0])
    _declare_problem(document, slug)
    taken = {operation["operationId"] for _, _, operation in operations(document)}
    document["paths"] = _below_each(prefixes, document["paths"], taken)
    document["tags"] = [{"name": module_id}]
    if description:
        document["tags"][0]["description"] = description
    return document


def _below_each(
    prefixes: Sequence[str], paths: dict[str, Any], taken: set[str]
) -> dict[str, dict[str, Any]]:
    """Return all paths below each prefix; an operation's id ends with the prefix's number."""
    first, *others = prefixes
    below = {first + path: item for path, item in paths.items()}
    for number, prefix in enumerate(others, start=2):
        copies = {"paths": {prefix + path: deepcopy(item) for path, item in paths.items()}}
        for _, _, operation in operations(copies):
            unique = f"{operation['operationId']}_{number}"
            while unique in taken:
                unique += "_"
            operation["operationId"] = unique
            taken.add(unique)
        below |= copies["paths"]
    return below


def slug_of(module_id: str) -> str:
    """Return a module's id in a form that can be part of names.

    >>> slug_of("standard.orders")
    'standard_orders'
    """
    return re.sub(r"\W", "_", module_id)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation of each entry of a document."""
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, method, operation


# -- the ids of operations -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Operation(RouteContext):
    """One method of a route, with its id."""

    method: str = ""
    operation_id: str = ""

    @property
    def methods(self) -> set[str]:
        return {self.method}


def _one_for_each_method(router: APIRouter, slug: str) -> Iterator[RouteContext]:
    """Yield all routes, one method at a time: FastAPI gives all methods of a route one id."""
    taken: set[str] = set()
    for route in contexts(router):
        if not isinstance(route.original_route, APIRoute) or not route.include_in_schema:
            yield route
            continue
        for method in sorted(route.methods or ()):
            wanted = route.operation_id or f"{slug}_{_fastapis_id(route, method)}"
            longer = f"{wanted}_{method.lower()}"
            others = (f"{longer}_{number}" for number in count(2))
            free = next(one for one in chain((wanted, longer), others) if one not in taken)
            taken.add(free)
            yield _Operation(route.route, route._route_context, method, free)


def _fastapis_id(route: RouteContext, method: str) -> str:
    """Return the id that FastAPI makes, which ends with an arbitrary one of the methods."""
    made: str = route.unique_id
    stem = re.sub(r"\W", "_", f"{route.name}{route.path_format}")
    plain = {f"{stem}_{one.lower()}" for one in route.methods or ()}
    return f"{stem}_{method.lower()}" if made in plain else made


# -- what FastAPI's document lacks ---------------------------------------------------------------


def _with_module_names(document: dict[str, Any], slug: str) -> dict[str, Any]:
    """Return a copy in which components, and references to them, have the module's name."""
    renamed: dict[str, Any] = _rename_references(document, slug)
    components = renamed.get("components", {})
    for name, schema in components.get("schemas", {}).items():
        title = re.sub(r"[^\w.-]", "_", schema.get("title", ""))
        if f"__{name}".removesuffix("-Input").removesuffix("-Output").endswith(f"__{title}"):
            schema.pop(
                "title", None
            )  # generators prefer it, and models of two modules would collide
    renamed["components"] = {
        section: {_component_name(name, slug): entry for name, entry in entries.items()}
        for section, entries in components.items()
    }
    for _, _, operation in operations(renamed):
        if "security" in operation:
            operation["security"] = [
                {_component_name(name, slug): scopes for name, scopes in requirement.items()}
                for requirement in operation["security"]
            ]
    return renamed


def _rename_references(node: Any, slug: str, *, under: str = "") -> Any:
    """Return a copy whose references, also those of discriminators, use the module's names."""
    if isinstance(node, dict):
        return {
            key: _rename_references(value, slug, under="$ref" if under == "mapping" else key)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_rename_references(value, slug) for value in node]
    if under == "$ref" and isinstance(node, str) and node.startswith(_ROOT):
        section, _, name = node.removeprefix(_ROOT).partition("/")
        return f"{_ROOT}{section}/{_component_name(name, slug)}"
    return node


def _component_name(name: str, slug: str) -> str:
    """Return the name of a component with its module's, and without the generation's number.

    pydantic names models of one name by their files.

    >>> _component_name("modules__standard__orders_3__api__Item", "standard_orders")
    'standard_orders.api__Item'
    """
    plain = _GENERATION.sub(r"\1_\2__", name)
    return f"{slug}.{plain.replace(f'{slug}__', '')}"


def _describe_streams(operation: dict[str, Any]) -> None:
    """Say what the items of a stream are by an extension: ``itemSchema`` comes with OpenAPI 3.2."""
    for answer in operation.get("responses", {}).values():
        for media in answer.get("content", {}).values():
            if "itemSchema" in media:
                media["x-itemSchema"] = media.pop("itemSchema")
                media.setdefault("schema", {"type": "string"})


def _locate_tokens(document: dict[str, Any], prefix: str) -> None:
    """Let the relative addresses of OAuth2 flows lead to the module's own routes."""
    own = f"{prefix.lstrip('/')}/" if prefix else ""
    for scheme in document["components"].get("securitySchemes", {}).values():
        for flow in scheme.get("flows", {}).values():
            for key in ("tokenUrl", "authorizationUrl", "refreshUrl"):
                url = flow.get(key, "").removeprefix("./")
                if url and not url.startswith(("/", own)) and "://" not in url:
                    flow[key] = own + url


def _declare_problem(document: dict[str, Any], slug: str) -> None:
    """Let each operation answer with the problem that modframe sends, by default and as 422."""
    fastapis = f"{_ROOT}schemas/{slug}.HTTPValidationError"
    default = {"$ref": f"{_ROOT}responses/{PROBLEM_NAME}"}
    for _, _, operation in operations(document):
        answers = operation.setdefault("responses", {})
        content = answers.get("422", {}).get("content", {}).get("application/json", {})
        if content.get("schema", {}).get("$ref") == fastapis:
            answers["422"]["content"] = _PROBLEM_CONTENT
        answers.setdefault("default", default)
    if document["paths"]:
        components = document["components"]
        schemas = components.setdefault("schemas", {})
        if schemas.pop(f"{slug}.HTTPValidationError", None) is not None:
            schemas.pop(f"{slug}.ValidationError", None)
        schemas[PROBLEM_NAME] = PROBLEM_SCHEMA
        components.setdefault("responses", {})[PROBLEM_NAME] = _PROBLEM_RESPONSE
