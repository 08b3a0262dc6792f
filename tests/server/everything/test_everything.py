"""Everything that FastAPI can do in a router goes on through a swap, row by row.

Each row sends a request, changes the module while it is in flight, and sends it again: the first
answer is the old one, whole; the second is the new one; nothing is recorded as an error.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.server.everything.door import DOOR
from tests.server.everything.module import NEIGHBOUR, module_files
from tests.server.everything.rows import ROWS, UNHELD, Row
from tests.waiting import wait_for

PATIENCE = 60
HELD = {"x-hold": "yes"}


class Served:
    """The module, served, and changed by its number."""

    def __init__(self, app: AppContext, folder: Path) -> None:
        self.app, self.folder, self.number = app, folder, 0
        app.load({"api.py": NEIGHBOUR}, id="neighbour")
        self.swap()
        self.server = app.serve(port=0)
        self.url = f"{self.server.url}/api/v1/everything"
        self.socket_url = self.url.replace("http", "ws", 1)

    def swap(self) -> int:
        """Change the module; return its new number."""
        self.number += 1
        self.app.load(module_files(self.number, self.folder), id="everything")
        return self.number

    async def held(self, count: int) -> None:
        """Wait until that many requests wait at the door."""
        await asyncio.to_thread(wait_for, lambda: len(DOOR.held) == count)

    def begun(self) -> None:
        """Wait until a request is in flight."""
        wait_for(lambda: self.app.snapshot().module("standard.everything").in_flight)

    async def ask(self, one: Row, **headers: str) -> Any:
        """Send the request of a row; return what is compared of its answer."""
        sent = {**one.sent, "headers": {**one.sent.get("headers", {}), **headers}}
        cookies = sent.pop("cookies", None)
        async with self.client(cookies=cookies) as client:
            answer = await client.request(one.method, one.path, **sent)
        assert answer.status_code == one.status, answer.text
        return one.read(answer)

    def client(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, verify=False, **options)


@pytest.fixture
def served(app: AppContext, tmp_path: Path) -> Iterator[Served]:
    DOOR.held.clear()
    DOOR.seen.clear()
    yield Served(app, tmp_path)
    DOOR.open()
    inside.settle(app)
    assert [line for line in app.snapshot().log if line.level == "ERROR"] == []


STREAMS = [
    ("a streamed answer", "/stream", lambda n: [f"{n} a", f"{n} b"]),
    (
        "lines of JSON",
        "/lines",
        lambda n: [f'{{"number":{n},"name":"{n} {word}"}}' for word in "ab"],
    ),
    (
        "server-sent events",
        "/events",
        lambda n: [line for word in "ab" for line in ("event: word", f'data: "{n} {word}"')],
    ),
]


async def test_every_row(served: Served, subtests: pytest.Subtests) -> None:
    """The requests in flight get the old answer, the next ones the new."""
    held = [one for one in ROWS if one.what not in UNHELD]
    waiting = {
        one.what: asyncio.create_task(served.ask(one, **HELD if one in held else {}))
        for one in ROWS
    }
    await served.held(len(held))
    served.swap()
    assert not [one.what for one in held if waiting[one.what].done()]
    DOOR.open()
    for one in ROWS:
        with subtests.test(one.what):
            assert await waiting[one.what] == one.expected(1)
            assert await served.ask(one) == one.expected(2)


async def test_streams(served: Served, subtests: pytest.Subtests) -> None:
    """A stream that is open goes on where it began, to its end; the next one is the new one's."""

    async def read(client: httpx.AsyncClient, path: str) -> list[str]:
        async with client.stream("GET", path) as answer:
            return [line async for line in answer.aiter_lines() if line]

    async with served.client() as client:
        for number in (1, 2):
            waiting = {path: asyncio.create_task(read(client, path)) for _, path, _ in STREAMS}
            await served.held(len(STREAMS))
            served.swap()
            DOOR.open()
            for what, path, expected in STREAMS:
                with subtests.test(what, number=number):
                    assert await waiting[path] == expected(number)


