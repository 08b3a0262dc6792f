"""`WebApp`: one generation's routes as an ASGI application of their own; made by `build_web`.

A module's `APIRouter` comes in. It is mounted at the module's prefixes by `root_path`, neither
copied nor changed, so building takes microseconds. Out go the ASGI application for the dispatcher,
the facts of the routes, and the module's OpenAPI document.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import RouteContext
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.routing import Match
from starlette.types import ASGIApp as StarletteApp

from ...finding import Finding
from ...observe import tracing
from ...spec import STREAM_POLICY, StreamPolicy
from .boundary import Boundary
from .check_router import check_router
from .error_answers import HANDLERS
from .errors import WebError
from .forget import remember_places
from .openapi import module_document
from .paths import prefixes_of
from .problem import HANDLERS_KEY, ASGIApp, Receive, Scope, Send
from .results import answer_results
from .routes import RouteInfo, contexts, has_frontend, read_routes
from .streams import Streams

if TYPE_CHECKING:
    from ...runtime.generation import Generation
    from .error_handlers import ErrorHandlers


def build_web(
    module_id: str,
    router: object,
    *,
    paths: Sequence[str] = (),
    counts: Generation | None = None,
    streams: StreamPolicy = "finish",
    error_status: Mapping[str, int] = MappingProxyType({}),
    description: str = "",
) -> WebApp:
    """Build the sub-application of one generation, which ``counts`` its streams.

    ``paths`` are those that the module declares, in place of the default prefix.
    ``streams`` says what open streams do when the generation is replaced, unless their route does;
    ``error_status`` which HTTP status the error of a `Result` has, by its code; ``description``
    what its OpenAPI document says of the module.

    Raises:
        WebError: If the router has faults, such as names that don't resolve, two routes with one
            path, or startup handlers that would not run; names all of them.
    """
    if not isinstance(router, APIRouter):
        raise WebError(
            module_id,
            [
                Finding(
                    "router",
                    "error",
                    f"'router' is {type(router).__name__!r}, not a fastapi.APIRouter",
                    cure="write `router = APIRouter()` and decorate the endpoints with it",
                )
            ],
        )
    prefixes = prefixes_of(module_id, paths)
    routes = tuple(contexts(router))
    if findings := check_router(router, routes, at_root="" in prefixes):
        raise WebError(module_id, findings)
    answer_results(routes, error_status)
    return WebApp(
        module_id,
        router,
        routes,
        prefixes=prefixes,
        counts=counts,
        streams=streams,
        description=description,
    )


PREFIX_KEY = "modframe.prefix"
"""The key of a scope with the prefix that led to the module; without it, it is the first one."""


class Fit(IntEnum):
    """How well a router answers a request, from not at all to a route.

    ``FILES`` is a front end, which stands behind all routes; ``SLASH`` a redirect; ``METHOD`` 405.
    """

    NONE = 0
    FILES = 1
    SLASH = 2
    METHOD = 3
    FULL = 4


class WebApp:
    """The routes of one generation.

    Attributes:
        prefixes: The paths below which they are, for example ``/api/v1/orders``.
        prefix: The first one, which links are made of.
        routes: The facts of all of them, once for each prefix.
        asgi: The ASGI application, which takes the whole path and can end its streams.
    """

    def __init__(
        self,
        module_id: str,
        router: APIRouter,
        routes: Sequence[RouteContext],
        *,
        prefixes: tuple[str, ...],
        counts: Generation | None,
        streams: StreamPolicy,
        description: str,
    ) -> None:
        self.module_id = module_id
        self.prefixes, self.prefix = prefixes, prefixes[0]
        self.routes: tuple[RouteInfo, ...] = read_routes(routes, prefixes)
        remember_places(self, routes)
        self._router, self._description = router, description

        def stays(scope: Scope) -> bool:
            return getattr(scope.get("endpoint"), STREAM_POLICY, streams) == "finish"

        @lru_cache(maxsize=2)  # made at the first request, for many edits are replaced without one
        def application(handlers: ErrorHandlers | None) -> FastAPI:
            known = HANDLERS if handlers is None else handlers.starlette[0]
            made = _Application(title=module_id, openapi_url=None, exception_handlers=known)
            made.router = router
            return made

        self.asgi = Streams(
            Boundary(
                _mounted(application, router, self.prefix),
                module_id,
                generation=counts.number if counts is not None else 0,
            ),
            counts=counts,
            stays=stays,
        )
        self._document: dict[str, Any] | None = None
        self._lock = threading.Lock()

    def fit(self, scope: Scope, prefix: str) -> Fit:
        """Return how well its router would answer a request below one of its prefixes."""
        root = scope.get("root_path", "") + prefix
        found = _best_match(self._router, {**scope, "root_path": root})
        if found is not Match.NONE:
            return Fit.FULL if found is Match.FULL else Fit.METHOD
        path = scope["path"]
        behind = Fit.FILES if has_frontend(self._router) else Fit.NONE
        if not self._router.redirect_slashes or scope["type"] != "http" or path in (root, "/"):
            return behind
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        slashed = _best_match(self._router, {**scope, "root_path": root, "path": other})
        return behind if slashed is Match.NONE else Fit.SLASH

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document of this module, made at the first call and kept.

        Takes milliseconds, more with many models, so call it off the loop. Don't change what it
        returns.
        """
        with self._lock:
            if self._document is None:
                self._document = module_document(
                    self._router,
                    module_id=self.module_id,
                    prefixes=self.prefixes,
                    description=self._description,
                )
            return self._document

    def __repr__(self) -> str:
        return f"<WebApp {self.module_id}: {len(self.routes)} routes at {self.prefix or '/'}>"


