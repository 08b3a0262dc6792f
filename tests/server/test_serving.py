"""The server itself, over real sockets: binding, starting, stopping, streams, websockets, exits."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, WebSocket
from fastapi.responses import StreamingResponse
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from modframe.server import ServeError, Server, bind, check_token
from modframe.server.binding import Listener
from modframe.server.serving import start_server
from tests.server.fakes import FakeLoop, live_of, served, site_of


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/one")
    async def one() -> int:
        return 1

    @router.get("/exit")
    async def leave() -> None:
        raise SystemExit(3)

    @router.get("/interrupt")
    def interrupt() -> None:
        raise KeyboardInterrupt

    @router.get("/half")
    async def half() -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "one"
            raise ValueError("two")

        return StreamingResponse(parts())

    @router.websocket("/echo")
    async def echo(web: WebSocket) -> None:
        await web.accept()
        while True:
            await web.send_text(await web.receive_text())

    @router.websocket("/fail")
    async def fail(web: WebSocket) -> None:
        await web.accept()
        raise SystemExit("the password is hunter2")

    return router


# -- binding -----------------------------------------------------------------------------------


def test_a_busy_port_is_named_with_its_holder() -> None:
    """The error comes before anything is loaded, and names port, host, holder and cure."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServeError, match=rf"port {port} on '127.0.0.1' is in use") as info:
            bind("127.0.0.1", port)
    assert "port=0" in str(info.value)
    assert f"pid {os.getpid()} (" in str(info.value)
    assert info.value.port == port  # type: ignore[attr-defined]


def test_a_port_that_is_bound_and_not_yet_listened_on_is_busy() -> None:
    """Two servers that load before they listen can't both get the port."""
    with bind("127.0.0.1", 0) as first:
        with pytest.raises(ServeError, match="is in use"):
            bind("127.0.0.1", first.getsockname()[1])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(first.getsockname())


def test_a_bad_address_is_refused_with_a_cure() -> None:
    """The error for a foreign address or a port out of range says what to pass."""
    with pytest.raises(ServeError, match="an address of this machine"):
        bind("192.0.2.1", 0)
    with pytest.raises(ServeError, match="a port up to 65535"):
        bind("127.0.0.1", 70000)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6_loopback() -> None:
    """A server can bind `::1`, and its URL has brackets."""
    with bind("::1", 0) as bound:
        assert bound.family == socket.AF_INET6
    assert server_at("::1").url == "http://[::1]:8000"


def test_an_open_address_needs_a_token() -> None:
    """On loopback the app's own is enough; any other address needs one that can't be guessed."""
    assert check_token("localhost", None) == ""
    assert check_token("0.0.0.0", "mine" * 4) == "mine" * 4
    with pytest.raises(ServeError, match=r"15 characters, and can be guessed.*openssl rand"):
        check_token("localhost", "m" * 15)
    with pytest.raises(ServeError, match=r"'0.0.0.0' is not a loopback address.*token="):
        check_token("0.0.0.0", None)


def server_at(host: str) -> Server:
    """Return a `Server` on port 8000 that serves nothing."""
    fakes: Any = dict.fromkeys(("server", "streams", "requests", "task", "block", "new_code"))
    return Server(host, 8000, token="secret", **fakes)


# -- serving -----------------------------------------------------------------------------------


def test_requests_pages_and_exits() -> None:
    """One server answers modules, pages and documents, and survives what handlers raise."""
    with served(site_of(live_of(m=routes()))) as site:
        with httpx.Client(base_url=site.url) as http:
            assert http.get("/api/v1/m/one").json() == 1
            for path in ("/api/v1/m/exit", "/api/v1/m/interrupt"):
                answer = http.get(path)
                assert answer.status_code == 500
                assert answer.headers["content-type"] == "application/problem+json"
            assert http.get("/health/ready").json()["status"] == "ready"
            assert "/api/v1/m/one" in http.get("/openapi.json").json()["paths"]
            assert http.get("/one", headers={"host": "evil.com"}).status_code == 403
            assert "server" not in http.get("/").headers
            assert http.get("/api/v1/m/one").json() == 1
        assert site.loop.escaped == []


def test_a_response_that_broke_off_ends_the_connection() -> None:
    """The client sees that the answer is not whole."""
    with served(site_of(live_of(m=routes()))) as site, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{site.url}/api/v1/m/half")


def test_websockets() -> None:
    """A module's websocket works; a fault closes it with 1011; unknown and foreign are refused."""
    with served(site_of(live_of(m=routes()))) as site:
        base = f"ws://127.0.0.1:{site.port}/api/v1"
        with connect(f"{base}/m/echo") as web:
            web.send("hi")
            assert web.recv() == "hi"
        with connect(f"{base}/m/fail") as web, pytest.raises(ConnectionClosed) as info:
            web.recv()
        assert info.value.rcvd is not None
        assert info.value.rcvd.code == 1011
        assert "hunter2" not in info.value.rcvd.reason
        for path, origin, status in (
            ("/nobody/echo", None, 404),
            ("/m/nowhere", None, 403),
            ("/m/echo", "http://evil.com", 403),
        ):
            with pytest.raises(InvalidStatus) as refused:
                connect(f"{base}{path}", origin=origin)
            assert refused.value.response.status_code == status
        assert site.loop.escaped == []


