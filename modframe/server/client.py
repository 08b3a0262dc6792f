"""A client into the ASGI application without a port: each request crosses to the app loop."""

from __future__ import annotations

import httpx

from ..parts.web.problem import ASGIApp
from ..runtime.call import Call
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
            inner = httpx.Request(
                request.method, request.url, headers=request.headers, content=body
            )
            response = await self._inner.handle_async_request(inner)
            await response.aread()
            return httpx.Response(
                response.status_code, headers=response.headers, content=response.content
            )

        if self._app_loop.here:
            return await answer()
        return await Call(self._app_loop, answer, f"{request.method} {request.url.path}")
