"""A module's router → its OpenAPI document: paths with the prefix, one tag, names of its own.

Called by `WebApp.openapi`, off the loop; the server room merges these documents. Every component
carries the module's name here already, ``standard_orders.Item``, so that what it is called does
not depend on what else is live. Only `Problem`, which is the same everywhere, is shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from .problem import MEDIA_TYPE
from .routes import contexts

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_ROOT = "#/components/"
_VALIDATION = ("HTTPValidationError", "ValidationError")
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
        "errors": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["type", "title", "status", "detail", "instance", "correlation_id"],
}


def module_document(router: APIRouter, *, module_id: str, prefix: str) -> dict[str, Any]:
    """The document of one module. What FastAPI raises on a broken model comes through."""
    slug = slug_of(module_id)
    document = get_openapi(title=module_id, version="1", routes=router.routes)
    document = _with_own_names(document, slug)
    document["paths"] = {prefix + path: item for path, item in document["paths"].items()}
    given = {getattr(route, "operation_id", None) for route in contexts(router)}
    taken: set[str] = set()
    for path, method, operation in operations(document):
        operation["tags"] = [module_id]
        known = operation.get("operationId") or f"{path}_{method}"
        if known not in given:
            known = f"{slug}_{known}"
        operation["operationId"] = known if known not in taken else f"{known}_{method}"
        taken.add(operation["operationId"])
    _say_problem(document, slug)
    return document


def slug_of(module_id: str) -> str:
    """A module's id as a part of names.

    >>> slug_of("standard.orders")
    'standard_orders'
    """
    return re.sub(r"\W", "_", module_id)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of everything a document offers."""
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, method, operation


def _with_own_names(document: dict[str, Any], slug: str) -> dict[str, Any]:
    """A copy whose components carry the module's name, and all that refers to them likewise."""
    own: dict[str, Any] = _rewritten(document, slug)
    own["components"] = {
        section: {f"{slug}.{name}": entry for name, entry in entries.items()}
        for section, entries in own.get("components", {}).items()
    }
    for _, _, operation in operations(own):
        if "security" in operation:
            operation["security"] = [
                {f"{slug}.{name}": scopes for name, scopes in one.items()}
                for one in operation["security"]
            ]
    return own


def _rewritten(node: Any, slug: str, *, under: str = "") -> Any:
    """A copy in which ``$ref``s, and those in discriminator mappings, lead to the own names."""
    if isinstance(node, dict):
        return {
            key: _rewritten(value, slug, under="$ref" if under == "mapping" else key)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_rewritten(value, slug) for value in node]
    if under == "$ref" and isinstance(node, str) and node.startswith(_ROOT):
        section, _, name = node.removeprefix(_ROOT).partition("/")
        return f"{_ROOT}{section}/{slug}.{name}"
    return node


def _say_problem(document: dict[str, Any], slug: str) -> None:
    """Let the 422 that FastAPI adds by itself say what modframe answers."""
    fastapis = f"{_ROOT}schemas/{slug}.{_VALIDATION[0]}"
    found = False
    for _, _, operation in operations(document):
        answer = operation.get("responses", {}).get("422", {})
        content = answer.get("content", {}).get("application/json", {})
        if content.get("schema", {}).get("$ref") == fastapis:
            reference = {"$ref": f"{_ROOT}schemas/{PROBLEM_NAME}"}
            answer["content"] = {MEDIA_TYPE: {"schema": reference}}
            found = True
    if found:
        schemas = document["components"]["schemas"]
        for name in _VALIDATION:
            schemas.pop(f"{slug}.{name}", None)
        schemas[PROBLEM_NAME] = PROBLEM_SCHEMA
