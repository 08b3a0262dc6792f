"""The dispatcher: paths to generations, what is absent, counting, lifespan."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from modframe.errors import ModuleExitError
from modframe.parts.web.application import build_web
from modframe.server.dispatcher import Dispatcher
from modframe.server.guard import HOLDER_KEY
from tests.server.fakes import generation_of, live_of


def router_saying(word: str) -> APIRouter:
    router = APIRouter()

    @router.get("/say")
    async def say() -> str:
        return word

    return router


async def system(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"system"})


def client(
    live: Any, absent: Any = lambda _: None, *, holder: bool = False, **options: Any
) -> httpx.AsyncClient:
    """A client of a dispatcher, maybe that of a ``holder`` of the token."""
    pages = ("/", "/docs")
    dispatcher = Dispatcher(live, system=system, absent=absent, is_page=pages.__contains__)

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        await dispatcher({**scope, HOLDER_KEY: holder}, receive, send)

    transport = httpx.ASGITransport(guarded, raise_app_exceptions=False, **options)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def test_paths_lead_to_their_modules() -> None:
    """Each type has its prefix; a page is the system's, and nothing is anywhere else."""
    names = ("standard.orders", "core.orders", "extensions.orders")
    live = SimpleNamespace(
        generations={
            name: generation_of(name, build_web(name, router_saying(name))) for name in names
        }
    )
    async with client(live) as http:
        for prefix, name in zip(("", "core/", "extensions/"), names, strict=True):
            assert (await http.get(f"/api/v1/{prefix}orders/say")).json() == name
        for path in ("/", "/docs"):
            assert (await http.get(path)).text == "system"
        for path in ("/api", "/api/v2/orders/say", "/API/v1/orders/say"):
            assert (await http.get(path)).json()["detail"].startswith(f"Nothing is live at {path}")
    async with client(live, root_path="/proxy") as http:
        assert (await http.get("/proxy/api/v1/orders/say")).json() == "standard.orders"


async def test_publishing_switches_the_next_request() -> None:
    """A request that began stays on its generation, the next is on the new one."""
    inside, go_on = asyncio.Event(), asyncio.Event()
    router = APIRouter()

    @router.get("/say")
    async def say() -> str:
        inside.set()
        await go_on.wait()
        return "old"

    live = live_of(orders=router)
    old = live.generations["standard.orders"]
    async with client(live) as http:
        first = asyncio.create_task(http.get("/api/v1/orders/say"))
        await inside.wait()
        assert old.in_flight == 1
        live.generations = live_of(orders=router_saying("new")).generations
        assert (await http.get("/api/v1/orders/say")).json() == "new"
        go_on.set()
        assert (await first).json() == "old"
    assert old.in_flight == 0


async def test_what_is_not_there_is_named() -> None:
    """A known module that isn't live is 503 with its state, an unknown one 404 with a hint.

    Why it isn't live is for holders of the token.
    """

    def absent(module_id: str) -> tuple[str, str] | None:
        return ("FAILED", "no such table") if module_id == "standard.broken" else None

    live = live_of(orders=router_saying("x"))
    live.generations["standard.bare"] = generation_of("standard.bare", None)
    async with client(live, absent, holder=True) as http:
        told = await http.get("/api/v1/broken/say")
    async with client(live, absent) as http:
        broken = await http.get("/api/v1/broken/say")
        unknown = await http.get("/api/v1/order/say")
        bare = await http.get("/api/v1/bare/say")
        nameless = [await http.get(path) for path in ("/api/v1/", "/api/v1/core", "/api/v1/core/")]
    assert broken.status_code == 503
    assert broken.headers["retry-after"] == "1"
    assert broken.json()["detail"] == "standard.broken is FAILED"
    assert told.json()["detail"] == "standard.broken is FAILED: no such table"
    assert broken.json()["state"] == "FAILED"
    assert unknown.status_code == 404
    assert "near it: /api/v1/orders" in unknown.json()["detail"]
    assert bare.json()["detail"] == "standard.bare is live and has no routes"
    assert [one.status_code for one in nameless] == [404, 404, 404]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
async def test_no_exit_passes_the_last_gate(kind: type[BaseException]) -> None:
    """A SystemExit of any ASGI application becomes an ordinary error."""

    async def leave(scope: Any, receive: Any, send: Any) -> None:
        raise kind

    generation = generation_of("standard.m", SimpleNamespace(asgi=leave, prefixes=("/api/v1/bad",)))
    live = SimpleNamespace(generations={"standard.bad": generation})
    dispatcher = Dispatcher(live, system=system, absent=lambda _: None)
    scope = {"type": "http", "path": "/api/v1/bad/x", "headers": []}
    with pytest.raises(ModuleExitError, match=f"standard.bad raised {kind.__name__}"):
        await dispatcher(scope, None, None)  # type: ignore[arg-type]
    assert generation.in_flight == 0


async def test_another_servers_lifespan_is_answered() -> None:
    """The app runs already, so there is nothing to wait for."""
    sent: list[Any] = []
    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(events)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    dispatcher = Dispatcher(live_of(), system=system, absent=lambda _: None)
    await dispatcher({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
