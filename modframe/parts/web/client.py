"""httpx clients that call an ASGI application without a port; each request runs on the app loop.

In go the application and the app loop. `app.test_client()`, the `client` fixture of module tests
and the request forms of the widgets use them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx

from ...runtime.calls.call import Call
from ...runtime.loop.app_loop import AppLoop
from .problem import ASGIApp

_BASE_URL = "http://localhost"
Wait = Callable[[Callable[[], Awaitable[httpx.Response]]], httpx.Response]
"""Runs a coroutine function on the app loop and waits on the calling thread."""


def async_client(asgi: ASGIApp, app_loop: AppLoop, *, prefix: str = "") -> httpx.AsyncClient:
    """Return a client for async code on any loop, the app loop included.

    The paths of its requests stand below ``prefix``.
    """
    transport = _AppLoopTransport(asgi, app_loop, wait=app_loop.wait)
    return httpx.AsyncClient(transport=transport, base_url=_BASE_URL + prefix)


def sync_client(asgi: ASGIApp, app_loop: AppLoop, *, wait: Wait, prefix: str = "") -> httpx.Client:
    """Return a client for code that can't await; it must not be used on the app loop."""
    transport = _AppLoopTransport(asgi, app_loop, wait=wait)
    return httpx.Client(transport=transport, base_url=_BASE_URL + prefix)


class _AppLoopTransport(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """Lets the application answer on the app loop, whichever thread or loop asks."""

    def __init__(self, asgi: ASGIApp, app_loop: AppLoop, *, wait: Wait) -> None:
        self._inner = httpx.ASGITransport(asgi, raise_app_exceptions=False)
        self._app_loop = app_loop
        self._wait = wait

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if self._app_loop.here:
            return await self._answer(request)
        label = f"{request.method} {request.url.path}"
        return await Call(self._app_loop, lambda: self._answer(request), label)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self._wait(lambda: self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        """Return the answer with its whole body, so that nothing of it is left on the app loop."""
        crossed = httpx.Request(
            request.method, request.url, headers=request.headers, content=request.content
        )
        response = await self._inner.handle_async_request(crossed)
        body = b"".join([chunk async for chunk in response.aiter_raw()])
        return httpx.Response(response.status_code, headers=response.headers, content=body)
