"""The app on the loop of a server: `hosted` for ``modframe serve``, `create_app` for any other.

In come the options of a start; out comes the `Engine` that runs on the loop, or an ASGI application
that starts one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from contextvars import Context
from pathlib import Path
from typing import Any

from .arguments import FLAG, check_arguments
from .config import StartOptions
from .engine import Engine
from .errors import StartError
from .process import close_engine, open_engine, print_failures
from .runtime.loop.app_loop import AppLoop
from .server.surroundings import Surroundings
from .server.tokens import token_in_environment
from .server.workers import sole_worker
from .surrounded import Surrounded


@asynccontextmanager
async def hosted(
    options: StartOptions,
    *,
    strict: bool = False,
    opened: Callable[[Engine], object] = lambda _: None,
) -> AsyncIterator[Engine]:
    """Run the process's app on the running loop: load all modules, yield its engine, stop all.

    ``opened`` is called with the engine before it loads anything.

    Raises:
        StartConflictError: If an app runs in this process.
        StartError: Under ``strict``, after a full stop.
        SurroundingsError: If what the workspace declares can't stand around the modules.
    """
    engine = open_engine(AppLoop.adopt, options)
    engine.databases.follow_revisions_in = engine.modules_folder
    try:
        opened(engine)
        engine.surroundings  # noqa: B018  # a fault of what it declares is known before it loads
        await engine.start(options.modules)
        if strict and (errors := engine.start_errors()):
            raise StartError(errors)
        yield engine
    finally:
        close_engine(engine, await engine.stop())


class HostedApp(Surrounded):
    """An ASGI application that starts modframe with the server's lifespan and stops it with it.

    A server that has no lifespan, or an application it is mounted in, starts it with the first
    request.
    """

    def __init__(self, options: StartOptions, *, strict: bool) -> None:
        self._options = options
        self._around = Surroundings()
        self._strict = strict
        self._reset(None)

    @property
    def surroundings(self) -> Surroundings:
        """What stands around all modules, beside what the workspace declares."""
        return self._around

    def _take_surroundings(self, engine: Engine) -> None:
        """Add what was said of this application to what the workspace declares.

        From then on the verbs change what is served.
        """
        engine.surroundings.include(self._around)
        self._around = engine.surroundings

    def _reset(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Reset everything that belongs to a loop; what ran on an ended one is gone."""
        self._loop = loop
        self._stopping = asyncio.Event()
        self._ready: asyncio.Future[Any]
        self._task: asyncio.Task[None] | None = None
        self._asgi: Any = None
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection, or one lifespan."""
        if self._loop is not (loop := asyncio.get_running_loop()):
            self._reset(loop)
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if self._asgi is None:
            await self._ensure_started()
        await self._asgi(scope, receive, send)

    async def _ensure_started(self) -> None:
        async with self._lock:
            if self._asgi is None:
                if self._task is None or self._task.done():
                    self._ready = asyncio.get_running_loop().create_future()
                    self._task = asyncio.create_task(self._run(self._ready), context=Context())
                self._asgi = await asyncio.shield(self._ready)

    async def _run(self, ready: asyncio.Future[Any]) -> None:
        """Run the app until `aclose`, in a task of its own: a loop that ends cancels the task."""
        held = ExitStack()

        def opened(engine: Engine) -> None:
            held.enter_context(sole_worker(engine.data))
            self._take_surroundings(engine)

        try:
            with held:
                async with hosted(self._options, strict=self._strict, opened=opened) as engine:
                    print_failures(engine)
                    token = token_in_environment()
                    await engine.site.enter()
                    ready.set_result(engine.site.for_server(token))
                    await self._stopping.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        try:
            await self._ensure_started()
        except Exception as error:  # noqa: BLE001  # the protocol's way to say it; the server logs it and exits
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def aclose(self) -> None:
        """Stop everything; for callers without a lifespan, on the same loop."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        self._reset(self._loop)

    def __repr__(self) -> str:
        return f"<modframe, as an ASGI application: {'running' if self._asgi else 'not started'}>"


def create_app(
    workspace: str | Path | None = None,
    modules: Sequence[str] | None = None,
    data: str | Path | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    strict: bool = False,
) -> HostedApp:
    """Return an ASGI application for any ASGI server; the arguments are those of `modframe.start`.

    If ``MODFRAME_TOKEN`` is set in the environment, every request needs that token, but those to
    public modules. Without it, connections to an address that other machines reach get public
    modules, static files and probes alone.
    """
    check_arguments("create_app()", strict=(strict, FLAG))
    return HostedApp(StartOptions(workspace, modules, data, settings), strict=strict)
