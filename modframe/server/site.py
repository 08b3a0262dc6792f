"""`Site`: the ASGI application of one app, and at most one running server of it.

The engine makes it and hands it Live and the facts that pages show. Its methods are called on the
app loop, by `app.serve()`, `modframe serve` and the end of the app.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..config import FrameworkSettings
from ..errors import ServeError
from ..masking import KnownSecrets
from ..observe import EventLog, Numbers, Watchdog
from ..parts.health import HealthReport
from ..parts.web.path_table import PathTable
from ..parts.web.problem import ASGIApp, Receive, Scope, Send
from ..runtime.live import Live
from ..view.snapshot import ModuleView
from .access_rule import AccessRule
from .binding import Listener, bind
from .bodies import BodyLimit
from .dispatcher import Dispatcher
from .guard import HOLDER_KEY, Guard, Need, check_token, is_loopback
from .limits import Limits
from .measured import Measured
from .metrics import Exposition
from .openapi import MergedOpenAPI
from .pages import SystemPages
from .proxies import behind_proxies
from .serving import Server, start_server
from .surroundings import Surroundings

if TYPE_CHECKING:
    from .mcp.assistants import Assistants
    from .mcp.http import Endpoint

_log = logging.getLogger("modframe.server")
_MCP = "/mcp"
"""Where assistants are answered."""


class Site:
    """Answers HTTP for one app.

    Args:
        live: The table of what runs. ``paths``: who claims which paths of it.
        numbers: Counts the requests, and has what `/metrics` shows; ``log`` gets their lines. With
            ``None`` they are neither counted nor logged: those of a module's tests, before it is
            live.
        rows: Returns the rows of the status page. ``readiness``, ``health``: as for
            `SystemPages`.
        watchdog: Knows how long the app loop lags behind.
        absent: As for `Dispatcher`, like ``stale``.
        surroundings: What stands around all modules.
        shows_stale: Returns whether clients on this machine are told, without the token, why a
            module's newest text isn't live.
        config: The framework's settings: hosts, public modules, proxies, limits.
        token: Returns the token that this app keeps.
        secrets: Those of the app, the server's token among them, which no answer of modframe's
            own shows.
        app: What the lifespans get.
        block: Runs a coroutine function on the app loop and waits; for ``Server.stop()``.
        apps: Path → what answers there beside the pages, such as the cockpit.
        assistants: Returns what assistants may see and call.
        mcp: Whether assistants are answered unless `serve` says otherwise.

    Attributes:
        access: What each path needs of whoever asks for it.
    """

    def __init__(
        self,
        live: Live,
        *,
        paths: PathTable,
        numbers: Numbers | None,
        log: EventLog,
        watchdog: Watchdog,
        rows: Callable[[], Iterable[ModuleView]],
        readiness: Callable[[], tuple[bool, Mapping[str, str]]],
        health: Callable[[], HealthReport],
        absent: Callable[[str], tuple[str, str] | None],
        stale: Callable[[str], str],
        shows_stale: Callable[[], bool],
        surroundings: Surroundings,
        config: FrameworkSettings,
        token: str,
        secrets: KnownSecrets,
        app: object,
        block: Callable[[Callable[[], Any]], Any],
        apps: Mapping[str, ASGIApp],
        assistants: Callable[[], Assistants],
        mcp: bool = False,
    ) -> None:
        self._apps = dict(apps)
        self._assistants, self._mcp = assistants, mcp
        self._endpoint: Endpoint | None = None
        pages = SystemPages(
            MergedOpenAPI(
                live,
                secrets.replace,
                needs_token=lambda key: self.access.need_of_module(key) is Need.TOKEN,
            ),
            snapshot=rows,
            prefixes=paths.prefixes,
            readiness=readiness,
            health=health,
            metrics=Exposition(
                numbers or Numbers(), rows, readiness=readiness, log=log, watchdog=watchdog
            ),
            clean=secrets.replace_in,
            apps=self._apps,
        )
        self.access = AccessRule(live, paths, pages, public=config.public)
        paths.follow(surroundings)
        dispatcher = Dispatcher(
            live,
            system=pages,
            absent=absent,
            paths=paths,
            is_page=pages.has,
            stale=stale,
            shows_stale=shows_stale,
            mask=secrets.replace,
        )
        self._surroundings = surroundings
        self._config = config
        limits = Limits(config.max_body, config.client_timeout, config.max_connections)
        inside = BodyLimit(surroundings.inside(dispatcher), limits)
        self._guard = Guard(
            inside if numbers is None else Measured(inside, numbers, log),
            need=self.access.need_of,
            allowed_hosts=config.allowed_hosts,
            origins=lambda: surroundings.origins,
            token=token,
            given=False,
        )
        secrets.add("modframe.server", [token])
        self.asgi = self._outermost(self._guard)
        self._app, self._block, self._limits = app, block, limits
        self._secrets = secrets
        self._lock = asyncio.Lock()
        self._server: Server | None = None
        self._arguments: tuple[Any, ...] = ()
        if mcp:
            self._open_to_assistants()

    async def asked_here(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that this process itself makes, which holds the token by nature."""
        scope[HOLDER_KEY] = True
        await self.asgi(scope, receive, send)

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
        bound: Listener | None = None,
        mcp: bool | None = None,
    ) -> Server:
        """Bind and listen on the running loop; the same arguments again return the same server.

        Args:
            host: Where to listen.
            port: 0 picks a free one.
            token: By default the one that the app keeps.
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
            given = check_token(host, token)
            token = given or self._guard.token
            self._secrets.add("modframe.server", [token])
            if self._server is not None:
                await self._server.aclose()  # it was stopped or died: free its port
            if mcp:
                self._open_to_assistants()
            else:
                await self._close_to_assistants()
            await self.enter()
            bound = bound or bind(host, port)
            self._guard.token = token
            guard = self._guard.with_token(token, exposed=not is_loopback(host))
            self._server = await start_server(
                self._outermost(guard),
                bound,
                host=host,
                token=token,
                new_code=guard.sessions.new_code,
                limits=self._limits,
                block=self._block,
            )
            self._arguments = arguments
            return self._server

    def for_server(self, token: str) -> ASGIApp:
        """Return the application for another server, whose address only its connections tell.

        Args:
            token: The token that a person gave, which counts wherever a request comes from: what is
                in front of the server nobody knows. Empty if none was given.

        Raises:
            ServeError: If it is too short.
        """
        if not check_token("localhost", token):
            return self.asgi
        self._secrets.add("modframe.server", [token])
        return self._outermost(self._guard.with_token(token, exposed=True))

    def _outermost(self, guard: Guard) -> ASGIApp:
        """Return what a server gets: outside of the guard is what it has to know beforehand."""
        return behind_proxies(
            self._surroundings.edge(guard), self._config.trusted_proxies, self._config.root_path
        )

    async def enter(self) -> None:
        """Get ready for the first request: enter the lifespans, once; warn of what lets all in.

        Raises:
            SurroundingsError: If one of them raises.
        """
        if "*" in self._config.allowed_hosts:
            _log.warning(
                "MODFRAME_ALLOWED_HOSTS=* lets every name reach this server, those of strangers "
                "too (DNS rebinding), and opens no origin; name the hosts instead"
            )
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
