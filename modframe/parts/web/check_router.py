"""`check_router`: the faults of a router that would show only when it serves, as findings.

Called by `build_web`. FastAPI registers annotations that it can't resolve and answers 422 at run
time, and one such name breaks the OpenAPI document of all modules; so they are checked here.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, ForwardRef, get_args

from fastapi import APIRouter
from fastapi.routing import RouteContext
from pydantic import BaseModel
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from starlette.routing import Mount, Router

from ...finding import Finding
from ...injection import NamedService
from ...load.text import Analysis, analyze
from ...source import Source
from .routes import contexts, place_of, without_names

_PARAMETERS = ("path_params", "query_params", "header_params", "cookie_params", "body_params")


def check_router(
    router: APIRouter, routes: Sequence[RouteContext], *, at_root: bool = False
) -> list[Finding]:
    """Return every fault of a router and its routes that would show only when it serves.

    ``at_root`` says whether it is served at the server's root.
    """
    return [
        *_unresolved_annotations(routes),
        *_services_as_parameters(routes),
        *_relative_paths(routes),
        *(_empty_paths(routes) if at_root else ()),
        *_duplicates(routes),
        *_lifespan_handlers(router),
    ]


def empty_router(router: APIRouter, source: Source, modules: Mapping[str, ModuleType]) -> Finding:
    """Return the finding about a router that has no route; ``modules`` are the executed files."""
    file = source.files["api.py"]
    names = vars(modules["api.py"]) if "api.py" in modules else {}
    name = next((key for key, value in names.items() if value is router), "router")
    full = [key for key, value in names.items() if isinstance(value, APIRouter) and value.routes]
    text = analyze(file)
    return Finding(
        "empty-router",
        "warning",
        f"{name!r} has no routes, so the module answers nothing over HTTP",
        cure=f"decorate its endpoints with @{name}.get(...), or "
        + (f"write {name}.include_router({full[0]})" if full else "take the router out"),
        file="api.py",
        line=text.lines.get(name, 0) if isinstance(text, Analysis) else 0,
        cell=file.cell,
    )


def _finding(rule: str, message: str, cure: str, place: tuple[str, int]) -> Finding:
    return Finding(rule, "error", message, cure=cure, file=place[0], line=place[1])


# -- names that can't be resolved --------------------------------------------------------------


def _unresolved_annotations(routes: Iterable[RouteContext]) -> Iterator[Finding]:
    for route in routes:
        endpoint, dependant = route.endpoint, getattr(route, "dependant", None)
        if endpoint is None or dependant is None:
            continue
        methods = "/".join(sorted(route.methods or {"WS"}))
        subject = f"{methods} {route.path or '/'} ({_name(endpoint)})"
        for call, field in _fields(dependant):
            owner = subject
            if call is not None and call is not endpoint:
                owner = f"{subject}, through its dependency {_name(call)!r},"
            what = f"parameter {field.name!r} of {owner}"
            yield from _annotation_faults(field.field_info.annotation, what, call or endpoint)
        for model in _response_models(route):
            yield from _annotation_faults(model, f"what {subject} returns", endpoint)


def _services_as_parameters(routes: Iterable[RouteContext]) -> Iterator[Finding]:
    """Yield services that would be looked for in the request, since ``Depends`` is missing."""
    for route in routes:
        for call, field in _fields(getattr(route, "dependant", None)):
            for named in (field.field_info.default, *field.field_info.metadata):
                if isinstance(named, NamedService):
                    yield _finding(
                        "service-parameter",
                        f"{_name(call)}() of {route.path or '/'} would get its parameter "
                        f"{field.name!r} from the request, not {named!r}",
                        f"write {field.name}: Any = Depends({named!r})",
                        place_of(call),
                    )


def _fields(dependant: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what FastAPI reads of the request for a route and its dependencies."""
    for kind in _PARAMETERS:
        for field in getattr(dependant, kind, ()):
            yield dependant.call, field
    for inner in getattr(dependant, "dependencies", ()):
        yield from _fields(inner)


def _response_models(route: RouteContext) -> Iterator[Any]:
    for name in ("response_model", "stream_item_type"):
        if (model := getattr(route, name, None)) is not None:
            yield model
    for response in (getattr(route, "responses", None) or {}).values():
        if (model := response.get("model")) is not None:
            yield model


def _annotation_faults(annotation: Any, what: str, call: Callable[..., Any]) -> Iterator[Finding]:
    parts = list(_parts_of(annotation))
    texts = (part.__forward_arg__ if isinstance(part, ForwardRef) else part for part in parts)
    for text in dict.fromkeys(text for text in texts if isinstance(text, str)):
        missing = _missing_names(text, call)
        names = " and ".join(map(repr, missing)) or repr(text)
        which = "which is" if missing == [text] else f"where {names} is"
        yield _finding(
            "unresolved-annotation",
            f"{what} is annotated {text!r}, {which} no name when the route is made",
            f"import or define {names} above the endpoint, outside `if TYPE_CHECKING:`",
            place_of(call),
        )
    types = dict.fromkeys(part for part in parts if isinstance(part, type))
    for model in (kind for kind in types if issubclass(kind, BaseModel)):
        if (missing_name := _missing_name(model)) is not None:
            yield _finding(
                "unresolved-annotation",
                f"{what} uses the model {model.__name__!r}, a field of which is annotated"
                f" {missing_name!r}, which is no name there",
                f"import or define {missing_name!r} in the model's file, outside "
                "`if TYPE_CHECKING:`",
                place_of(call),
            )


