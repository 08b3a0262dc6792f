"""`WebApp`: one generation's routes as an ASGI application of their own; made by `build_web`.

In comes a module's `APIRouter`, which is served as it stands, mounted at the module's prefix by
`root_path`: nothing is copied, so building costs microseconds and the router is not changed. Out
go the ASGI callable for the dispatcher, the routes for people and the module's OpenAPI document.
"""

from __future__ import annotations

import threading
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp as StarletteApp

from ...errors import Finding
from .boundary import Boundary
from .checks import check_router
from .errors import WebError
from .faults import HANDLERS
from .forget import remember_places
from .openapi import module_document
from .paths import prefix_of
from .problem import Receive, Scope, Send
from .routes import RouteInfo, read_routes


def build_web(module_id: str, router: object, *, title_tag: str = "") -> WebApp:
    """The sub-application of one generation.

    Args:
        module_id: Whose router it is.
        router: Its `APIRouter`.
        title_tag: The OpenAPI tag of its operations; the module's id if empty.

    Raises:
        WebError: With every fault: no router, names that don't resolve, two routes in one place,
            startup handlers that would not run.
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
    return WebApp(module_id, router, title_tag=title_tag or module_id)


class WebApp:
    """The routes of one generation.

    Attributes:
        module_id: Whose they are.
        prefix: The path they are below, for example ``/api/v1/orders``.
        asgi: The ASGI application; takes the whole path.
        routes: What a person should see of them.
        places: Keys for `forget`, once the generation is settled.
    """

    def __init__(self, module_id: str, router: APIRouter, *, title_tag: str) -> None:
        self.module_id = module_id
        self.prefix = prefix_of(module_id)
        self.routes: tuple[RouteInfo, ...] = read_routes(router, self.prefix)
        self.places = remember_places(router)
        self._router = router
        self._tag = title_tag
        self._application = _Application(module_id, self.prefix, router=router)
        self.asgi = self._application.mounted
        self._document: dict[str, Any] | None = None
        self._lock = threading.Lock()

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of this module alone, made at the first call and kept.

        Takes milliseconds, more with many models: call it off the loop. The caller must not
        change it.
        """
        with self._lock:
            if self._document is None:
                self._document = module_document(
                    self._router, module_id=self.module_id, prefix=self.prefix, tag=self._tag
                )
            return self._document

    def __repr__(self) -> str:
        return f"<WebApp {self.module_id}: {len(self.routes)} routes at {self.prefix}>"


class _Application(FastAPI):
    """A FastAPI application whose router is the module's, without Starlette's outer error page."""

    def __init__(self, module_id: str, prefix: str, *, router: APIRouter) -> None:
        super().__init__(title=module_id, openapi_url=None, exception_handlers=HANDLERS)
        self.router = router
        self._module_id = module_id
        self._prefix = prefix

    def build_middleware_stack(self) -> StarletteApp:
        stack = super().build_middleware_stack()
        if isinstance(stack, ServerErrorMiddleware):
            stack = stack.app
        return Boundary(stack, self._module_id)

    async def mounted(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request for the whole path, as if mounted at the module's prefix."""
        scope["root_path"] = scope.get("root_path", "") + self._prefix
        await self(scope, receive, send)
