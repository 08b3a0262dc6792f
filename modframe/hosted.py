"""The app on another loop: under ``modframe serve``, and as `create_app` under any server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
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
        self._stack = AsyncExitStack()
        self._asgi: Any = None
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection, or one lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if self._asgi is None:
            await self._begin()
        await self._asgi(scope, receive, send)

    async def _begin(self) -> None:
        async with self._lock:
            if self._asgi is None:
                context = hosted(self._given, strict=self._strict)
                app = await self._stack.enter_async_context(context)
                token = os.environ.get("MODFRAME_TOKEN", "")
                self._asgi = app.asgi.with_token(token, required=bool(token))

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
        await self._stack.aclose()
        self._asgi = None

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
