"""`RouteInfo`: the facts of one route, read from a router.

Made by `build_web`; read by the snapshot, the views' forms and `Module.routes`. It holds only plain
text, so that keeping one keeps no generation alive. `template_of` tells, after a request, which
route answered it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import WebSocketRoute

from .problem import Scope


@dataclass(frozen=True, slots=True)
class RouteInfo:
    """One method on one path.

    Attributes:
        method: ``"GET"``, ...; ``"WS"`` for a websocket; ``"*"`` for a mounted application.
        path: The whole path, with the module's prefix and ``{parameters}``.
        name: Its name, as `url_for` takes it.
        endpoint: Qualified name of the function that answers.
        query_params: Their names as they stand in a URL.
        has_body: Whether it takes a JSON body.
        file: The file of the endpoint's code; empty if unknown.
        line: Its first line there, 0 if unknown.
    """

    method: str
    path: str
    name: str
    summary: str
    endpoint: str
    kind: Literal["http", "websocket"]
    path_params: tuple[str, ...] = ()
    query_params: tuple[str, ...] = ()
    has_body: bool = False
    file: str = ""
    line: int = 0


_NAMED = re.compile(r"\{[^}:]*(:[^}]*)?\}")


def without_names(path: str) -> str:
    """Return a path without the names of its parameters: two such paths match the same.

    >>> without_names("/items/{item_id:int}/name")
    '/items/{:int}/name'
    """
    return _NAMED.sub(r"{\1}", path)


def template_of(scope: Scope, outside: str) -> str:
    """Return the path of the route that answered a request, with ``{parameters}``.

    It has the module's prefix; what is below a mounted application is ``{mounted}``, since the path
    of a mount may have parameters, whose values a client chooses. It is empty if no route matched.

    Args:
        scope: The scope after the answer.
        outside: Its ``root_path`` before the module's application got it.
    """
    route = scope.get("route")
    inside: str = scope.get("app_root_path", scope["root_path"])
    if "app_root_path" in scope:  # Starlette sets it at a mount
        return f"{inside[len(outside) :]}/{{mounted}}"
    if route is None:
        return ""
    # Of a route of an included router, this has the path with the prefixes of all. The name is
    # private in FastAPI 0.165 (`tests/server/test_metrics.py` fails when it changes).
    included = scope.get("fastapi")
    context = included.get("effective_route_context") if included else None
    path: str = (context or route).path_format
    return inside[len(outside) :] + path


def place_of(call: Any) -> tuple[str, int]:
    """Return file and first line of a callable's code; ``("", 0)`` if unknown."""
    plain = inspect.unwrap(getattr(call, "func", call))
    if not hasattr(plain, "__code__"):
        plain = vars(type(plain)).get("__call__")
    code = getattr(plain, "__code__", None)
    return ("", 0) if code is None else (code.co_filename, code.co_firstlineno)


def contexts(router: APIRouter) -> Iterator[RouteContext]:
    """Yield every route of a router and of those it includes, with the paths they are served at."""
    return iter_route_contexts(router.routes)


def has_frontend(router: APIRouter) -> bool:
    """Return whether files of a front end answer behind the routes (`APIRouter.frontend`)."""
    # Private in FastAPI 0.165; where it is absent, there are no front ends.
    behind = getattr(router, "_iter_low_priority_routes", tuple)
    return any(True for _ in behind())


def read_routes(routes: Iterable[RouteContext], prefixes: Sequence[str]) -> tuple[RouteInfo, ...]:
    """Return the facts of routes below each prefix, in the order in which they are tried."""
    first, *others = prefixes
    infos = [info for context in routes for info in _infos(context, first)]
    more = (
        replace(info, path=other + info.path.removeprefix(first))
        for other in others
        for info in infos
    )
    return (*infos, *more)


def _infos(context: RouteContext, prefix: str) -> Iterator[RouteInfo]:
    path = context.path
    if path is None:
        return
    endpoint = context.endpoint
    dependant = getattr(context, "dependant", None)
    websocket = isinstance(context.original_route, WebSocketRoute)
    methods = {"WS"} if websocket else (context.methods or {"*"})
    if methods == {"GET", "HEAD"}:  # Starlette adds HEAD by itself
        methods = {"GET"}
    query = tuple(dict.fromkeys(_query_names(dependant))) if dependant is not None else ()
    file, line = place_of(endpoint) if endpoint is not None else ("", 0)
    for method in sorted(methods):
        yield RouteInfo(
            method=method,
            path=prefix + path,
            name=context.name or "",
            summary=_summary(context, endpoint),
            endpoint=_name_of(endpoint or getattr(context, "app", None)),
            kind="websocket" if websocket else "http",
            path_params=tuple(getattr(context, "param_convertors", None) or ()),
            query_params=query,
            has_body=_takes_json(context),
            file=file,
            line=line,
        )


def _name_of(call: object) -> str:
    name: str = getattr(call, "__qualname__", type(call).__qualname__)
    return name


def _query_names(dependant: Any) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for inner in dependant.dependencies:
        yield from _query_names(inner)


def _takes_json(context: RouteContext) -> bool:
    field = getattr(context, "body_field", None)
    if field is None:
        return False
    media: str = getattr(field.field_info, "media_type", "application/json")
    return media.endswith("json")


def _summary(context: RouteContext, endpoint: Callable[..., Any] | None) -> str:
    summary: str | None = getattr(context, "summary", None)
    if summary:
        return summary
    if doc := _doc_of(endpoint):
        return doc.splitlines()[0].rstrip(".")
    return (context.name or "").replace("_", " ").capitalize()


def _doc_of(endpoint: Callable[..., Any] | None) -> str:
    """Return the docstring of an endpoint, its own or an inherited one; empty if there is none."""
    if type(endpoint) is FunctionType and endpoint.__qualname__ == endpoint.__name__:
        doc = endpoint.__doc__  # `inspect` would look for one to inherit
        return inspect.cleandoc(doc) if doc else ""
    return inspect.getdoc(endpoint) or ""
