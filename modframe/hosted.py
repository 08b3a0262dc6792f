"""The app on another loop: under ``modframe serve``, and as `create_app` under any server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from pathlib import Path
from typing import Any

from .app import close_engine, open_engine
from .config import StartOptions
from .engine import Engine
from .errors import StartError
from .runtime.loop import AppLoop


@asynccontextmanager
async def hosted(options: StartOptions, *, strict: bool = False) -> AsyncIterator[Engine]:
    """Run the process's app on the running loop: load all modules, yield its engine, stop all.

    Args:
        options: What the app is started with.
        strict: Whether a module that fails is an error.

    Raises:
        StartConflictError: If an app runs in this process.
        StartError: Under ``strict``, after a full stop.
    """
    engine = open_engine(AppLoop.adopt, options)
    try:
        await engine.start(options.modules)
        if strict and (errors := engine.records.errors()):
            raise StartError(errors)
        yield engine
    finally:
        await engine.stop()
        close_engine(engine)


class HostedApp:
    """An ASGI application that starts modframe with the server's lifespan and stops it with it.

    A server that has no lifespan, or an application it is mounted in, starts it with the first
    request.
    """

    def __init__(self, options: StartOptions, *, strict: bool) -> None:
        self._options = options
        self._strict = strict
        self._forget(None)

    def _forget(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Begin anew on a loop: one that ended took what ran on it along."""
        self._loop = loop
        self._over = asyncio.Event()
        self._ready: asyncio.Future[Any]
        self._life: asyncio.Task[None] | None = None
        self._asgi: Any = None
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection, or one lifespan."""
        if self._loop is not (loop := asyncio.get_running_loop()):
            self._forget(loop)
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if self._asgi is None:
            await self._begin()
        await self._asgi(scope, receive, send)

    async def _begin(self) -> None:
        async with self._lock:
            if self._asgi is None:
                if self._life is None or self._life.done():
                    self._ready = asyncio.get_running_loop().create_future()
                    self._life = asyncio.create_task(self._live(self._ready), context=Context())
                self._asgi = await asyncio.shield(self._ready)

    async def _live(self, ready: asyncio.Future[Any]) -> None:
        """The app's life, in a task of its own: a loop that ends cancels it, and so stops it."""
        try:
            async with hosted(self._options, strict=self._strict) as engine:
                token = os.environ.get("MODFRAME_TOKEN", "")
                ready.set_result(engine.site.asgi.with_token(token, required=bool(token)))
                await self._over.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        try:
            await self._begin()
        except Exception as error:  # noqa: BLE001  # the protocol's way to say it; the server logs it and exits
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def aclose(self) -> None:
        """Stop everything; for whoever calls it without a lifespan, on the same loop."""
        self._over.set()
        if self._life is not None:
            await self._life
        self._forget(self._loop)

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
    """An ASGI application for any ASGI server; the arguments are those of `modframe.start`.

    A ``MODFRAME_TOKEN`` in the environment is then needed for every request.
    """
    return HostedApp(StartOptions(workspace, modules, data, settings), strict=strict)
