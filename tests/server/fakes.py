"""Stand-ins for the rooms below the server: a generation, Live, an app loop, one served site."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from fastapi import APIRouter

from modframe.parts.web.application import build_web
from modframe.parts.web.part import WebPart
from modframe.runtime.generation import Generation
from modframe.server.binding import bind
from modframe.server.dispatcher import Dispatcher
from modframe.server.guard import Guard
from modframe.server.openapi import MergedOpenAPI
from modframe.server.pages import SystemPages
from modframe.server.serving import Server, start_server
from modframe.source import Source
from modframe.view.snapshot import ModuleView


def generation_of(name: str, web: Any) -> Generation:
    """A generation that has routes and nothing else."""
    generation = Generation(Source(name, {}, "mapping"), 1)
    generation.parts[WebPart.name] = web
    return generation


def live_of(**routers: APIRouter) -> SimpleNamespace:
    """A Live of standard modules: name → router."""
    return SimpleNamespace(
        generations={
            f"standard.{name}": generation_of(
                f"standard.{name}", build_web(f"standard.{name}", router)
            )
            for name, router in routers.items()
        }
    )


def site_of(live: Any, **guard: Any) -> Guard:
    """Guard, dispatcher and pages over a Live."""
    pages = SystemPages(
        MergedOpenAPI(live),
        snapshot=lambda: [ModuleView(name, "LIVE", generation=1) for name in live.generations],
        readiness=lambda: (True, dict.fromkeys(live.generations, "LIVE")),
    )
    dispatcher = Dispatcher(live, system=pages, absent=lambda _: None, is_page=pages.has)
    return Guard(dispatcher, need=pages.need_of, **guard)


class FakeLoop:
    """A loop in a daemon thread, made as the app loop is; counts what got out of its tasks."""

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self.escaped: list[BaseException] = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while True:
            try:
                self.loop.run_forever()
                return
            except BaseException as error:
                self.escaped.append(error)

    def wait(self, begin: Callable[[], Awaitable[Any]]) -> Any:
        """Run something there and wait, at most 20 s."""

        async def go() -> Any:
            return await begin()

        return asyncio.run_coroutine_threadsafe(go(), self.loop).result(20)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


class Served:
    """The result of `served`: its address and its server."""

    def __init__(self, loop: FakeLoop, running: Server) -> None:
        self.loop = loop
        self.running = running
        self.port, self.url = running.port, running.url

    def stop(self, grace: float = 5.0) -> None:
        self.loop.wait(lambda: self.running.aclose(grace))


@contextmanager
def served(asgi: Any, **options: Any) -> Iterator[Served]:
    """An application behind a real uvicorn on a free port."""
    loop = FakeLoop()
    try:
        bound = bind("127.0.0.1", 0)
        running = loop.wait(
            lambda: start_server(asgi, bound, host="127.0.0.1", block=loop.wait, **options)
        )
        site = Served(loop, running)
        try:
            yield site
        finally:
            site.stop()
    finally:
        loop.close()
