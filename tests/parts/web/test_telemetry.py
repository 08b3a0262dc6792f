"""What the sub-application does in FastAPI's place, by private names: here it shows if they change.

A failure here means that FastAPI was upgraded: read `FastAPI.__call__` and its middleware again,
and let `_mounted` do the same.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request

from modframe.parts.web import application
from modframe.parts.web.application import build_web


def test_fastapi_still_says_whether_it_reports() -> None:
    """The private name that is asked is there, and answers no where nothing was set up."""
    native: Any = getattr(FastAPI(), "_native_telemetry", None)
    assert native is not None, "FastAPI._native_telemetry is gone: every request takes the slow way"
    assert native.enabled() is False
    assert application._PROBE is not None
    assert application._telemetry_in_use() is False


async def test_a_handler_finds_what_it_finds_behind_the_application(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request's scope has the same entries by either way, the private ones included."""
    router = APIRouter()

    @router.get("/scope")
    async def scope(request: Request) -> list[str]:
        return sorted(key for key in request.scope if not key.startswith("modframe."))

    transport = httpx.ASGITransport(build_web("standard.orders", router).asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        short = (await http.get("/api/v1/orders/scope")).json()
        monkeypatch.setattr(application, "_telemetry_in_use", lambda: True)
        whole = (await http.get("/api/v1/orders/scope")).json()
    assert short == whole
    assert {"app", "fastapi_middleware_astack", "starlette.exception_handlers"} <= set(whole)
