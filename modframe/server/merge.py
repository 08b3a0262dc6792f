"""Many OpenAPI documents → one. Pure: called by `MergedOpenAPI` in a worker thread.

Paths and components never meet, for each module has its prefix and its own names; what is shared
is the same in all. Only an operation id that two authors both chose is made unique here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..parts.web.openapi import operations, slug_of

_Json = dict[str, Any]


def merge(documents: Mapping[str, _Json], *, info: _Json) -> _Json:
    """One document of all.

    Args:
        documents: Module id → its document; not changed.
        info: The merged document's ``info``.
    """
    paths: _Json = {}
    components: dict[str, _Json] = {}
    taken: set[str] = set()
    for module_id, document in documents.items():
        paths |= _with_unique_ids(slug_of(module_id), document, taken)
        for section, entries in document.get("components", {}).items():
            components.setdefault(section, {}).update(entries)
    merged: _Json = {"openapi": "3.1.0", "info": info, "paths": paths}
    if components:
        merged["components"] = {
            section: dict(sorted(entries.items())) for section, entries in components.items()
        }
    merged["tags"] = [{"name": module_id} for module_id in documents]
    return merged


def _with_unique_ids(slug: str, document: _Json, taken: set[str]) -> _Json:
    """The document's paths, copied where an operation id had to change."""
    paths: _Json = dict(document["paths"])
    for path, method, operation in operations(document):
        known, number = operation["operationId"], 1
        while known in taken:
            known = f"{slug}_{operation['operationId']}{f'_{number}' if number > 1 else ''}"
            number += 1
        if known != operation["operationId"]:
            paths[path] = {**paths[path], method: {**operation, "operationId": known}}
        taken.add(known)
    return paths
