"""`create_app()` under callers that have no lifespan."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

import modframe
from modframe.app import current_app
from tests.fakes import ORDERS


def test_requests_start_the_app_once_on_each_loop(workspace: Path) -> None:
    """Without a lifespan the first request starts it; its loop's end stops it; another may follow."""
    folder = workspace / "modules" / "standard" / "orders"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(ORDERS)
    asgi = modframe.create_app(workspace=workspace, data=":memory:")

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answers = await asyncio.gather(*(client.get("/api/v1/orders/total") for _ in range(5)))
        return [one.status_code for one in answers]

    for _ in range(2):
        assert asyncio.run(ask()) == [200] * 5
        assert current_app() is None