def _best_match(router: APIRouter, scope: Scope) -> Match:
    best = Match.NONE
    for route in router.routes:
        match, _ = route.matches(scope)
        if match is Match.FULL:
            return match
        best = best if match is Match.NONE else match
    return best


class _Application(FastAPI):
    """The `request.app` of a module's handlers, without Starlette's outer error page."""

    def build_middleware_stack(self) -> StarletteApp:
        stack = super().build_middleware_stack()
        return stack.app if isinstance(stack, ServerErrorMiddleware) else stack


def _mounted(
    application: Callable[[ErrorHandlers | None], FastAPI], router: APIRouter, prefix: str
) -> ASGIApp:
    """Return the router, served as if it were mounted at a prefix of the module.

    That is ``prefix`` unless the scope names another one.

    Requests go through the application only while OpenTelemetry is in use, to which it reports.
    Otherwise what the application and its middleware do for a router is done here, with names
    that are private in FastAPI 0.165 (`tests/parts/web/test_telemetry.py` fails when they change).
    Measured with `benchmarks/dispatch.py`, in multiples of plain FastAPI with flat routes: 0.85
    with one module and 14 with 300; always through the application, a fifth less.
    """
    handlers: tuple[dict[Any, Any], dict[int, Any]] = (HANDLERS, {})

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        scope["root_path"] = scope.get("root_path", "") + scope.get(PREFIX_KEY, prefix)
        own = scope.get(HANDLERS_KEY)
        if _telemetry_in_use():
            await application(own)(scope, receive, send)
            return
        scope["app"] = application(own)
        scope["starlette.exception_handlers"] = handlers if own is None else own.starlette
        async with AsyncExitStack() as files:
            scope["fastapi_middleware_astack"] = files
            await router(scope, receive, send)

    return mounted


# -- OpenTelemetry -------------------------------------------------------------------------------

_PROBE = getattr(FastAPI(openapi_url=None), "_native_telemetry", None)
"""FastAPI's own check takes 3 microseconds."""


def _telemetry_in_use() -> bool:
    """Return whether a provider of traces, metrics or logs is set up, at most a second old."""
    return _ask_fastapi(int(time.monotonic()))


@lru_cache(maxsize=1)
def _ask_fastapi(_second: int) -> bool:
    tracing.look()
    # Private in FastAPI 0.165; where it is absent, FastAPI itself has to be asked each time.
    return _PROBE is None or bool(_PROBE.enabled())
