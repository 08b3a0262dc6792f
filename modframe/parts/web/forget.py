"""Clears what FastAPI keeps of endpoints for longer than their application.

Called when a generation is built (`remember_places`) and when one was released (`forget`). FastAPI
0.165 keeps the last 4,096 endpoints alive in three `lru_cache`s and up to 128 models in a fourth.
It also stores the place of every endpoint that ever answered under its `id()`, which a later
function may get again, and never deletes it. These caches are private to FastAPI, so each is looked
up and may be absent. What the standard library keeps of a generation is cleared by `load`.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from fastapi import _compat, routing
from fastapi.dependencies import models
from fastapi.routing import RouteContext

_CACHES = tuple(
    clear
    for owner, name in (
        (models, "_is_gen_callable_cached"),
        (models, "_is_async_gen_callable_cached"),
        (models, "_is_coroutine_callable_cached"),
        (getattr(_compat, "v2", _compat), "get_cached_model_fields"),
    )
    if (clear := getattr(getattr(owner, name, None), "cache_clear", None)) is not None
)
_places: dict[int, dict[str, Any]] = getattr(routing, "_endpoint_context_cache", {})


def remember_places(owner: object, routes: Iterable[RouteContext]) -> None:
    """Store for FastAPI where the code of endpoints is, for as long as ``owner`` lives.

    FastAPI itself does so at the first request of each, by reading the source file on the loop.
    """
    keys = []
    for route in routes:
        endpoint = route.endpoint
        dependant = getattr(route, "dependant", None)
        if endpoint is None or dependant is None:
            continue
        code = getattr(endpoint, "__code__", None)
        place: dict[str, Any] = {}
        if code is not None:
            place = {
                "file": code.co_filename,
                "line": code.co_firstlineno,
                "function": code.co_name,
            }
        key = id(dependant.call)
        _places[key] = place
        keys.append(key)
    weakref.finalize(owner, _forget_places, tuple(keys)).atexit = False


def _forget_places(keys: tuple[int, ...]) -> None:
    for key in keys:
        _places.pop(key, None)


def forget() -> None:
    """Clear FastAPI's caches, so that the endpoints and models of a released generation are freed.

    What is still in use is cached again at its next call.
    """
    for clear in _CACHES:
        clear()
