"""What fails in module code is found under the id that the answer names, and looks as in a cell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest

import modframe
from modframe.app import AppContext

SHOP = dedent(
    '''
    from fastapi import APIRouter
    from fastapi.responses import StreamingResponse
    from core.app_context import app_context
    from core.logging import get_framework_logger
    from modframe.decorators import module

    router = APIRouter()


    @router.get("/total")
    async def total() -> int:
        get_framework_logger("shop").info("adding up")
        return add(["tea", 3])


    @router.get("/blocking")
    def blocking() -> int:
        return add([None])


    @router.get("/wrong")
    async def wrong() -> list[int]:
        return "no list"


    @router.get("/half")
    async def half() -> StreamingResponse:
        async def parts():
            yield "one"
            raise ValueError("two")

        return StreamingResponse(parts())


    def add(prices: list) -> int:
        return sum(prices)


    @module
    class Shop:
        """Sells."""
    '''
).lstrip()
PRICES_LINE = SHOP.splitlines().index("    return sum(prices)") + 1


@pytest.fixture
def shop(workspace: Path) -> Iterator[AppContext]:
    """A shop that keeps its log."""
    with modframe.start(workspace=workspace) as app:
        app.load({"api.py": SHOP}, id="shop")
        yield app


def errors(folder: Path) -> list[dict[str, Any]]:
    """Return what stands in errors.jsonl."""
    path = folder / "data/logs/errors.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("path", ["total", "blocking"])
def test_a_routes_exception_is_found_under_the_id_of_the_answer(
    shop: AppContext, workspace: Path, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The log, the errors, the snapshot and the shell have it, and no console."""
    server = shop.serve(port=0)
    answer = httpx.get(f"{server.url}/api/v1/shop/{path}")
    correlation = answer.json()["correlation_id"]
    assert answer.status_code == 500
    assert correlation in answer.json()["detail"]
    [line] = [line for line in shop.snapshot().log if line.level == "ERROR"]
    assert (line.module_id, line.correlation_id) == ("standard.shop", correlation)
    assert line.message.startswith(f"GET /api/v1/shop/{path} failed with TypeError: unsupported")
    shop.stop()
    [entry] = errors(workspace)
    assert entry["module_id"] == "standard.shop"
    assert entry["correlation_id"] == correlation
    assert entry["generation"] == 1
    assert entry["place"] == f"api.py, line {PRICES_LINE}"
    assert entry["type"] == "TypeError"
    assert entry["fingerprint"]
    assert entry["time"].endswith("Z")
    for frame in ("starlette", "fastapi", "anyio", "modframe/"):
        assert frame not in entry["traceback"]
    assert "return sum(prices)" in entry["traceback"]
    assert "TypeError" not in "".join(capfd.readouterr())
