"""`MergedOpenAPI`: the OpenAPI documents of all live generations, merged into one.

The system pages call it. A `WebApp` makes its document once. The merged one is made in a thread and
kept until other generations are live. A module whose document can't be made is left out and named.
"""

from __future__ import annotations

import asyncio
import json
import re
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..masking import mask_urls
from ..observe import record_failure
from ..parts.web.application import WebApp
from ..parts.web.openapi import operations, slug_of
from ..parts.web.part import WebPart
from ..runtime.live import Live

_INFO = {"title": "modframe", "version": "1"}
_PARAMETER = re.compile(r"\{[^}]*\}")
_SCHEME_NAME = "modframe.token"
_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "The server's token, which its holders have in a file.",
}
_Json = dict[str, Any]


class MergedOpenAPI:
    """The OpenAPI document of what is live.

    Args:
        live: The table of what runs.
        mask: Takes secrets out of its text.
        needs_token: Returns whether the routes of a module need the server's token in any case.
    """

    def __init__(
        self,
        live: Live,
        mask: Callable[[str], str] = mask_urls,
        *,
        needs_token: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._live, self._mask, self._needs_token = live, mask, needs_token
        self._made_of: dict[str, weakref.ref[WebApp]] | None = None
        self._document: dict[str, Any] = {}
        self._body = b""
        self._lock = asyncio.Lock()

    async def document(self) -> dict[str, Any]:
        """Return the document; the caller must not change it."""
        await self._refresh()
        return self._document

    async def body(self) -> bytes:
        """Return the document as JSON."""
        await self._refresh()
        return self._body

    async def _refresh(self) -> None:
        async with self._lock:
            webs = self._webs()
            made_of = {name: weakref.ref(web) for name, web in webs.items()}
            if made_of != self._made_of:  # two references are equal if they lead to one object
                self._document, self._body = await asyncio.to_thread(
                    _make, webs, self._mask, filter(self._needs_token, webs)
                )
                self._made_of = made_of

    def _webs(self) -> dict[str, WebApp]:
        generations = self._live.generations
        return {
            name: web
            for name in sorted(generations)
            if (web := WebPart.of(generations[name])) is not None
        }


def _make(
    webs: Mapping[str, WebApp], mask: Callable[[str], str], guarded: Iterable[str]
) -> tuple[_Json, bytes]:
    """Return the merged document, and the same as JSON; a default value may be a secret.

    The routes of ``guarded`` modules need the server's token.
    """
    documents, broken = {}, {}
    for name, web in webs.items():
        try:
            documents[name] = web.openapi()
        except Exception as error:  # noqa: BLE001  # a module's models are its own: the others go on
            record_failure(name, "its OpenAPI document can't be made", error)
            broken[name] = type(error).__name__
    for name in documents.keys() & set(guarded):
        documents[name] = _with_token(documents[name])
    info = dict(_INFO)
    if broken:
        rows = "; ".join(f"{name} ({kind})" for name, kind in broken.items())
        info["description"] = f"Left out, because their document can't be made: {rows}."
    merged = _merge(documents, info)
    body = json.dumps(merged, ensure_ascii=False, separators=(",", ":"))
    if (masked := mask(body)) != body:
        merged, body = json.loads(masked), masked
    return merged, body.encode()


def _with_token(document: _Json) -> _Json:
    """Return a document whose operations say that they need the server's token."""
    guarded = {path: dict(item) for path, item in document["paths"].items()}
    for path, method, operation in operations(document):
        guarded[path][method] = {**operation, "security": [{_SCHEME_NAME: []}]}
    schemes = {_SCHEME_NAME: _SCHEME}
    components = {**document.get("components", {}), "securitySchemes": schemes}
    return {**document, "paths": guarded, "components": components}


def _merge(documents: Mapping[str, _Json], info: _Json) -> _Json:
    paths: _Json = {}
    spelled: dict[str, str] = {}
    components: dict[str, _Json] = {}
    taken: set[str] = set()
    for module_id, document in documents.items():
        for path, item in _with_unique_ids(slug_of(module_id), document, taken).items():
            known = spelled.setdefault(_PARAMETER.sub("{}", path), path)
            for method, operation in item.items():  # two modules may share a path
                if method in paths.setdefault(known, {}):
                    paths.setdefault(path, {})[method] = operation
                else:
                    paths[known][method] = _with_parameters_of(known, path, operation)
        for section, entries in document.get("components", {}).items():
            components.setdefault(section, {}).update(entries)
    merged: _Json = {"openapi": "3.1.0", "info": info, "paths": paths}
    if components:
        merged["components"] = {
            section: dict(sorted(entries.items())) for section, entries in components.items()
        }
    merged["tags"] = [tag for document in documents.values() for tag in document.get("tags", ())]
    return merged


def _with_parameters_of(known: str, path: str, operation: _Json) -> _Json:
    """Return an operation with the parameters' names of another path that matches the same URLs.

    OpenAPI takes ``/{id}`` and ``/{key}`` for one path, which may be there once.
    """
    if known == path or "parameters" not in operation:
        return operation
    names = dict(zip(_PARAMETER.findall(path), _PARAMETER.findall(known), strict=True))

    def renamed(parameter: _Json) -> _Json:
        name = names.get(f"{{{parameter.get('name')}}}") if parameter.get("in") == "path" else None
        return {**parameter, "name": name[1:-1]} if name else parameter

    return {**operation, "parameters": [renamed(one) for one in operation["parameters"]]}


def _with_unique_ids(slug: str, document: _Json, taken: set[str]) -> _Json:
    """Return the document's paths, copied where an operation id had to change."""
    paths: _Json = dict(document["paths"])
    for path, method, operation in operations(document):
        wanted = unique = operation["operationId"]
        number = 1
        while unique in taken:
            unique = f"{slug}_{wanted}{f'_{number}' if number > 1 else ''}"
            number += 1
        if unique != wanted:
            paths[path] = {**paths[path], method: {**operation, "operationId": unique}}
        taken.add(unique)
    return paths
