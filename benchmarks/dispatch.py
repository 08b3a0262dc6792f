"""Requests a second through guard and dispatcher, over plain FastAPI, in process, as ratios.

Run `python benchmarks/dispatch.py`; nothing imports it. What is compared runs interleaved in one
process, so that a busy machine slows both. The routes cycle through the whole application.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from modframe.parts.web.application import build_web
from modframe.parts.web.part import WebPart
from modframe.runtime.generation import Generation
from modframe.server.dispatcher import Dispatcher
from modframe.server.guard import Guard
from modframe.source import Source

ROUTES = 5


class Item(BaseModel):
    """What a route answers."""

    id: int
    name: str


def make_router() -> APIRouter:
    """A module's five routes."""
    router = APIRouter()

    @router.get("/status")
    async def status() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/items")
    async def items(limit: int = 10) -> list[Item]:
        return [Item(id=limit, name="x")]

    @router.get("/items/{item_id}")
    async def item(item_id: int) -> Item:
        return Item(id=item_id, name="x")

    @router.get("/items/{item_id}/name")
    async def name(item_id: int) -> str:
        return str(item_id)

    @router.get("/count")
    async def count() -> int:
        return 1

    return router


PATHS = ("status", "items", "items/7", "items/7/name", "count")


def generation_of(name: str, web: Any) -> Generation:
    """A generation that has routes and nothing else."""
    generation = Generation(Source(name, {}, "mapping"), 1)
    generation.parts[WebPart.name] = web
    return generation


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    raise LookupError(scope["path"])


def modframe_app(modules: int) -> Any:
    """Guard and dispatcher before a number of modules."""
    generations = {
        f"standard.m{n}": generation_of(
            f"standard.m{n}", build_web(f"standard.m{n}", make_router())
        )
        for n in range(modules)
    }
    live = SimpleNamespace(generations=generations)
    return Guard(Dispatcher(live, system=_nothing, absent=lambda _: None), token="t")


def plain_app(modules: int, *, flat: bool) -> FastAPI:
    """One FastAPI application with the same routes, added one by one or by `include_router`."""
    app = FastAPI(openapi_url=None)
    for n in range(modules):
        router = make_router()
        if flat:
            for route in router.routes:
                path = f"/api/v1/m{n}{route.path}"
                app.add_api_route(path, route.endpoint, methods=list(route.methods))
        else:
            app.include_router(router, prefix=f"/api/v1/m{n}")
    return app


def scope_for(path: str) -> dict[str, Any]:
    """A request as a browser or httpx would make it."""
    headers = [
        (b"host", b"127.0.0.1:8000"),
        (b"accept", b"*/*"),
        (b"accept-encoding", b"gzip, deflate"),
        (b"connection", b"keep-alive"),
        (b"user-agent", b"benchmark"),
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def requests(app: Any, paths: Sequence[str], seconds: float) -> float:
    """Requests a second."""
    statuses: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    began, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds:
        for _ in range(50):
            await app(scope_for(paths[count % len(paths)]), _receive, send)
            count += 1
    if set(statuses) != {200}:
        raise SystemExit(f"answers other than 200: {set(statuses)}")
    return count / spent


def paths_of(modules: int) -> list[str]:
    """All paths, in an order that visits far-apart modules."""
    step = 97 if modules % 97 else 89
    order = [(n * step) % modules for n in range(modules)]
    return [f"/api/v1/m{n}/{PATHS[(n + i) % ROUTES]}" for i in range(ROUTES) for n in order]


async def compare(
    makers: dict[str, Callable[[], Any]], paths: Sequence[str], *, rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Requests a second of each, round by round, interleaved."""
    apps = {name: make() for name, make in makers.items()}
    for app in apps.values():
        await requests(app, paths, seconds / 4)
    gc.collect()
    gc.freeze()
    figures: dict[str, list[float]] = {name: [] for name in apps}
    for number in range(rounds):
        names = list(apps) if number % 2 else list(reversed(apps))
        for name in names:
            figures[name].append(await requests(apps[name], paths, seconds))
    return figures


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=0.4)
    arguments = parser.parse_args()
    print(f"{'modules':>8} {'compared with':<24} {'plain/s':>9} {'modframe/s':>11} {'ratio':>8}")
    for modules in (1, 300):
        figures = asyncio.run(
            compare(
                {
                    "modframe": lambda: modframe_app(modules),  # noqa: B023  # called at once
                    "FastAPI, flat": lambda: plain_app(modules, flat=True),  # noqa: B023
                    "FastAPI, include_router": lambda: plain_app(modules, flat=False),  # noqa: B023
                },
                paths_of(modules),
                rounds=arguments.rounds,
                seconds=arguments.seconds,
            )
        )
        own = figures.pop("modframe")
        for name, plain in figures.items():
            ratio = statistics.median(a / b for a, b in zip(own, plain, strict=True))
            print(
                f"{modules:>8} {name:<24} {statistics.median(plain):>9.0f}"
                f" {statistics.median(own):>11.0f} {ratio:>8.2f}"
            )


if __name__ == "__main__":
    main()
