"""`module_document`: from a module's router to its OpenAPI document.

Called by `WebApp.openapi`, off the loop; the server merges these documents. Paths have the module's
prefix, and every component has the module's name, ``standard_orders.Item``, so that names don't
depend on which modules are live. Only `Problem`, which is the same everywhere, is shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
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


def module_document(
    router: APIRouter, *, module_id: str, prefixes: Sequence[str]
) -> dict[str, Any]:
    """Return the document of one module, with each path below each prefix.

    Raises:
        Exception: What FastAPI raises for a model that it can't describe.
    """
    slug = slug_of(module_id)
    document = get_openapi(title=module_id, version="1", routes=router.routes)
    document = _with_module_names(document, slug)
    authors_ids = {getattr(route, "operation_id", None) for route in contexts(router)}
    taken: set[str] = set()
    for path, method, operation in operations(document):
        operation["tags"] = [module_id]
        operation_id = operation.get("operationId") or f"{prefixes[0]}{path}_{method}"
        if operation_id not in authors_ids:
            operation_id = f"{slug}_{operation_id}"
        if operation_id in taken:
            operation_id = f"{operation_id}_{method}"
        operation["operationId"] = operation_id
        taken.add(operation_id)
    _declare_problem(document, slug)
    document["paths"] = _below_each(prefixes, document["paths"], taken)
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


def _with_module_names(document: dict[str, Any], slug: str) -> dict[str, Any]:
    """Return a copy in which components, and references to them, have the module's name."""
    renamed: dict[str, Any] = _rename_references(document, slug)
    renamed["components"] = {
        section: {f"{slug}.{name}": entry for name, entry in entries.items()}
        for section, entries in renamed.get("components", {}).items()
    }
    for _, _, operation in operations(renamed):
        if "security" in operation:
            operation["security"] = [
                {f"{slug}.{name}": scopes for name, scopes in requirement.items()}
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
        return f"{_ROOT}{section}/{slug}.{name}"
    return node


def _declare_problem(document: dict[str, Any], slug: str) -> None:
    """Replace the 422 answer that FastAPI adds by itself with the problem that modframe sends."""
    fastapis = f"{_ROOT}schemas/{slug}.{_VALIDATION[0]}"
    replaced = False
    for _, _, operation in operations(document):
        answer = operation.get("responses", {}).get("422", {})
        content = answer.get("content", {}).get("application/json", {})
        if content.get("schema", {}).get("$ref") == fastapis:
            reference = {"$ref": f"{_ROOT}schemas/{PROBLEM_NAME}"}
            answer["content"] = {MEDIA_TYPE: {"schema": reference}}
            replaced = True
    if replaced:
        schemas = document["components"]["schemas"]
        for name in _VALIDATION:
            schemas.pop(f"{slug}.{name}", None)
        schemas[PROBLEM_NAME] = PROBLEM_SCHEMA
