"""`WebApp`: one generation's routes as an ASGI application of their own; made by `build_web`.

A module's `APIRouter` comes in. It is mounted at the module's prefix by `root_path`, neither copied
nor changed, so building takes microseconds. Out go the ASGI application for the dispatcher, the
facts of the routes, and the module's OpenAPI document.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from starlette.middleware.errors import ServerErrorMiddleware
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
from .paths import prefix_of
from .problem import HANDLERS_KEY, ASGIApp, Receive, Scope, Send
from .results import answer_results
from .routes import RouteInfo, read_routes
from .streams import Streams

if TYPE_CHECKING:
    from ...runtime.generation import Generation
    from .error_handlers import ErrorHandlers


def build_web(
    module_id: str,
    router: object,
    *,
    counts: Generation | None = None,
    streams: StreamPolicy = "finish",
    error_status: Mapping[str, int] = MappingProxyType({}),
) -> WebApp:
    """Build the sub-application of one generation, which ``counts`` its streams.

    ``streams`` says what open streams do when the generation is replaced, unless their route does;
    ``error_status`` which HTTP status the error of a `Result` has, by its code.

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
    if findings := check_router(router):
        raise WebError(module_id, findings)
    answer_results(router, error_status)
    return WebApp(module_id, router, counts=counts, streams=streams)


class WebApp:
    """The routes of one generation.

    Attributes:
        prefix: The path below which they are, for example ``/api/v1/orders``.
        asgi: The ASGI application, which takes the whole path and can end its streams.
    """

    def __init__(
        self, module_id: str, router: APIRouter, *, counts: Generation | None, streams: StreamPolicy
    ) -> None:
        self.module_id = module_id
        self.prefix = prefix_of(module_id)
        self.routes: tuple[RouteInfo, ...] = read_routes(router, self.prefix)
        remember_places(self, router)
        self._router = router

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

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document of this module, made at the first call and kept.

        Takes milliseconds, more with many models, so call it off the loop. Don't change what it
        returns.
        """
        with self._lock:
            if self._document is None:
                self._document = module_document(
                    self._router, module_id=self.module_id, prefix=self.prefix
                )
            return self._document

    def __repr__(self) -> str:
        return f"<WebApp {self.module_id}: {len(self.routes)} routes at {self.prefix}>"


class _Application(FastAPI):
    """The `request.app` of a module's handlers, without Starlette's outer error page."""

    def build_middleware_stack(self) -> StarletteApp:
        stack = super().build_middleware_stack()
        return stack.app if isinstance(stack, ServerErrorMiddleware) else stack


def _mounted(
    application: Callable[[ErrorHandlers | None], FastAPI], router: APIRouter, prefix: str
) -> ASGIApp:
    """Return the router, served as if it were mounted at the module's prefix.

    Requests go through the application only while OpenTelemetry is in use, to which it reports.
    Otherwise what the application and its middleware do for a router is done here, with names
    that are private in FastAPI 0.165 (`tests/parts/web/test_telemetry.py` fails when they change).
    Measured with `benchmarks/dispatch.py`, in multiples of plain FastAPI with flat routes: 1.11
    with one module and 17.2 with 300; always through the application, 0.91 and 15.0.
    """
    handlers: tuple[dict[Any, Any], dict[int, Any]] = (HANDLERS, {})

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        scope["root_path"] = scope.get("root_path", "") + prefix
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
