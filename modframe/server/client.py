"""Clients into the ASGI application without a port: each request crosses to the app loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx

from ..parts.web.problem import ASGIApp
from ..runtime.calls.call import Call
from ..runtime.loop import AppLoop


def test_client(asgi: ASGIApp, app_loop: AppLoop) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` for tests and forms; usable on any loop."""
    return httpx.AsyncClient(transport=_Crossing(asgi, app_loop), base_url="http://localhost")


test_client.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test


class _Crossing(httpx.AsyncBaseTransport):
    """Answers on the app loop, whichever loop asks."""

    def __init__(self, asgi: ASGIApp, app_loop: AppLoop) -> None:
        self._inner = httpx.ASGITransport(asgi, raise_app_exceptions=False)
        self._app_loop = app_loop

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()

        async def answer() -> httpx.Response:
            return await _answer(self._inner, request, body)

        if self._app_loop.here:
            return await answer()
        return await Call(self._app_loop, answer, f"{request.method} {request.url.path}")


Wait = Callable[[Callable[[], Awaitable[httpx.Response]]], httpx.Response]
"""Runs something on the app loop and waits for it on this thread."""


def sync_client(asgi: ASGIApp, wait: Wait) -> httpx.Client:
    """An `httpx.Client` for code that can't await; not usable on the app loop."""
    return httpx.Client(transport=_Waiting(asgi, wait), base_url="http://localhost")


class _Waiting(httpx.BaseTransport):
    """Answers on the app loop, while the thread that asks waits."""

    def __init__(self, asgi: ASGIApp, wait: Wait) -> None:
        self._inner = httpx.ASGITransport(asgi, raise_app_exceptions=False)
        self._wait = wait

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        return self._wait(lambda: _answer(self._inner, request, body))


async def _answer(
    inner: httpx.ASGITransport, request: httpx.Request, body: bytes
) -> httpx.Response:
    """The whole answer to a request, its body read."""
    crossed = httpx.Request(request.method, request.url, headers=request.headers, content=body)
    response = await inner.handle_async_request(crossed)
    await response.aread()
    return httpx.Response(response.status_code, headers=response.headers, content=response.content)
