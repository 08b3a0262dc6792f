"""`SystemPages`: the pages that belong to no module: `/modframe/`, `/health`, `/metrics`, ...

The dispatcher calls it for each path that it has. It shows what callables return that the engine
hands to the site, and never waits for a module. `/` leads to the status page until a module or a
mounted application claims it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from starlette.responses import JSONResponse, Response

from ..parts.health import HealthReport
from ..parts.web.boundary import Boundary
from ..parts.web.problem import ASGIApp, Problem, Receive, Scope, Send, path_below_root
from ..view.snapshot import ModuleView
from .docs import ASSETS, POLICY, START_SCRIPT, docs_page, read_asset
from .guard import LINK_KEY, Need, holds_token
from .guard.sessions import ONCE
from .measured import note_route
from .openapi import MergedOpenAPI
from .status import STATUS_PATH, STYLE, STYLES, status_page

_STATUS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data: blob:; base-uri 'none'; form-action 'none'"
)
LINK_PATH = f"{STATUS_PATH}link"
"""Where holders of the token get a one-time link for a browser."""
_SCRIPT = "text/javascript"
_REVALIDATE = {"Cache-Control": "no-cache"}
_NO_STORE = {"Cache-Control": "no-store"}
_OPEN = frozenset({"/", "/modframe", "/health", "/health/live", "/health/ready", "/health/startup"})
_DAY = {"Cache-Control": "public, max-age=86400"}


def _page(body: bytes, policy: str) -> Response:
    guards = {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'self'",
        "Referrer-Policy": "no-referrer",
    }
    return Response(body, headers=guards, media_type="text/html")


def _probe(word: str, checks: HealthReport, *, holds: bool = True, **facts: Any) -> Response:
    """Return the answer of a page that says whether one thing holds, such as ``"ready"``."""
    holds = holds and not checks.failing
    body = {"status": word if holds else f"not {word}", **facts}
    if checks:
        body["checks"] = {key: health.verdict for key, health in checks.items()}
    return JSONResponse(body, 200 if holds else 503, _NO_STORE)


class SystemPages:
    """The ASGI application of the pages.

    Args:
        snapshot: Returns what the status page shows of each module.
        prefixes: Returns the prefixes of a module's routes, as far as they are known.
        readiness: Whether all is ready, and module id → state.
        health: Returns the health of all modules, as far as it is known already.
        metrics: Returns the page for Prometheus in a format of an ``Accept`` header, and the
            media type; without it there is no such page.
        clean: Takes the secrets of the app out of the facts of an answer.
        apps: Path → an application that answers there in place of a page, by any method.
    """

    def __init__(
        self,
        openapi: MergedOpenAPI,
        *,
        snapshot: Callable[[], Iterable[ModuleView]],
        readiness: Callable[[], tuple[bool, Mapping[str, str]]],
        prefixes: Callable[[str], Sequence[str]] = lambda _: (),
        health: Callable[[], HealthReport] = HealthReport,
        metrics: Callable[[str], tuple[bytes, str]] | None = None,
        clean: Callable[[Any], Any] = lambda facts: facts,
        apps: Mapping[str, ASGIApp] = MappingProxyType({}),
    ) -> None:
        self._apps = apps
        self._clean = clean
        self._report = health
        self._openapi = openapi
        self._snapshot, self._prefixes = snapshot, prefixes
        self._readiness = readiness
        self._pages: dict[str, Callable[[Scope], Awaitable[Response]]] = {
            "/": self._to_status,
            STATUS_PATH.rstrip("/"): self._to_status,
            STATUS_PATH: self._status,
            f"{STATUS_PATH}{STYLES}": self._styles,
            LINK_PATH: self._new_link,
            "/health": self._health,
            "/health/live": self._live,
            "/health/ready": self._ready,
            "/health/startup": self._started,
            "/openapi.json": self._document,
            "/docs": self._docs,
            "/docs/start.js": self._start,
            **{f"/docs/{name}": self._asset for name in ASSETS},
        }
        if metrics is not None:
            self._pages["/metrics"] = partial(_numbers, metrics)
        self._bounded = Boundary(self._answer, "modframe.server")

    def need_of(self, path: str) -> Need:
        """Return what a page needs; whoever asks for no page is told what is near it."""
        if path in _OPEN:
            return Need.OPEN
        if path.startswith(STATUS_PATH) or path.rstrip("/") in self._apps:
            return Need.TOKEN
        return Need.TOKEN_FROM_ELSEWHERE

    def has(self, path: str) -> bool:
        """Return whether there is a page at a path."""
        return path in self._pages or path.rstrip("/") in self._apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; with 404 if there is no such page."""
        await self._bounded(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = path_below_root(scope) or "/"
        if (app := self._apps.get(path.rstrip("/"))) is not None and scope["type"] == "http":
            note_route(scope, path.rstrip("/"))
            await app(scope, receive, send)
            return
        page = self._pages.get(path)
        if page is None or scope["type"] != "http":
            problem = Problem(404, f"There is no page at {path}")
            await problem.send(scope, send)
            return
        allowed = ("POST",) if path == LINK_PATH else ("GET", "HEAD")
        if scope["method"] not in allowed:
            allow = {"Allow": ", ".join(allowed)}
            await Problem(405, f"{path} takes {' and '.join(allowed)}", headers=allow).send(
                scope, send
            )
            return
        note_route(scope, path)
        answer = await page(scope)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        if scope["method"] == "HEAD":
            answer.body = b""  # the headers tell its length all the same
        await answer(scope, receive, send)

    # The pages for probes are open to everyone who reaches the server: what a check says in words
    # is in `/health` alone, for holders of the token.

    async def _live(self, _scope: Scope) -> Response:
        return _probe("live", self._report().group("live"))

    async def _started(self, _scope: Scope) -> Response:
        return _probe("started", self._report().group("startup"))

    async def _ready(self, _scope: Scope) -> Response:
        ready, states = self._readiness()
        checks = self._report().group("ready", "startup")
        return _probe("ready", checks, holds=ready, modules=dict(states))

    async def _health(self, scope: Scope) -> Response:
        """Return which modules are live, how healthy they are, and what is wrong with them."""
        ready, states = self._readiness()
        report = self._report()
        ready = ready and not report.group("ready", "startup").failing
        live = not report.group("live").failing
        facts: dict[str, Any] = {
            "status": "ready" if ready else "not ready",
            "live": live,
            "ready": ready,
            "health": report.status,
            "modules": dict(states),
            "checks": {key: health.to_dict() for key, health in report.items()},
        }
        reasons = {key: list(one.reasons) for key, one in report.items() if not one.down}
        if degraded := {key: texts for key, texts in reasons.items() if texts}:
            facts["degraded"] = degraded
        if not holds_token(scope):  # what a check says in words may be private
            facts.pop("degraded", None)
            for check in facts["checks"].values():
                check.pop("detail", None)
        return JSONResponse(self._clean(facts), 200 if ready and live else 503, _NO_STORE)

    async def _to_status(self, scope: Scope) -> Response:
        """Redirect to the status page, with the query, by a link that is right behind any proxy."""
        # What a proxy strips from the path without saying so, the browser alone knows.
        target = STATUS_PATH.lstrip("/") if path_below_root(scope) else scope["path"] + STATUS_PATH
        query = scope.get("query_string", b"").decode("latin-1")
        pairs = "&".join(filter(None, (query, _query(scope).removeprefix("?"))))
        location = f"{target}?{pairs}" if pairs else target
        return Response(status_code=307, headers={"Location": location, **_NO_STORE})

    async def _new_link(self, scope: Scope) -> Response:
        """Return where a browser is let in once, below the server's own address."""
        code = scope[LINK_KEY]()
        return JSONResponse({"path": f"{STATUS_PATH}?{ONCE}={code}"}, 201, _NO_STORE)

    async def _status(self, scope: Scope) -> Response:
        views = list(self._snapshot())
        page = status_page(views, prefixes=self._prefixes, query=_query(scope))
        return _page(page, _STATUS_POLICY)

    async def _styles(self, _scope: Scope) -> Response:
        return Response(STYLE, headers=_REVALIDATE, media_type="text/css")

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


async def _numbers(metrics: Callable[[str], tuple[bytes, str]], scope: Scope) -> Response:
    """Return the page for Prometheus, made in a thread: of many modules it takes its time."""
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    body, media_type = await asyncio.to_thread(metrics, accept.decode("latin-1"))
    return Response(body, headers={**_NO_STORE, "Content-Type": media_type})


def _query(scope: Scope) -> str:
    """Return what links on a page must end with: the token, if the page was opened with one."""
    token = scope.get("modframe.query_token")
    return f"?token={token}" if token else ""
