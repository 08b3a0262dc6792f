"""The app on another loop: under ``modframe serve``, and as `create_app` under any server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from pathlib import Path
from typing import Any

from .app import AppContext, begin, forget
from .errors import StartError
from .runtime.loop import AppLoop


@asynccontextmanager
async def hosted(given: Mapping[str, Any], *, strict: bool = False) -> AsyncIterator[AppContext]:
    """Run the app on the running loop, from all loaded to all stopped.

    Args:
        given: ``workspace``, ``modules``, ``data`` and ``settings``, as `modframe.start` has them.
        strict: Whether a module that fails is an error.

    Raises:
        StartConflictError: If an app runs in this process.
        StartError: Under ``strict``, after a full stop.
    """
    app = begin(AppLoop.adopt(), given)
    try:
        await app._engine.start(given["modules"])
        if strict and (errors := app._errors()):
            raise StartError(errors)
        yield app
    finally:
        await app._engine.stop()
        app._app_loop.close()
        forget(app)


class HostedApp:
    """An ASGI application that starts modframe with the server's lifespan and stops it with it.

    A server that has no lifespan, or an application it is mounted in, starts it with the first
    request.
    """

    def __init__(self, given: Mapping[str, Any], *, strict: bool) -> None:
        self._given = dict(given)
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
            async with hosted(self._given, strict=self._strict) as app:
                token = os.environ.get("MODFRAME_TOKEN", "")
                ready.set_result(app.asgi.with_token(token, required=bool(token)))
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
    given = {"workspace": workspace, "modules": modules, "data": data, "settings": settings}
    return HostedApp(given, strict=strict)
