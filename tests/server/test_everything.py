"""Everything that FastAPI can do in a router goes on through a swap, row by row.

Each row sends a request, changes the module while it is in flight, and sends it again: the first
answer is the old one, whole; the second is the new one; nothing is recorded as an error.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.server.everything import DOOR, NEIGHBOUR, module_files
from tests.waiting import wait_for

PATIENCE = 60
HELD = {"x-hold": "yes"}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a router can do."""

    what: str
    method: str
    path: str
    expected: Callable[[int], Any]
    sent: dict[str, Any]
    status: int
    read: Callable[[httpx.Response], Any]


def row(
    what: str,
    request: str,
    expected: Callable[[int], Any],
    *,
    status: int = 200,
    read: Callable[[httpx.Response], Any] = httpx.Response.json,
    **sent: Any,
) -> Row:
    """Return a row; ``request`` is method and path, ``sent`` what httpx sends."""
    method, path = request.split()
    return Row(what, method, path, expected, sent, status, read)


def text(answer: httpx.Response) -> str:
    return answer.text


def header(name: str) -> Callable[[httpx.Response], Any]:
    return lambda answer: answer.headers.get(name)


FILE = {"file": ("a.txt", b"12345", "text/plain")}
ROWS = [
    row("a form", "POST /form", lambda n: [n, "Ada", 7], data={"name": "Ada", "age": "7"}),
    row(
        "a form as a model",
        "POST /form-model",
        lambda n: [n, "Ada", ["a", "b"]],
        data={"name": "Ada", "tags": ["a", "b"]},
    ),
    row("a form by hand", "POST /raw-form", lambda n: [n, "Ada"], data={"name": "Ada"}),
    row(
        "a form that lacks a field",
        "POST /form",
        lambda n: "missing",
        status=422,
        data={},
        read=lambda answer: answer.json()["errors"][0]["type"],
    ),
    row("a file as bytes", "POST /bytes", lambda n: [n, 5], files=FILE),
    row(
        "an upload",
        "POST /upload",
        lambda n: [n, "a.txt", "text/plain", 5, "x"],
        files=FILE,
        data={"note": "x"},
    ),
    row(
        "several uploads",
        "POST /uploads",
        lambda n: [n, "a", "b"],
        files=[("files", ("a", b"1")), ("files", ("b", b"2"))],
    ),
    row("the bytes of a body", "POST /streamed-upload", lambda n: [n, 3], content=b"abc"),
    row(
        "a body", "POST /body", lambda n: [n, "Ada", 1], json={"sent": {"name": "Ada"}, "extra": 1}
    ),
    row(
        "models of query, header and cookie",
        "GET /models",
        lambda n: [n, "Ada", ["a", "b"], "t", "s"],
        params={"name": "Ada", "tags": ["a", "b"]},
        headers={"x-trace": "t"},
        cookies={"seat": "s"},
    ),
    row("a path in a path", "GET /files/a/b?wait=1", lambda n: [n, "a/b", True]),
    row("a response model", "GET /response-model", lambda n: {"number": n}),
    row("a Result", "GET /result", lambda n: [n]),
    row("a route that is no coroutine", "GET /sync", lambda n: [n]),
    row("HTML", "GET /html", lambda n: f"<p>{n}</p>", read=text),
    row("status and header", "GET /status", str, status=202, read=header("x-number")),
    row(
        "an HTTPException",
        "GET /refused",
        lambda n: [n],
        status=409,
        read=lambda answer: answer.json()["detail"],
    ),
    row(
        "a request that doesn't fit",
        "GET /checked?size=0",
        lambda n: {"ge": n},
        status=422,
        read=lambda answer: answer.json()["errors"][0]["ctx"],
    ),
    row(
        "a cookie",
        "GET /set-cookie",
        lambda n: f"seat=s{n}; HttpOnly; Path=/; SameSite=lax",
        read=header("set-cookie"),
    ),
    row(
        "a redirect with url_for",
        "GET /redirect",
        lambda n: f"/api/v1/everything/files/at/{n}",
        status=307,
        read=lambda answer: httpx.URL(answer.headers["location"]).path,
    ),
    row("a file", "GET /file", lambda n: f"file {n}", read=text),
    row(
        "a part of a file",
        "GET /file",
        lambda n: f"{n}",
        status=206,
        read=text,
        headers={"range": "bytes=5-"},
    ),
    row("HEAD", "HEAD /only-head", str, read=header("x-number")),
    row("OPTIONS", "OPTIONS /only-options", lambda n: [n]),
    *[
        row(f"{method} of many", f"{method} /many", lambda n, method=method: [n, method])
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    ],
    row("request.state", "GET /state", lambda n: [n]),
    row("a class as a dependency", "GET /page?size=3", lambda n: [n, 3]),
    row("another module's function", "GET /neighbour?name=Ada", lambda n: [n, "hello Ada"]),
    row("another module's service", "GET /service", lambda n: [n, "neighbour"]),
    row(
        "OAuth2's form",
        "POST /token",
        lambda n: f"Ada-{n}",
        data={"username": "Ada", "password": "p", "grant_type": "password"},
        read=lambda answer: answer.json()["access_token"],
    ),
    row("OAuth2", "GET /oauth2", lambda n: [n, "t"], headers={"authorization": "Bearer t"}),
    row(
        "OAuth2 without a token",
        "GET /oauth2",
        lambda n: "Bearer",
        status=401,
        read=header("www-authenticate"),
    ),
    row("an API key", "GET /key", lambda n: [n, "k"], headers={"x-key": "k"}),
    row("HTTP Basic", "GET /basic", lambda n: [n, "Ada"], auth=("Ada", "p")),
    row("a route class", "GET /inner/stamped", str, read=header("x-stamp")),
    row("a router in a router", "GET /inner/deepest/plain", lambda n: f"plain {n}", read=text),
    row("Starlette's route", "GET /starlette", lambda n: f"starlette {n}", read=text),
    row("add_route", "GET /added", lambda n: f"starlette {n}", read=text),
    row("add_api_route", "GET /added-api", lambda n: [n]),
    row("a mounted application", "GET /sub/number", lambda n: [n, "/api/v1/everything/sub/number"]),
    row("its middleware", "GET /sub/number", str, read=header("x-signed")),
    row("its exception handler", "GET /sub/odd", lambda n: f"odd {n}", status=418, read=text),
    row("its uploads", "POST /sub/upload", lambda n: [n, "a.txt"], files=FILE),
    row(
        "its documents",
        "GET /sub/openapi.json",
        lambda n: "Below",
        read=lambda answer: answer.json()["info"]["title"],
    ),
    row("its page", "GET /sub/docs", lambda n: True, read=lambda answer: "Below" in answer.text),
    row("a front end", "GET /front/same.txt", lambda n: "the same", read=text),
    row(
        "its pages",
        "GET /front/any/page",
        lambda n: "the page",
        read=text,
        headers={"accept": "text/html"},
    ),
    row("static files", "GET /static/same.txt", lambda n: "the same", read=text),
]
UNHELD = {"OAuth2 without a token", "its documents", "its page", "static files"}
"""Rows that are answered before or without the dependency that holds a request."""


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
