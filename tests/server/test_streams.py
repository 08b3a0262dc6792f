"""Open event streams and websockets over swaps: they finish, or are told to reconnect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

import modframe
from modframe.app import AppContext
from modframe.errors import DecoratorError
from modframe.server import Server
from tests import inside

PATIENCE = 60

TEXT = '''
import asyncio
from fastapi import APIRouter, WebSocket
from fastapi.responses import StreamingResponse
from modframe.decorators import module, stream_policy

router = APIRouter()
NUMBER = {number}


async def ticks(end="\\n\\n"):
    while True:
        yield f"data: {{NUMBER}}{{end}}"
        await asyncio.sleep(0.01)


@router.get("/plain")
async def plain():
    return NUMBER


@router.get("/events")
async def events():
    return StreamingResponse(ticks(), media_type="text/event-stream")


@router.get("/told")
{policy}
async def told():
    return StreamingResponse(ticks(), media_type="text/event-stream")


@router.get("/half")
{policy}
async def half():
    return StreamingResponse(ticks("\\n"), media_type="text/event-stream")


@router.get("/download")
{policy}
async def download():
    return StreamingResponse((f"{{n}}\\n" async for n in counted()), media_type="text/plain")


async def counted():
    for n in range(50):
        yield n
        await asyncio.sleep(0.01)


@router.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"{{NUMBER}} {{text}}")


@router.websocket("/echo-told")
{policy}
async def echo_told(socket: WebSocket):
    await echo(socket)


@router.websocket("/deaf")
{policy}
async def deaf(socket: WebSocket):
    await socket.accept()
    while True:
        await socket.send_text(str(NUMBER))
        await asyncio.sleep(0.01)


@module({arguments})
class Streams:
    """Has open streams."""
'''


def text(number: int, *, policy: str = '@stream_policy("reconnect")', arguments: str = "") -> str:
    """Return the module's text; it answers with a number."""
    return TEXT.format(number=number, policy=policy, arguments=arguments)


@pytest.fixture
def server(app: AppContext) -> Server:
    """The module, served."""
    app.load({"api.py": text(1)}, id="streams")
    return app.serve(port=0)


def url(server: Server, path: str) -> str:
    return f"{server.url}/api/v1/streams/{path}"


def socket(server: Server, path: str) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}/api/v1/streams/{path}")


def closed_with(web: ClientConnection) -> int:
    """Return the code that the server closes a socket with, after its remaining messages."""
    try:
        while True:
            web.recv(PATIENCE)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0


def numbers(lines: Iterator[str]) -> Iterator[int]:
    """Yield the data of each event of a stream."""
    return (json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data"))


def test_streams_finish_where_they_began(app: AppContext, server: Server) -> None:
    """By default an open stream delays no swap and continues on the old generation."""
    with (
        httpx.stream("GET", url(server, "events"), timeout=PATIENCE) as stream,
        socket(server, "echo") as web,
    ):
        events = numbers(stream.iter_lines())
        assert next(events) == 1
        web.send("a")
        assert web.recv(PATIENCE) == "1 a"
        for number in range(2, 6):
            app.load({"api.py": text(number)}, id="streams")
            assert httpx.get(url(server, "plain")).json() == number
            assert next(events) == 1
            web.send("b")
            assert web.recv(PATIENCE) == "1 b"
        retired = app.snapshot().module("standard.streams").retired
        assert [dict(one) for one in retired] == [
            {"generation": 1, "calls": 0, "streams": 2, "jobs": 0}
        ]


@pytest.mark.parametrize("where", ["route", "module"])
def test_streams_are_told_to_reconnect(app: AppContext, server: Server, where: str) -> None:
    """By policy of route or module: an event stream gets a ``retry`` and its end, a socket 1012."""
    policy = '@stream_policy("reconnect")' if where == "route" else ""
    arguments = "" if where == "route" else 'streams="reconnect"'
    app.load({"api.py": text(2, policy=policy, arguments=arguments)}, id="streams")
    with (
        httpx.stream("GET", url(server, "told"), timeout=PATIENCE) as stream,
        socket(server, "echo-told") as web,
        socket(server, "deaf") as deaf,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "data: 2"
        assert deaf.recv(PATIENCE) == "2"
        app.load({"api.py": text(3, policy=policy, arguments=arguments)}, id="streams")
        assert [line for line in lines if line][-1] == "retry: 500"
        for one in (web, deaf):
            assert closed_with(one) == 1012
    inside.settle(app)
    with httpx.stream("GET", url(server, "told"), timeout=PATIENCE) as stream:
        assert next(numbers(stream.iter_lines())) == 3
    assert app.modules["streams"].error is None
    assert not [one for one in app.snapshot().log if one.level == "ERROR"]


def test_half_an_event_is_not_completed(app: AppContext, server: Server) -> None:
    """A stream that is in the middle of an event ends without a further line."""
    with httpx.stream("GET", url(server, "half"), timeout=PATIENCE) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "data: 1"
        app.load({"api.py": text(2)}, id="streams")
        assert "retry: 500" not in list(lines)


def test_a_download_is_never_cut(app: AppContext, server: Server) -> None:
    """A streamed answer that is not an event stream arrives whole under every policy."""
    with httpx.stream("GET", url(server, "download"), timeout=PATIENCE) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "0"
        app.load({"api.py": text(2)}, id="streams")
        assert list(lines) == [str(n) for n in range(1, 50)]


def test_the_deadline_tells_every_stream(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the drain's deadline all streams are told to reconnect, and none is cut."""
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "0.2")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        app.load({"api.py": text(1)}, id="streams")
        server = app.serve(port=0)
        with (
            httpx.stream("GET", url(server, "events"), timeout=PATIENCE) as stream,
            socket(server, "echo") as web,
        ):
            app.load({"api.py": text(2)}, id="streams")
            assert list(stream.iter_lines())[-2:] == ["retry: 500", ""]
            assert closed_with(web) == 1012
        inside.settle(app)
        assert app.snapshot().module("standard.streams").unsettled == ()


def test_unloading_tells_every_stream(app: AppContext, server: Server) -> None:
    """An unload tells streams to reconnect at once, since no generation follows."""
    with httpx.stream("GET", url(server, "events"), timeout=PATIENCE) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "data: 1"
        app.modules["streams"].unload()
        assert "retry: 500" in list(lines)
    assert httpx.get(url(server, "plain")).status_code == 404


def test_a_policy_that_is_none(app: AppContext) -> None:
    """An unknown policy is refused at its line."""
    from modframe.decorators import stream_policy

    with pytest.raises(DecoratorError, match="policy is 'finish' or 'reconnect', not 'drop'"):
        stream_policy("drop")  # type: ignore[arg-type]  # what it refuses
    with pytest.raises(DecoratorError, match=r"Say it of a whole module by @module\(streams"):
        stream_policy("finish")(Path)
