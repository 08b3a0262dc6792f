"""`Site`: the ASGI application of one app, and at most one running server of it.

The engine makes it and hands it Live and the facts that pages show. Its methods are called on the
app loop, by `app.serve()`, `modframe serve` and the end of the app.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ServeError
from ..masking import KnownSecrets
from ..parts.health import HealthReport
from ..parts.web.path_table import PathTable
from ..parts.web.paths import prefix_of
from ..parts.web.problem import ASGIApp
from ..runtime.live import Live
from ..view.snapshot import ModuleView
from .binding import bind
from .dispatcher import Dispatcher
from .guard import Guard
from .hosts import check_token, is_loopback
from .openapi import MergedOpenAPI
from .pages import SystemPages
from .serving import Server, start_server
from .surroundings import Surroundings

if TYPE_CHECKING:
    from .mcp.assistants import Assistants
    from .mcp.http import Endpoint

_CHANGING = (f"{prefix_of('core.settings')}/",)
"""Paths below which a request that changes the system needs the token, on loopback as well."""
_MCP = "/mcp"
"""Where assistants are answered."""


class Site:
    """Answers HTTP for one app.

    Args:
        live: The table of what runs. ``paths``: who claims which paths of it.
        rows: Returns the rows of the status page. ``readiness``, ``health``: as for
            `SystemPages`.
        absent: As for `Dispatcher`, like ``stale``.
        surroundings: What stands around all modules.
        allowed_hosts: Host names to answer to besides loopback.
        secrets: Those of the app, the server's token among them, which no answer of modframe's
            own shows.
        app: What the lifespans get.
        block: Runs a coroutine function on the app loop and waits; for ``Server.stop()``.
        assistants: Returns what assistants may see and call.
        mcp: Whether assistants are answered unless `serve` says otherwise.
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
        secrets: KnownSecrets,
        app: object,
        block: Callable[[Callable[[], Any]], Any],
        assistants: Callable[[], Assistants],
        mcp: bool = False,
    ) -> None:
        self._apps: dict[str, ASGIApp] = {}
        self._assistants, self._mcp = assistants, mcp
        self._endpoint: Endpoint | None = None
        pages = SystemPages(
            MergedOpenAPI(live, secrets.replace),
            snapshot=rows,
            readiness=readiness,
            health=health,
            clean=secrets.replace_in,
            apps=self._apps,
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
        self._guard = Guard(
            surroundings.inside(dispatcher),
            allowed_hosts=allowed_hosts,
            origins=lambda: surroundings.origins,
            token_paths=_CHANGING,
            closed=self._apps,
        )
        self.asgi = surroundings.edge(self._guard)
        self._app, self._block = app, block
        self._secrets = secrets
        self._lock = asyncio.Lock()
        self._server: Server | None = None
        self._arguments: tuple[Any, ...] = ()
        if mcp:
            self._open_to_assistants()

    @property
    def server(self) -> Server | None:
        """The server, while it runs."""
        server = self._server
        return server if server is not None and server.running else None

    async def serve(
        self,
        host: str,
        port: int,
        *,
        token: str | None = None,
        bound: socket.socket | None = None,
        mcp: bool | None = None,
    ) -> Server:
        """Bind and listen on the running loop; the same arguments again return the same server.

        Args:
            host: Where to listen.
            port: 0 picks a free one.
            token: By default a new one.
            bound: A socket from `bind` that has the address already.
            mcp: Whether assistants are answered at `/mcp`; by default as the settings say.

        Raises:
            ServeError: If the address can't be bound, a token is missing, or a server with other
                arguments runs, or the `mcp` package is missing that assistants need.
            SurroundingsError: If a lifespan raises.
        """
        mcp = self._mcp if mcp is None else mcp
        arguments = (host, port, token, mcp)
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
            if mcp:
                self._open_to_assistants()
            else:
                await self._close_to_assistants()
            await self.enter()
            bound = bound or bind(host, port)
            self._guard.token = checked_token
            asgi = self.guarded(checked_token, required=not is_loopback(host))
            self._server = await start_server(
                asgi, bound, host=host, token=checked_token, block=self._block
            )
            self._arguments = arguments
            return self._server

    def guarded(self, token: str, *, required: bool) -> ASGIApp:
        """Return the application with a token of its own, which all requests may need."""
        return self._surroundings.edge(self._guard.with_token(token, required=required))

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
                await self._close_to_assistants()
            finally:
                await self._surroundings.leave()

    def _open_to_assistants(self) -> None:
        if self._endpoint is None:
            assistants = self._assistants()
            from .mcp.http import Endpoint  # imported where the package is known to be there

            self._endpoint = self._apps[_MCP] = Endpoint(assistants)

    async def _close_to_assistants(self) -> None:
        endpoint, self._endpoint = self._endpoint, None
        self._apps.pop(_MCP, None)
        if endpoint is not None:
            await endpoint.aclose()
