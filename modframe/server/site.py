"""`Site`: the ASGI application of one app, and at most one running server of it.

The engine makes it and hands it Live and the facts that pages show. Its methods are called on the
app loop, by `app.serve()`, `modframe serve` and the end of the app.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..errors import ServeError
from ..masking import KnownSecrets
from ..parts.health import HealthReport
from ..parts.web.path_table import PathTable
from ..parts.web.paths import prefix_of
from ..parts.web.problem import ASGIApp
from ..runtime.live import Live
from ..view.snapshot import ModuleView
from .binding import Listener, bind
from .bodies import BodyLimit
from .dispatcher import Dispatcher
from .guard import Guard
from .hosts import check_token, is_loopback
from .limits import Limits
from .openapi import MergedOpenAPI
from .pages import SystemPages
from .proxies import behind_proxies
from .serving import Server, start_server
from .surroundings import Surroundings

_CHANGING = (f"{prefix_of('core.settings')}/",)
"""Paths below which a request that changes the system needs the token, on loopback as well."""


class Site:
    """Answers HTTP for one app.

    Args:
        live: The table of what runs. ``paths``: who claims which paths of it.
        rows: Returns the rows of the status page. ``readiness``, ``health``: as for
            `SystemPages`.
        absent: As for `Dispatcher`, like ``stale``.
        surroundings: What stands around all modules.
        allowed_hosts: Host names to answer to besides loopback.
        trusted_proxies: As for `behind_proxies`, like ``root_path``.
        limits: What it takes of its clients.
        secrets: Those of the app, the server's token among them, which no answer of modframe's
            own shows.
        app: What the lifespans get.
        block: Runs a coroutine function on the app loop and waits; for ``Server.stop()``.
    """

    def __init__(
        self,
        live: Live,
        *,
        paths: PathTable,
        rows: Callable[[], Iterable[ModuleView]],
        readiness: Callable[[], tuple[bool, Mapping[str, str]]],
        health: Callable[[], HealthReport],
        absent: Callable[[str], tuple[str, str] | None],
        stale: Callable[[str], str],
        surroundings: Surroundings,
        allowed_hosts: Iterable[str],
        trusted_proxies: Sequence[str],
        root_path: str,
        limits: Limits,
        secrets: KnownSecrets,
        app: object,
        block: Callable[[Callable[[], Any]], Any],
    ) -> None:
        pages = SystemPages(
            MergedOpenAPI(live, secrets.replace),
            snapshot=rows,
            readiness=readiness,
            health=health,
            clean=secrets.replace_in,
        )
        dispatcher = Dispatcher(
            live,
            system=pages,
            absent=absent,
            paths=paths,
            is_page=pages.has,
            stale=stale,
            mask=secrets.replace,
        )
        self._surroundings = surroundings
        self._trusted, self._root_path = trusted_proxies, root_path
        self._guard = Guard(
            BodyLimit(surroundings.inside(dispatcher), limits),
            allowed_hosts=allowed_hosts,
            origins=lambda: surroundings.origins,
            token_paths=_CHANGING,
        )
        self.asgi = self._outermost(self._guard)
        self._app, self._block, self._limits = app, block, limits
        self._secrets = secrets
        self._lock = asyncio.Lock()
        self._server: Server | None = None
        self._arguments: tuple[str, int, str | None] = ("", 0, None)

    @property
    def server(self) -> Server | None:
        """The server, while it runs."""
        server = self._server
        return server if server is not None and server.running else None

    async def serve(
        self, host: str, port: int, *, token: str | None = None, bound: Listener | None = None
    ) -> Server:
        """Bind and listen on the running loop; the same arguments again return the same server.

        Args:
            host: Where to listen.
            port: 0 picks a free one.
            token: By default a new one.
            bound: A socket from `bind` that has the address already.

        Raises:
            ServeError: If the address can't be bound, a token is missing, or a server with other
                arguments runs.
            SurroundingsError: If a lifespan raises.
        """
        arguments = (host, port, token)
        async with self._lock:
            if (server := self.server) is not None:
                if arguments == self._arguments:
                    return server
                raise ServeError(
                    f"modframe serves at {server.url} already",
                    cure="call app.serve() with the same arguments, or .stop() the server first",
                    host=host,
                    port=port,
                )
            checked_token = check_token(host, token)
            self._secrets.add("modframe.server", [checked_token])
            if self._server is not None:
                await self._server.aclose()  # it was stopped or died: free its port
            await self.enter()
            bound = bound or bind(host, port)
            self._guard.token = checked_token
            asgi = self.guarded(checked_token, required=not is_loopback(host))
            self._server = await start_server(
                asgi,
                bound,
                host=host,
                token=checked_token,
                limits=self._limits,
                block=self._block,
            )
            self._arguments = arguments
            return self._server

    def guarded(self, token: str, *, required: bool) -> ASGIApp:
        """Return the application with a token of its own, which all requests may need."""
        return self._outermost(self._guard.with_token(token, required=required))

    def _outermost(self, guard: Guard) -> ASGIApp:
        """Return what a server gets: outside of the guard is what it has to know beforehand."""
        return behind_proxies(self._surroundings.edge(guard), self._trusted, self._root_path)

    async def enter(self) -> None:
        """Enter the lifespans around the modules, before the first request; once for the app.

        Raises:
            SurroundingsError: If one of them raises.
        """
        await self._surroundings.enter(self._app)

    async def close(self) -> None:
        """Stop the server, if there is one, and leave the lifespans."""
        async with self._lock:
            server, self._server = self._server, None
            try:
                if server is not None:
                    await server.aclose()
            finally:
                await self._surroundings.leave()
