"""A generation's functions and classes die with it, after it served and was documented."""

from __future__ import annotations

import asyncio
import gc
import logging
import textwrap
import weakref
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import routing

from modframe.load import clear_typing_caches
from modframe.parts.web.application import build_web
from modframe.parts.web.forget import forget

CODE = textwrap.dedent("""
    from typing import Annotated
    from fastapi import APIRouter, Depends
    from pydantic import BaseModel

    class Item(BaseModel):
        name: str

    class Page(BaseModel):
        size: int = 1

    class Holder:
        pass

    async def held():
        yield Holder()

    router = APIRouter()

    @router.post("/items")
    async def add(item: Item, h: Annotated[Holder, Depends(held)]) -> Item:
        return item

    @router.get("/items")
    def items(page: Annotated[Page, Depends()], q: int = 1) -> list[Item]:
        return [Item(name="x")]

    @router.get("/fail")
    async def fail():
        raise ValueError("no")

    @router.get("/gen")
    def gen():
        yield {"a": 1}
""")


async def _use() -> list[weakref.ref[Any]]:
    namespace: dict[str, Any] = {"__name__": "throwaway"}
    exec(compile(CODE, "api.py", "exec"), namespace)
    web = build_web("standard.orders", namespace["router"])
    transport = httpx.ASGITransport(web.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://x/api/v1/orders") as http:
        assert (await http.post("/items", json={"name": "x"})).status_code == 200
        assert (await http.post("/items", json={"nam": "x"})).status_code == 422
        assert (await http.get("/items")).status_code == 200
        assert (await http.get("/fail")).status_code == 500
        assert (await http.get("/gen")).status_code == 200
    web.openapi()
    names = ("Item", "Page", "Holder", "add", "items", "fail", "held", "gen")
    return [weakref.ref(namespace[name]) for name in names] + [weakref.ref(web)]


@pytest.fixture
def unlogged() -> Iterator[None]:
    """pytest keeps log records, and through their tracebacks everything; so there are none."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("unlogged")
async def test_nothing_of_a_dropped_application_stays() -> None:
    """Endpoints, dependencies, models and other classes are gone after what settling does."""
    places = dict(routing._endpoint_context_cache)
    refs = await _use()
    forget()
    clear_typing_caches()
    for _ in range(5):  # a collected async generator is closed by the loop, and then goes itself
        gc.collect()
        await asyncio.sleep(0)
    assert [ref() for ref in refs if ref() is not None] == []
    assert set(routing._endpoint_context_cache) <= set(places)


async def test_what_lives_goes_on_after_forget() -> None:
    """Forgetting while another application serves changes nothing for it."""
    namespace: dict[str, Any] = {"__name__": "kept"}
    exec(compile(CODE, "api.py", "exec"), namespace)
    web = build_web("standard.kept", namespace["router"])
    transport = httpx.ASGITransport(web.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://x/api/v1/kept") as http:
        await http.get("/items")
        forget()
        assert (await http.get("/items")).json() == [{"name": "x"}]