async def test_an_upload_that_is_half_sent(served: Served, subtests: pytest.Subtests) -> None:
    """What is sent before and after a swap arrives as one at the old routes."""
    half, whole = asyncio.Event(), asyncio.Event()
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'

    async def sent(*parts: bytes) -> AsyncIterator[bytes]:
        yield parts[0]
        half.set()
        await whole.wait()
        yield parts[1]

    multipart = {"content-type": "multipart/form-data; boundary=x"}
    async with served.client() as client:
        for what, path, parts, headers, expected in (
            ("a stream", "/streamed-upload", (b"a" * 70_000, b"b"), {}, [70_001]),
            (
                "a file",
                "/upload",
                (head + b"a" * 70_000, b"b\r\n--x--\r\n"),
                multipart,
                ["a.txt", None, 70_001, ""],
            ),
        ):
            with subtests.test(what):
                half.clear()
                whole.clear()
                before = served.number
                answer = asyncio.create_task(
                    client.post(path, content=sent(*parts), headers=headers)
                )
                await half.wait()
                await asyncio.to_thread(served.begun)
                served.swap()
                whole.set()
                assert (await answer).json() == [before, *expected]


async def test_websockets(served: Served) -> None:
    """Open sockets go on talking to the routes that they began on; new ones reach the new ones."""
    room = f"{served.socket_url}/socket-json/4?name=Ada"
    async with connect(f"{served.socket_url}/socket?name=me") as text, connect(room) as json_socket:
        for word in ("before", "after"):
            await text.send(word)
            assert await text.recv() == f"1 me {word}"
            await json_socket.send(json.dumps({"word": word}))
            assert json.loads(await json_socket.recv()) == [1, 4, "hello Ada", {"word": word}]
            if word == "before":
                served.swap()
    async with connect(f"{served.socket_url}/socket") as text:
        await text.send("x")
        assert await text.recv() == "2 you x"


async def test_what_ends_later_ends_where_it_began(served: Served) -> None:
    """Cleanups of dependencies and background tasks run on the generation of their request."""
    async with served.client() as client:
        for number in (1, 2):
            DOOR.seen.clear()
            answer = asyncio.create_task(client.get("/yield"))
            background = asyncio.create_task(client.get("/background"))
            await served.held(2)
            assert (await background).json() == [number]
            assert DOOR.seen == [f"opened {number}"]
            served.swap()
            DOOR.open()
            assert (await answer).json() == [number]
            await asyncio.to_thread(wait_for, lambda: len(DOOR.seen) == 4)
            ended = [f"background {number}", f"closed {number}", f"left {number}"]
            assert sorted(DOOR.seen[1:]) == ended


def test_a_mounted_lifespan_is_named(app: AppContext) -> None:
    """Nobody enters it, and the module's findings say so at its line."""
    text = NEIGHBOUR.replace(
        "@module",
        """from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def warm(app):
    yield

router.mount("/sub", FastAPI(lifespan=warm))

@module""",
    )
    module = app.load({"api.py": text}, id="neighbour")
    [finding] = [one for one in module.findings if one.rule == "mounted-lifespan"]
    assert "'warm' of what is mounted at '/sub'" in finding.message
    assert "async def warm" in text.splitlines()[finding.line]


async def test_a_fault_of_a_mounted_application(app: AppContext) -> None:
    """Its client gets 500, and it is recorded once, at its line."""
    text = NEIGHBOUR.replace(
        "@module",
        """from fastapi import FastAPI

sub = FastAPI()

@sub.get("/broken")
async def broken():
    raise ValueError("no such thing")

router.mount("/sub", sub)

@module""",
    )
    app.load({"api.py": text}, id="neighbour")
    async with app.test_client() as client:
        answer = await client.get("/api/v1/neighbour/sub/broken")
    assert (answer.status_code, "no such thing" in answer.text) == (500, False)
    [line] = [line for line in app.snapshot().log if line.level == "ERROR"]
    assert "GET /api/v1/neighbour/sub/broken failed with ValueError: no such thing" in line.message


def test_forms_without_their_package(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """The load says in one line which package is missing."""
    for name in ("python_multipart", "multipart"):
        monkeypatch.setitem(sys.modules, name, None)
    text = NEIGHBOUR.replace("Request\n", "Form, Request\n").replace(
        "@module", "@router.post('/form')\nasync def form(name: str = Form()): ...\n\n@module"
    )
    with pytest.raises(LoadError) as info:
        app.load({"api.py": text}, id="neighbour")
    assert str(info.value).splitlines() == [
        "standard.neighbour: api.py, line 13: forms and uploads are read by the package "
        "python-multipart, which isn't installed. Install it (pip install python-multipart)."
    ]
