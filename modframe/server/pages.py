"""`SystemPages`: the pages that belong to no module: `/`, `/health`, `/docs`, `/openapi.json`.

The dispatcher calls it for every path that is not below `/api/v1/`. It shows what callables return
that the engine hands to the site, and never waits for a module.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from ..parts.web.boundary import Boundary
from ..parts.web.problem import Problem, Receive, Scope, Send, path_below_root
from ..view.snapshot import ModuleView
from .docs import ASSETS, POLICY, START_SCRIPT, docs_page, read_asset
from .openapi import MergedOpenAPI
from .status import status_page

_BASE_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none';"
    " form-action 'none'"
)
_SCRIPT = "text/javascript"
_REVALIDATE = {"Cache-Control": "no-cache"}
_NO_STORE = {"Cache-Control": "no-store"}
_DAY = {"Cache-Control": "public, max-age=86400"}


def _page(body: bytes, policy: str) -> Response:
    guards = {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'self'",
        "Referrer-Policy": "no-referrer",
    }
    return Response(body, headers=guards, media_type="text/html")


class SystemPages:
    """The ASGI application of the pages.

    Args:
        snapshot: Returns what the status page shows of each module.
        readiness: Whether all is ready, and module id → state.
        degraded: Returns module id → what of it has died, of modules that are live all the same.
        clean: Takes the secrets of the app out of the facts of an answer.
    """

    def __init__(
        self,
        openapi: MergedOpenAPI,
        *,
        snapshot: Callable[[], Iterable[ModuleView]],
        readiness: Callable[[], tuple[bool, Mapping[str, str]]],
        degraded: Callable[[], Mapping[str, Sequence[str]]] = dict,
        clean: Callable[[Any], Any] = lambda facts: facts,
    ) -> None:
        self._clean = clean
        self._degraded = degraded
        self._openapi = openapi
        self._snapshot = snapshot
        self._readiness = readiness
        self._pages: dict[str, Callable[[Scope], Awaitable[Response]]] = {
            "/": self._status,
            "/health": self._health,
            "/health/live": self._live,
            "/health/ready": self._health,
            "/openapi.json": self._document,
            "/docs": self._docs,
            "/docs/start.js": self._start,
            **{f"/docs/{name}": self._asset for name in ASSETS},
        }
        self._bounded = Boundary(self._answer, "modframe.server")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; with 404 if there is no such page."""
        await self._bounded(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = path_below_root(scope) or "/"
        page = self._pages.get(path)
        if page is None or scope["type"] != "http":
            problem = Problem(404, f"Nothing is at {path}; modules are below /api/v1/")
            await problem.send(scope, send)
            return
        if scope["method"] not in {"GET", "HEAD"}:
            allow = {"Allow": "GET, HEAD"}
            await Problem(405, f"{path} is only for reading", headers=allow).send(scope, send)
            return
        answer = await page(scope)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        if scope["method"] == "HEAD":
            answer.body = b""  # the headers tell its length all the same
        await answer(scope, receive, send)

    async def _live(self, _scope: Scope) -> Response:
        return JSONResponse({"status": "live"}, headers=_NO_STORE)

    async def _health(self, scope: Scope) -> Response:
        """Return which modules are ready, and which of those are degraded.

        ``/health`` also says that the server is live.
        """
        ready, states = self._readiness()
        facts: dict[str, Any] = {
            "status": "ready" if ready else "not ready",
            "modules": dict(states),
        }
        if degraded := self._degraded():
            facts["degraded"] = {key: list(texts) for key, texts in degraded.items()}
        if path_below_root(scope) == "/health":
            facts |= {"live": True, "ready": ready}
        return JSONResponse(self._clean(facts), 200 if ready else 503, _NO_STORE)

    async def _status(self, scope: Scope) -> Response:
        return _page(status_page(list(self._snapshot()), query=_query(scope)), _BASE_POLICY)

    async def _document(self, scope: Scope) -> Response:
        body = await self._openapi.body()
        if root := scope.get("root_path"):
            # Behind a proxy or in another application, all paths have its prefix.
            document = {**await self._openapi.document(), "servers": [{"url": root}]}
            body = json.dumps(document).encode()
        return Response(body, headers=_REVALIDATE, media_type="application/json")

    async def _docs(self, scope: Scope) -> Response:
        document = await self._openapi.document()
        return _page(docs_page(document, query=_query(scope)), POLICY)

    async def _start(self, _scope: Scope) -> Response:
        return Response(START_SCRIPT, headers=_REVALIDATE, media_type=_SCRIPT)

    async def _asset(self, scope: Scope) -> Response:
        name = path_below_root(scope).rpartition("/")[2]
        return Response(await read_asset(name), headers=_DAY, media_type=ASSETS[name])


def _query(scope: Scope) -> str:
    """Return what links on a page must end with: the token, if the page was opened with one."""
    token = scope.get("modframe.query_token")
    return f"?token={token}" if token else ""