def test_stopping_with_open_streams_and_sockets() -> None:
    """An event stream ends as a whole answer, a websocket with 1012, and the port is free."""
    router = routes()
    cancelled = threading.Event()

    @router.get("/events")
    async def events() -> StreamingResponse:
        async def forever() -> AsyncIterator[str]:
            try:
                yield "data: 1\n\n"
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        return StreamingResponse(forever(), media_type="text/event-stream")

    live = live_of(m=router)
    with served(site_of(live)) as site:
        with connect(f"ws://127.0.0.1:{site.port}/api/v1/m/echo") as web:
            with httpx.stream("GET", f"{site.url}/api/v1/m/events") as stream:
                chunks = stream.iter_text()
                assert next(chunks) == "data: 1\n\n"
                # Far longer than the test may take: the stream must not need the grace.
                site.stop(grace=300)
                assert "".join(chunks) == ""
            with pytest.raises(ConnectionClosed) as info:
                web.recv()
        assert info.value.rcvd is not None
        assert info.value.rcvd.code == 1012
        assert cancelled.is_set()
        assert live.generations["standard.m"].in_flight == 0
        bind("127.0.0.1", site.port).close()
        site.stop()


def test_a_request_that_hangs_is_cancelled_after_the_grace() -> None:
    """A stop ends within its bound."""
    inside, cancelled = threading.Event(), threading.Event()
    router = APIRouter()

    @router.get("/hang")
    async def hang() -> None:
        inside.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    live = live_of(m=router)
    with served(site_of(live)) as site:
        failed: list[BaseException] = []

        def ask() -> None:
            try:
                httpx.get(f"{site.url}/api/v1/m/hang", timeout=30)
            except httpx.HTTPError as error:
                failed.append(error)

        client = threading.Thread(target=ask)
        client.start()
        assert inside.wait(10)
        site.stop(grace=0.1)
        client.join(10)
        assert cancelled.is_set()
        assert live.generations["standard.m"].in_flight == 0


def test_a_request_in_time_finishes_while_stopping() -> None:
    """An ordinary request gets its whole answer during the grace period."""
    inside, go_on = threading.Event(), threading.Event()
    router = APIRouter()

    @router.get("/slow")
    def slow() -> str:
        inside.set()
        go_on.wait(20)
        return "whole"

    with served(site_of(live_of(m=router))) as site:
        answers: list[Any] = []
        client = threading.Thread(
            target=lambda: answers.append(httpx.get(f"{site.url}/api/v1/m/slow").json())
        )
        client.start()
        assert inside.wait(10)
        stopping = asyncio.run_coroutine_threadsafe(site.running.aclose(60), site.loop.loop)
        go_on.set()
        stopping.result(20)
        client.join(10)
        assert answers == ["whole"]


def test_the_server_runs_in_an_empty_context() -> None:
    """Requests do not see the context variables of the cell that began to serve."""
    cell: contextvars.ContextVar[str] = contextvars.ContextVar("cell", default="none")
    router = APIRouter()

    @router.get("/cell")
    async def which() -> str:
        return cell.get()

    loop = FakeLoop()
    try:
        bound = bind("127.0.0.1", 0)
        port = bound.getsockname()[1]
        cell.set("In[3]")
        site = site_of(live_of(m=router))
        running = loop.wait(lambda: start_server(site, bound, host="", block=loop.wait))
        assert httpx.get(f"http://127.0.0.1:{port}/api/v1/m/cell").json() == "none"
        running.stop()
    finally:
        loop.close()


async def test_a_socket_that_can_not_listen_is_an_error() -> None:
    """An error before the server listens reaches the caller."""
    bound = bind("127.0.0.1", 0)
    duplicate = Listener(fileno=os.dup(bound.fileno()))
    port = bound.getsockname()[1]
    bound.close()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(ServeError, match=f"port {port} on '127.0.0.1' is in use"):
            await start_server(site_of(live_of()), duplicate, host="", block=asyncio.run)
    assert duplicate.fileno() == -1


def test_no_logging_is_set_up_and_no_signal_taken(caplog: pytest.LogCaptureFixture) -> None:
    """The server uses the logging that is set up, changes no level and writes no access lines."""
    import signal

    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    root = list(logging.getLogger().handlers)
    with served(site_of(live_of(m=routes()))) as site, caplog.at_level(logging.INFO):
        httpx.get(f"{site.url}/api/v1/m/one")
        assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert logging.getLogger().handlers == root
    assert logging.getLogger("uvicorn").handlers == []
    lines = [record.getMessage() for record in caplog.records if record.name[:7] == "uvicorn"]
    assert not any("/api/v1/m/one" in line for line in lines)


def test_server_for_people() -> None:
    """The repr is one line, the HTML a link, and a second stop does nothing."""
    with served(site_of(live_of()), token="secret") as site:
        server = site.running
        assert repr(server) == f"<Server {site.url}: running>"
        assert f'href="{site.url}/docs"' in server._repr_html_()
        assert "secret" not in repr(server) + server._repr_html_()
        server.stop()
        server.stop()
        assert repr(server) == f"<Server {site.url}: stopped>"
    assert server_at("0.0.0.0").url == "http://127.0.0.1:8000"