def _missing_names(text: str, call: Callable[..., Any]) -> list[str]:
    """Return the names in an annotation that its function can't see."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError:
        return []
    known = getattr(inspect.unwrap(call), "__globals__", {})
    names = dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return [name for name in names if name not in known and not hasattr(builtins, name)]


def _parts_of(annotation: Any) -> Iterator[Any]:
    """Yield an annotation and all that it is made of."""
    yield annotation
    for argument in get_args(annotation):
        # The values of a Literal and the metadata of an Annotated are no annotations.
        if isinstance(argument, (type, ForwardRef)) or get_args(argument):
            yield from _parts_of(argument)


def _missing_name(model: type[BaseModel]) -> str | None:
    """Return what keeps a model incomplete: a name, or the first line of pydantic's error."""
    if model.__pydantic_complete__:
        return None
    try:
        model.model_rebuild(raise_errors=True)
    except PydanticUndefinedAnnotation as error:
        return error.name
    except PydanticUserError as error:
        return str(error).splitlines()[0]
    return None


# -- paths, and hooks that are never called ----------------------------------------------------


def _duplicates(routes: Iterable[RouteContext]) -> Iterator[Finding]:
    seen: dict[tuple[str, str], RouteContext] = {}
    for route in routes:
        endpoint, path = route.endpoint, route.path
        if endpoint is None or path is None:
            continue
        for method in sorted(route.methods or {"WS"}):
            first = seen.setdefault((method, without_names(path)), route)
            if first is route or method == "HEAD":
                continue
            line = place_of(first.endpoint)[1] if first.endpoint is not None else 0
            yield _finding(
                "duplicate-route",
                f"{method} {path or '/'} ({_name(endpoint)}) is never reached:"
                f" {_name(first.endpoint)!r} in line {line} answers it already",
                "give one of the two another path or method, or take it out",
                place_of(endpoint),
            )


def _relative_paths(routes: Iterable[RouteContext]) -> Iterator[Finding]:
    for route in routes:
        path, endpoint = route.path, route.endpoint
        if path and not path.startswith("/") and endpoint is not None:
            yield _finding(
                "route-path",
                f"the path {path!r} ({_name(endpoint)}) has no slash before it, and nothing "
                "reaches it",
                f"write '/{path}'",
                place_of(endpoint),
            )


def _empty_paths(routes: Iterable[RouteContext]) -> Iterator[Finding]:
    for route in routes:
        if route.path == "" and (endpoint := route.endpoint) is not None:
            yield _finding(
                "route-path",
                f"the path '' ({_name(endpoint)}) is no path at the server's root, where the"
                " module lives, and nothing reaches it",
                "write '/'",
                place_of(endpoint),
            )


def _lifespan_handlers(router: APIRouter) -> Iterator[Finding]:
    for kind, hook in dict.fromkeys(_hooks(router)):
        yield _finding(
            "router-lifespan",
            f"the router's {kind} {_name(hook)!r} would never run",
            "start in the service's `initialize` and stop in its `cleanup_resources`",
            place_of(hook),
        )


def _hooks(router: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a router, and those that it includes, would do at start and end."""
    for hook in (*getattr(router, "on_startup", ()), *getattr(router, "on_shutdown", ())):
        yield "startup or shutdown handler", hook
    lifespan: Any = router.lifespan_context
    # Without one the router has FastAPI's own, whose class is private: recognise it by its module.
    if type(lifespan).__module__ != "fastapi.routing" and _is_authors(lifespan):
        yield "lifespan", lifespan
    for route in router.routes:  # FastAPI merges their lifespans into one of its own
        if (included := getattr(route, "original_router", None)) is not None:
            yield from _hooks(included)


def mounted_lifespans(router: APIRouter, source: Source) -> Iterator[Finding]:
    """Yield a finding for each mounted application that has a lifespan, which nobody enters."""
    for route in contexts(router):
        app = getattr(route.original_route, "app", None)
        inner = getattr(app, "router", app)
        if isinstance(route.original_route, Mount) and isinstance(inner, Router):
            for kind, hook in _hooks(inner):
                file, line = place_of(hook)
                file = source.file_named(file)
                yield Finding(
                    "mounted-lifespan",
                    "warning",
                    f"the {kind} {_name(hook)!r} of what is mounted at {route.path!r} does not run "
                    "by itself",
                    cure="enter it in the service's `initialize`, and leave it in its "
                    "`cleanup_resources`",
                    file=file,
                    line=line if file else 0,
                    cell=source.files[file].cell if file else "",
                )


def _is_authors(lifespan: Any) -> bool:
    """Return whether a person wrote a lifespan; FastAPI and Starlette make some themselves."""
    module: str = getattr(lifespan, "__module__", "")
    return not module.startswith(("fastapi.", "starlette."))


def _name(call: Any) -> str:
    name: str = getattr(call, "__name__", type(call).__name__)
    return name
