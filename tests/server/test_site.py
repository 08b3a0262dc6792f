"""`Site`: at most one server, which runs as long as its task does; seen through a real app."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import modframe
from modframe.server import ServeError


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Any]:
    """A running app without modules."""
    with modframe.start(workspace=tmp_path, data=":memory:") as app:
        yield app


def kill(app: Any, server: Any, *, by: BaseException | None = None) -> None:
    """End a server's task from outside, by cancellation or by an exception."""

    async def end() -> None:
        if by is None:
            server._task.cancel()
        else:

            async def fail(counter: int) -> bool:
                raise by

            server._server.on_tick = fail
        await asyncio.wait({server._task})

    app.run(end())


def test_the_same_server_is_given_again_and_others_are_refused(app: Any) -> None:
    """Serving is idempotent; another address while it serves is an error."""
    server = app.serve(port=0)
    assert app.serve(port=0) is server
    with pytest.raises(ServeError, match=rf"modframe serves at {server.url} already"):
        app.serve(port=server.port)
    server.stop()
    server.stop()
    assert not server.running
    assert app.url == ""
    again = app.serve(port=server.port)
    assert again.running
    assert httpx.get(f"{again.url}/health/live").status_code == 200


def test_any_host_is_warned_of_when_it_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every name passes then, and a page of another origin still changes nothing."""
    monkeypatch.setenv("MODFRAME_ALLOWED_HOSTS", "*")
    with modframe.start(workspace=tmp_path, modules=[], data=":memory:") as app:
        with caplog.at_level(logging.WARNING, "modframe.server"):
            server = app.serve(port=0)
        assert "MODFRAME_ALLOWED_HOSTS=* lets every name reach this server" in caplog.text
        with httpx.Client(base_url=server.url, headers={"Host": "shop.example"}) as http:
            assert http.get("/health/live").status_code == 200
            evil = {"Origin": "http://evil.example"}
            assert http.post("/health/live", headers=evil).status_code == 403


@pytest.mark.parametrize("by", [None, RuntimeError("no more")], ids=["cancelled", "failed"])
def test_a_server_that_died_is_gone(
    app: Any, by: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Server, site and app agree, and another server can take the port."""
    server = app.serve(port=0)
    with httpx.Client(base_url=server.url) as kept:
        assert kept.get("/health/live").status_code == 200
        with caplog.at_level(logging.ERROR, "modframe.server"):
            kill(app, server, by=by)
        with pytest.raises(httpx.TransportError):
            kept.get("/health/live")
    assert not server.running
    assert repr(server) == f"<Server {server.url}: stopped>"
    assert (app.url, app.snapshot().url) == ("", "")
    assert "the server died" in caplog.text
    server.stop()
    again = app.serve(port=server.port)
    server.stop()
    assert again is not server
    assert app.url == again.url == server.url
    assert httpx.get(f"{again.url}/health/live").status_code == 200


PACKED = """
import gzip
from fastapi import APIRouter, Response
from core.decorators import module
router = APIRouter()
@router.get("/packed")
async def packed() -> Response:
    return Response(gzip.compress(b"plain"), headers={"Content-Encoding": "gzip"})
@module
class Packed:
    pass
"""


async def test_a_client_without_a_port_unpacks_an_answer_once(app: Any) -> None:
    """A compressed body arrives as it does over a socket."""
    await asyncio.to_thread(app.load, {"api.py": PACKED}, id="packed")
    async with app.test_client() as client:
        answer = await client.get("/api/v1/packed/packed")
    assert (answer.status_code, answer.text) == (200, "plain")
