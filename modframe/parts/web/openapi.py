"""A module's router → its OpenAPI document: paths with the prefix, one tag, own operation ids.

Called by `WebApp.openapi`, off the loop; the server room merges these documents.
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
_OWN_422 = "#/components/schemas/HTTPValidationError"
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
    document = get_openapi(title=module_id, version="1", routes=router.routes)
    document["paths"] = {prefix + path: item for path, item in document["paths"].items()}
    given = {getattr(route, "operation_id", None) for route in contexts(router)}
    slug = slug_of(module_id)
    taken: set[str] = set()
    for path, method, operation in operations(document):
        operation["tags"] = [module_id]
        known = operation.get("operationId") or f"{path}_{method}"
        if known not in given:
            known = f"{slug}_{known}"
        operation["operationId"] = known if known not in taken else f"{known}_{method}"
        taken.add(operation["operationId"])
    _say_problem(document)
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


def _say_problem(document: dict[str, Any]) -> None:
    """Let the 422 that FastAPI adds by itself say what modframe answers."""
    found = False
    for _, _, operation in operations(document):
        answer = operation.get("responses", {}).get("422", {})
        content = answer.get("content", {}).get("application/json", {})
        if content.get("schema", {}).get("$ref") == _OWN_422:
            reference = {"$ref": f"#/components/schemas/{PROBLEM_NAME}"}
            answer["content"] = {MEDIA_TYPE: {"schema": reference}}
            found = True
    if found:
        schemas = document["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas.setdefault(PROBLEM_NAME, PROBLEM_SCHEMA)
