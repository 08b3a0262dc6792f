"""Two hundred swaps under clients of every kind: nothing fails, no answer mixes two versions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from modframe.app import AppContext
from tests import inside

from .versioned import CALLER, Seen, noted, texts

SWAPS = 200
PATIENCE = 60
REOPENED_AFTER = 5
"""Items of a stream, or messages of a socket, after which its client opens another."""


class Clients:
    """Sixteen clients, each asking without a pause until told to stop."""

    def __init__(self, app: AppContext, url: str) -> None:
        self.app, self.url = app, url
        self.seen = Seen()
        self.over = False

    async def run(self, swaps: Callable[[], None]) -> None:
        """Ask while ``swaps`` runs in a thread; each client then finishes what it began."""
        async with httpx.AsyncClient(
            base_url=f"{self.url}/api/v1/versioned", timeout=PATIENCE
        ) as http:
            kinds: list[tuple[str, Callable[[str], Awaitable[None]]]] = [
                *[(f"async {n}", self._asks(http, "GET", "/async")) for n in range(2)],
                *[(f"sync {n}", self._asks(http, "GET", "/sync")) for n in range(4)],
                *[(f"own service {n}", self._asks(http, "GET", "/own-service")) for n in range(2)],
                *[(f"background {n}", self._asks(http, "POST", "/background")) for n in range(2)],
                ("handle, from another module", self._on_the_loop),
                *[(f"handle, from thread {n}", self._from_a_thread) for n in range(2)],
                ("handle, awaited", self._awaited),
                ("stream", self._streams(http)),
                ("socket", self._socket),
            ]
            assert len(kinds) == 16
            clients = [asyncio.ensure_future(client(name)) for name, client in kinds]
            try:
                await asyncio.to_thread(swaps)
            finally:
                self.over = True
                await asyncio.wait_for(asyncio.gather(*clients), PATIENCE)

    def _asks(
        self, http: httpx.AsyncClient, method: str, path: str
    ) -> Callable[[str], Awaitable[None]]:
        async def ask(name: str) -> None:
            while not self.over:
                with self._noting(name):
                    answer = await http.request(method, path)
                    self.seen.add(name, answer.raise_for_status().json())

        return ask

    async def _on_the_loop(self, name: str) -> None:
        caller = self.app.get_service("caller")
        while not self.over:
            with self._noting(name):
                self.seen.add(name, await caller.ask())

    async def _awaited(self, name: str) -> None:
        versioned = self.app.get_service("versioned")
        while not self.over:
            with self._noting(name):
                self.seen.add(name, await versioned.answer())

    async def _from_a_thread(self, name: str) -> None:
        def call() -> None:
            while not self.over:
                with self._noting(name):
                    self.seen.add(name, self.app.get_service("versioned").answer().result(PATIENCE))

        thread = threading.Thread(target=call)
        thread.start()
        await asyncio.to_thread(thread.join)

    def _streams(self, http: httpx.AsyncClient) -> Callable[[str], Awaitable[None]]:
        async def streams(name: str) -> None:
            while not self.over:
                with self._noting(name):
                    async with http.stream("GET", "/stream") as answer:
                        await self._one_generation(name, _items(answer))

        return streams

    async def _socket(self, name: str) -> None:
        url = f"{self.url.replace('http', 'ws')}/api/v1/versioned/socket"
        while not self.over:
            with self._noting(name):
                async with connect(url, proxy=None) as socket:

                    async def answers() -> AsyncIterator[Any]:
                        while True:
                            await socket.send("?")
                            yield json.loads(await socket.recv())

                    await self._one_generation(name, answers())

    async def _one_generation(self, name: str, answers: AsyncIterator[Any]) -> None:
        """Take the answers of one stream or socket, which all come from one generation."""
        first: Any = None
        for _ in range(REOPENED_AFTER):
            answer = await anext(answers)
            first = first or answer
            if answer != first:
                self.seen.fail(name, f"began on {first} and went on with {answer}")
            self.seen.add(name, answer)

    @contextlib.contextmanager
    def _noting(self, name: str) -> Any:
        try:
            yield
        except Exception as error:
            self.seen.fail(name, error)


async def _items(answer: httpx.Response) -> AsyncIterator[Any]:
    async for line in answer.raise_for_status().aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


@pytest.mark.soak
def test_swaps_under_load_fail_nobody_and_tear_no_answer(app: AppContext) -> None:
    """Every request, call, stream, socket and background task sees one version only."""
    with noted() as background:
        app.load([("versioned", texts(1)), ("caller", {"api.py": CALLER})])
        clients = Clients(app, app.serve(port=0).url)
        fresh = app.get_service("versioned")
        stale: list[Any] = []

        def swaps() -> None:
            for version in range(2, SWAPS + 2):
                app.load(texts(version), id="versioned")
                answer = fresh.answer().result(PATIENCE)
                if tuple(answer) != (version,) * 3:
                    stale.append((version, answer))
                clients.seen.wait(f"sync {version % 4}", version, timeout=PATIENCE)

        asyncio.run(clients.run(swaps))
        inside.settle(app)
        assert clients.seen.faults == []
        assert stale == []
        assert [note for note in background if note[1] != (note[0],) * 3] == []
        assert app.modules["versioned"].generation == SWAPS + 1
        assert app.modules["caller"].generation == 1
        few = {name: clients.seen.versions(name) for name in clients.seen.answers}
        assert len(few) == 16
        assert min(few.values()) > 10, few
        assert len(background) > SWAPS / 4
        assert app.stop().unsettled == ()
