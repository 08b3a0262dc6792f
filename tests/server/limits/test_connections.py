"""Connections: how many, and those whose clients say nothing, or say it slowly."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator

import httpx
import pytest
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from websockets.sync.client import connect

from modframe.server.binding import bind
from modframe.server.limits import Limits
from tests.server.fakes import Served, live_of, served, site_of
from tests.server.test_serving import routes
from tests.waiting import wait_for


def large() -> APIRouter:
    router = routes()

    @router.post("/body")
    async def body(request: Request) -> int:
        return len(await request.body())

    @router.get("/large")
    async def large() -> StreamingResponse:
        return StreamingResponse(iter([b"x" * 1_000_000] * 30))

    return router


@contextlib.contextmanager
def limited(**limits: float) -> Iterator[Served]:
    site = site_of(live_of(some=large()))
    with served(site, limits=Limits(**limits)) as running:  # type: ignore[arg-type]
        yield running


@contextlib.contextmanager
def clients(site: Served, number: int, say: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open connections that say something, and then nothing more."""
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(number):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", site.port), 20))
            one.sendall(say)
            made.append(one)
        yield made


def is_well(site: Served) -> bool:
    try:
        return httpx.get(f"{site.url}/health/live").status_code == 200
    except httpx.TransportError:
        return False


def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(65536) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


HEAD = b"POST /api/v1/some/body HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "say", [b"", HEAD, HEAD + b"Content-Length: 900\r\n\r\nx"], ids=["nothing", "head", "body"]
)
def test_the_oldest_idle_connections_make_room(site: Served, say: bytes) -> None:
    """Whatever they have said of a request, one that is whole is answered."""
    with clients(site, 30, say) as idle:
        assert httpx.get(f"{site.url}/health/live").status_code == 200
        wait_for(lambda: sum(map(is_closed, idle)) >= 10)
        assert not is_closed(idle[-1])


@pytest.fixture
def site() -> Iterator[Served]:
    with limited(max_connections=20, client_timeout=0) as running:
        yield running


def test_clients_that_read_nothing_make_room(site: Served) -> None:
    """An answer that nobody takes keeps no one else out."""
    ask = b"GET /api/v1/some/large HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with clients(site, 25, ask):
        wait_for(lambda: is_well(site))  # once the system takes no more for them


def test_connections_at_work_stay(site: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Where all are at work, the new one is closed, which is logged once."""
    with contextlib.ExitStack() as stack:
        address = f"ws://127.0.0.1:{site.port}/api/v1/some/echo"
        working = [stack.enter_context(connect(address)) for _ in range(20)]
        for _ in range(3):
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                httpx.get(f"{site.url}/health/live")
        for one in working:
            one.send("still here")
            assert one.recv(10) == "still here"
    wait_for(lambda: is_well(site))
    (warning,) = [one.getMessage() for one in caplog.records if "no more fit" in one.getMessage()]
    assert "each new one is closed" in warning
    assert "MODFRAME_MAX_CONNECTIONS" in warning


def test_a_client_that_sends_no_request_is_closed() -> None:
    """One that says nothing, or half of a head; one with a request in time stays."""
    with (
        limited(client_timeout=0.5) as site,
        clients(site, 1, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n") as (whole,),
        clients(site, 1) as (silent,),
        clients(site, 1, HEAD) as (half,),
    ):
        assert whole.recv(100).startswith(b"HTTP/1.1 200")
        assert silent.recv(1) == b""
        assert half.recv(1) == b""


def test_no_descriptor_for_a_connection_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next try says that nobody waits, so that asyncio's loop ends and waits for a second."""
    lacked = []
    with bind("127.0.0.1", 0) as listener:
        listener.lack = lambda: lacked.append(1)
        listener.listen()
        with socket.create_connection(listener.getsockname()):
            with monkeypatch.context() as patched:
                patched.setattr(socket.socket, "_accept", refuse_descriptor, raising=True)
                with pytest.raises(OSError, match="Too many open files"):
                    listener.accept()
                with pytest.raises(BlockingIOError):
                    listener.accept()
            assert lacked == [1]
            accepted, _ = listener.accept()
            accepted.close()


def refuse_descriptor(_: socket.socket) -> None:
    raise OSError(errno.EMFILE, "Too many open files")
