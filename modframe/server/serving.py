"""`start_server`: serves an ASGI application on a bound socket, on the running loop.

The site calls it on the app loop, for `app.serve()` and `modframe serve`. uvicorn does the work, as
a task in an empty context, without its signal handlers, its lifespan and its logging set-up. That
task alone decides whether the `Server`, which people get, runs.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context

import uvicorn

from ..errors import ServeError
from ..html import Raw, link, row, state, tag
from ..parts.web.errors import BrokenResponseError
from ..parts.web.problem import ASGIApp
from ..parts.web.streams import Streams
from ..runtime.loop.bounds import wait_for_any
from .binding import Listener, in_use, release_leftovers
from .connections import BURST, HTTP, QUEUE, Connections, Websocket
from .guard import reachable
from .guard.sessions import ONCE
from .limits import Limits
from .open_requests import OpenRequests
from .status import STATUS_PATH

_log = logging.getLogger("modframe.server")
_GRACE = 5
_SETTLE_SECONDS = 1.0
_LIMITS = Limits()
_UNIX = getattr(socket, "AF_UNIX", None)
_TICKS_A_SECOND = 10


class Server:
    """A server, for people: where it is, whether it runs, and how to stop it.

    Attributes:
        host: The address it is bound to; the path of a Unix socket.
        port: Its port; 0 for a Unix socket.
        token: Needed by requests that change the system, and by all where the address isn't
            loopback.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        token: str,
        new_code: Callable[[], str],
        server: _Uvicorn,
        streams: Streams,
        requests: OpenRequests,
        task: asyncio.Task[None],
        block: Callable[[Callable[[], Awaitable[object]]], object],
    ) -> None:
        self.host, self.port, self.token = host, port, token
        self._new_code = new_code
        self._server = server
        self._streams = streams
        self._requests = requests
        self._task = task
        self._block = block

    @property
    def url(self) -> str:
        """Its address as seen from this machine, without a slash at the end."""
        if self.host.startswith("/"):
            return f"unix:{self.host}"
        return f"http://{reachable(self.host)}:{self.port}"

    def link(self) -> str:
        """Return an address of the status page that lets one browser in, once, for ten minutes."""
        return f"{self.url}{STATUS_PATH}?{ONCE}={self._new_code()}"

    @property
    def running(self) -> bool:
        """Whether it still accepts connections: it was not stopped, and did not die."""
        return not self._task.done() and not self._server.should_exit

    def stop(self) -> None:
        """Stop accepting, let open requests finish within 5 s, free the port. This blocks."""
        if self.running:
            self._block(self.aclose)

    async def aclose(self, grace: float = _GRACE) -> None:
        """Stop accepting connections and let open requests finish; called on the app loop.

        Event streams and websockets are asked to end at once. Requests that still run after
        ``grace`` seconds are cancelled and answered with 503. A second call waits for the same end.
        """
        self._server.config.timeout_graceful_shutdown = max(0, grace)  # type: ignore[assignment]
        self._server.should_exit = True
        self._streams.end()
        self._requests.end()
        try:
            await asyncio.wait({self._task})  # how it ended is in the log
        finally:
            await self._settle()

    async def _settle(self) -> None:
        """Wait for the requests that uvicorn cancelled, then close the remaining connections."""
        tasks = set(self._server.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, deaf = await asyncio.wait(tasks, timeout=_SETTLE_SECONDS)
            with suppress(TimeoutError):  # a client that reads nothing
                await asyncio.wait_for(self._requests.cut(), _SETTLE_SECONDS)
            for task in deaf:
                _log.error("a request ignored its cancellation and still runs: %r", task)
        self._server.cut()

    def __repr__(self) -> str:
        return f"<Server {self.url}: {'running' if self.running else 'stopped'}>"

    def _repr_html_(self) -> str:
        running = state("running" if self.running else "stopped")
        if not self.running or self.host.startswith("/"):
            return tag("div", row(running, " ", self.url))
        places = (
            (self.link(), self.url),
            (f"{self.url}/docs", "docs"),
            (f"{self.url}/health/ready", "health"),
        )
        links = " · ".join(link(place, label, aside=True) for place, label in places)
        return tag("div", row(running, " at ", Raw(links)))


async def start_server(
    asgi: ASGIApp,
    bound: Listener,
    *,
    host: str,
    token: str = "",
    new_code: Callable[[], str] = str,
    limits: Limits = _LIMITS,
    block: Callable[[Callable[[], Awaitable[object]]], object],
) -> Server:
    """Serve on a socket from `bind`; return once connections are accepted.

    Args:
        bound: The socket; it is closed with the server.
        host: The address that was asked for, as URLs name it.
        token: What `Server.token` says.
        new_code: Makes the code of a one-time link.
        limits: What it takes of its clients.
        block: Runs a coroutine function on the app loop and waits; for ``Server.stop()``.

    Raises:
        ServeError: If the server could not start.
    """
    streams = Streams(asgi, retry=False)
    requests = OpenRequests(streams, lambda client: server.abort(client))  # noqa: PLW0108  # made below
    server = _Uvicorn(_config_of(requests), Connections(limits))
    address, port = bound.getsockname()[:2] if bound.family != _UNIX else (bound.getsockname(), 0)
    if bound.family == _UNIX:
        host = address
    release_leftovers(bound)
    bound.lack = server.server_state.make_room
    # In an empty context, since what a request prints belongs to no cell.
    task = asyncio.get_running_loop().create_task(
        server.serve([bound]), name="modframe-server", context=Context()
    )
    task.add_done_callback(lambda ended: _close(server, bound, ended))
    try:
        await wait_for_any(task, server.accepting)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if task.done():
        _raise_ended(task, address, port)
    return Server(
        host,
        port,
        token=token,
        new_code=new_code,
        server=server,
        streams=streams,
        requests=requests,
        task=task,
        block=block,
    )


def _config_of(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=HTTP,
        ws=Websocket,
        backlog=BURST,
        log_config=None,
        access_log=False,
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )


def _raise_ended(task: asyncio.Task[None], host: str, port: int) -> None:
    error = None if task.cancelled() else task.exception()
    if isinstance(error, OSError):
        raise in_use(host, port) from error
    raise ServeError(
        f"the server on {host!r}, port {port} ended before it accepted a connection: {error!r}",
        cure="see the log; pass port=0 for another port",
        host=host,
        port=port,
    ) from error


def _close(server: _Uvicorn, bound: Listener, task: asyncio.Task[None]) -> None:
    """Close the socket once the server has ended, and log an end that nobody asked for."""
    error = None if task.cancelled() else task.exception()
    if task.cancelled() or error is not None:
        server.cut()
        if server.accepting.is_set() and not server.should_exit:
            reason = "it was cancelled" if error is None else repr(error)
            _log.error("the server died: %s", reason, exc_info=error)
    bound.close()


class _RecordedAlready(logging.Filter):
    """Leaves out of uvicorn's log the responses that broke off: the event log has their reason."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, BrokenResponseError)


# uvicorn prints what reaches it, in a kernel under whichever cell runs. One filter a process.
logging.getLogger("uvicorn.error").addFilter(_RecordedAlready())


class _Uvicorn(uvicorn.Server):
    """uvicorn's server, on a loop and in a process that it does not own."""

    server_state: Connections

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self.server_state = connections
        self.accepting = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers; uvicorn's would raise the signals again at the end."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then set ``accepting``."""
        await super().startup(sockets=sockets)
        for one in sockets or ():
            one.listen(QUEUE)  # `BURST`, which uvicorn passes on, is too short for a queue
        self.accepting.set()

    async def on_tick(self, counter: int) -> bool:
        """Close each second what its client has kept waiting; return whether the server ends."""
        if counter % _TICKS_A_SECOND == 0:
            self.server_state.close_overdue()
        return await super().on_tick(counter)

    def abort(self, client: object) -> None:
        """Drop the connection of a client, whatever it has not read."""
        for transport in self._transports():
            if transport.get_extra_info("peername", ())[:2] == client:
                transport.abort()

    def _transports(self) -> list[asyncio.Transport]:
        connections = list(self.server_state.connections)
        return [found for one in connections if (found := getattr(one, "transport", None))]

    def cut(self) -> None:
        """Stop listening and drop the remaining connections."""
        for listener in getattr(self, "servers", ()):  # there once it listened
            listener.close()
        for transport in self._transports():
            transport.abort()
