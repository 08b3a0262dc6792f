"""Many OpenAPI documents → one. Pure: called by `MergedOpenAPI` in a worker thread.

Paths never meet, for each module has its prefix. Components that are the same in two modules are
kept once; those that differ under one name are renamed, in the module that comes later, together
with what refers to them. Operation ids are made unique.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..parts.web.openapi import operations, slug_of

_Json = dict[str, Any]
_ROOT = "#/components/"


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
        own = _made_distinct(module_id, document, components)
        for section, entries in own.get("components", {}).items():
            components.setdefault(section, {}).update(entries)
        for path, item in _with_unique_ids(module_id, own, taken).items():
            paths[path] = item
    merged: _Json = {"openapi": "3.1.0", "info": info, "paths": paths}
    if components:
        merged["components"] = {
            section: dict(sorted(entries.items())) for section, entries in components.items()
        }
    merged["tags"] = [{"name": module_id} for module_id in documents]
    return merged


def _made_distinct(module_id: str, document: _Json, before: Mapping[str, _Json]) -> _Json:
    """The document with every component renamed that another module has differently."""
    clashing = {
        (section, name)
        for section, entries in document.get("components", {}).items()
        for name, entry in entries.items()
        if name in before.get(section, {}) and before[section][name] != entry
    }
    if not clashing:
        return document
    # What refers to a renamed one changes with it, so where its name is taken it is renamed too.
    shared = {
        (section, name): set(_references(entry))
        for section, entries in document["components"].items()
        for name, entry in entries.items()
        if name in before.get(section, {})
    }
    grown = True
    while grown:
        more = {key for key, refers in shared.items() if key not in clashing and refers & clashing}
        clashing |= more
        grown = bool(more)
    names = _new_names(module_id, clashing, document["components"], before)
    renamed: _Json = _rewritten(document, names)
    for section, entries in document["components"].items():
        renamed["components"][section] = {
            names.get((section, name), name): renamed["components"][section][name]
            for name in entries
        }
    _rename_security(renamed, names)
    return renamed


def _new_names(
    module_id: str,
    clashing: set[tuple[str, str]],
    own: Mapping[str, _Json],
    before: Mapping[str, _Json],
) -> dict[tuple[str, str], str]:
    names: dict[tuple[str, str], str] = {}
    slug = slug_of(module_id)
    for section, name in sorted(clashing):
        used = {*own.get(section, ()), *before.get(section, ()), *names.values()}
        new, number = f"{slug}__{name}", 2
        while new in used:
            new, number = f"{slug}__{name}_{number}", number + 1
        names[section, name] = new
    return names


def _key_of(reference: object) -> tuple[str, str] | None:
    if not isinstance(reference, str) or not reference.startswith(_ROOT):
        return None
    section, _, name = reference.removeprefix(_ROOT).partition("/")
    return section, name


def _references(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and (target := _key_of(value)) is not None:
                yield target
            elif key == "mapping" and isinstance(value, dict):
                yield from (target for one in value.values() if (target := _key_of(one)))
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _rewritten(node: Any, names: Mapping[tuple[str, str], str]) -> Any:
    """A copy with ``$ref``s and discriminator mappings that lead to the new names."""
    if isinstance(node, dict):
        return {
            key: _reference(value, names)
            if key == "$ref"
            else {label: _reference(one, names) for label, one in value.items()}
            if key == "mapping" and isinstance(value, dict)
            else _rewritten(value, names)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_rewritten(value, names) for value in node]
    return node


def _reference(value: Any, names: Mapping[tuple[str, str], str]) -> Any:
    target = _key_of(value)
    if target is None:
        return _rewritten(value, names)
    if target not in names:
        return value
    return f"{_ROOT}{target[0]}/{names[target]}"


def _rename_security(document: _Json, names: Mapping[tuple[str, str], str]) -> None:
    for _, _, operation in operations(document):
        if "security" in operation:
            operation["security"] = [
                {names.get(("securitySchemes", name), name): scopes for name, scopes in one.items()}
                for one in operation["security"]
            ]


def _with_unique_ids(module_id: str, document: _Json, taken: set[str]) -> _Json:
    """The document's paths, copied where an operation id had to change."""
    paths: _Json = dict(document["paths"])
    for path, method, operation in operations(document):
        known: str = operation["operationId"]
        if known in taken:
            new, number = f"{slug_of(module_id)}_{known}", 2
            while new in taken:
                new, number = f"{slug_of(module_id)}_{known}_{number}", number + 1
            paths[path] = {**paths[path], method: {**operation, "operationId": new}}
            known = new
        taken.add(known)
    return paths
