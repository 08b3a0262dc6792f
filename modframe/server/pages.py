"""`SystemPages`: the pages that belong to no module: `/`, `/health`, `/docs`, `/openapi.json`.

The dispatcher calls it for every path that is not below `/api/v1/`. It shows what callables return
that the engine hands to the site, and never waits for a module.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..parts.web.boundary import Boundary
from ..parts.web.problem import Problem, Receive, Scope, Send
from ..view.snapshot import ModuleView
from .docs import ASSETS, POLICY, docs_page, read_asset, start_script
from .openapi import MergedOpenAPI
from .status import status_page

_JSON = "application/json"
_HTML = "text/html; charset=utf-8"
_SCRIPT = "text/javascript; charset=utf-8"
_BASE_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none';"
    " form-action 'none'"
)
_DAY = "public, max-age=86400"


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a system page."""

    body: bytes
    media_type: str = _JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Scope], Awaitable[Page]]


def _page(body: bytes, policy: str) -> Page:
    guards = {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'self'",
        "Referrer-Policy": "no-referrer",
    }
    return Page(body, _HTML, headers=guards)


def _json(facts: Any, *, status: int = 200) -> Page:
    return Page(json.dumps(facts).encode(), status=status, headers={"Cache-Control": "no-store"})


class SystemPages:
    """The ASGI application of the pages.

    Args:
        openapi: The merged document.
        snapshot: Returns what the status page shows of each module.
        readiness: Whether all is ready, and module id → state.
    """

    def __init__(
        self,
        openapi: MergedOpenAPI,
        *,
        snapshot: Callable[[], Iterable[ModuleView]],
        readiness: Callable[[], tuple[bool, Mapping[str, str]]],
    ) -> None:
        self._openapi = openapi
        self._snapshot = snapshot
        self._readiness = readiness
        self._answers: dict[str, Answer] = {
            "/": self._status,
            "/health": self._health,
            "/health/live": self._live,
            "/health/ready": self._ready,
            "/openapi.json": self._document,
            "/docs": self._docs,
            "/docs/start.js": self._start,
            **{f"/docs/{name}": self._asset for name in ASSETS},
        }
        self._bounded = Boundary(self._answer, "modframe.server")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; with 404 if there is no such page."""
        await self._bounded(scope, receive, send)

    async def _answer(self, scope: Scope, _receive: Receive, send: Send) -> None:
        path = _path_of(scope)
        answer = self._answers.get(path)
        if answer is None or scope["type"] != "http":
            problem = Problem(404, f"Nothing is at {path}; modules are below /api/v1/")
            await problem.send(scope, send)
            return
        if scope["method"] not in {"GET", "HEAD"}:
            allow = {"Allow": "GET, HEAD"}
            await Problem(405, f"{path} is only for reading", headers=allow).send(scope, send)
            return
        page = await answer(scope)
        headers = [
            (b"content-type", page.media_type.encode()),
            (b"content-length", str(len(page.body)).encode()),
            (b"x-content-type-options", b"nosniff"),
            *((name.lower().encode(), value.encode()) for name, value in page.headers.items()),
        ]
        await send({"type": "http.response.start", "status": page.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else page.body
        await send({"type": "http.response.body", "body": body})

    # -- health -------------------------------------------------------------------------------

    async def _live(self, _scope: Scope) -> Page:
        return _json({"status": "live"})

    async def _ready(self, _scope: Scope) -> Page:
        ready, states = self._readiness()
        facts = {"status": "ready" if ready else "not ready", "modules": dict(states)}
        return _json(facts, status=200 if ready else 503)

    async def _health(self, _scope: Scope) -> Page:
        ready, states = self._readiness()
        facts = {
            "status": "ready" if ready else "not ready",
            "live": True,
            "ready": ready,
            "modules": dict(states),
        }
        return _json(facts, status=200 if ready else 503)

    # -- pages --------------------------------------------------------------------------------

    async def _status(self, scope: Scope) -> Page:
        return _page(status_page(list(self._snapshot()), query=_query(scope)), _BASE_POLICY)

    async def _document(self, scope: Scope) -> Page:
        body = await self._openapi.body()
        if root := scope.get("root_path"):
            # Behind a proxy or in another application, all paths have its prefix.
            document = {**await self._openapi.document(), "servers": [{"url": root}]}
            body = json.dumps(document).encode()
        return Page(body, headers={"Cache-Control": "no-cache"})

    async def _docs(self, scope: Scope) -> Page:
        document = await self._openapi.document()
        return _page(docs_page(document, query=_query(scope)), POLICY)

    async def _start(self, _scope: Scope) -> Page:
        return Page(start_script(), _SCRIPT, headers={"Cache-Control": "no-cache"})

    async def _asset(self, scope: Scope) -> Page:
        name = _path_of(scope).rpartition("/")[2]
        return Page(await read_asset(name), ASSETS[name], headers={"Cache-Control": _DAY})

    def __repr__(self) -> str:
        return f"<SystemPages: {len(self._answers)} paths>"


def _path_of(scope: Scope) -> str:
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    if root and path.startswith(root):
        path = path[len(root) :]
    return path or "/"


def _query(scope: Scope) -> str:
    """Return what links on a page must end with: the token, if the page was opened with one."""
    token = scope.get("modframe.query_token")
    return f"?token={token}" if token else ""
