"""Bodies of requests: how large they may be, for a route and in general, and how slow."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Form, Request, UploadFile

from modframe.server.bodies import BodyLimit
from modframe.server.limits import Limits
from tests.server.fakes import Served, live_of, served, site_of


def routes() -> APIRouter:
    router = APIRouter()

    @router.post("/json")
    async def as_json(body: dict[str, Any]) -> int:
        return len(body)

    @router.post("/raw")
    async def raw(request: Request) -> int:
        return sum([len(part) async for part in request.stream()])

    @router.post("/large", max_body_size=100_000)
    async def large(file: UploadFile) -> int:
        return len(await file.read())

    @router.post("/small", max_body_size=10)
    async def small(name: str = Form()) -> str:
        return name

    @router.post("/unread")
    async def unread() -> str:
        return "nobody looked at it"

    return router


@pytest.fixture(scope="module")
def site() -> Iterator[Served]:
    """A server that takes 1,000 bytes, within a second."""
    inner = site_of(live_of(files=routes()))
    limits = Limits(max_body=1000, client_timeout=1)
    with served(BodyLimit(inner, limits), limits=limits) as running:
        yield running


def post(site: Served, path: str, **options: Any) -> httpx.Response:
    return httpx.post(f"{site.url}/api/v1/files/{path}", timeout=20, **options)


def endless() -> Iterator[bytes]:
    for _ in range(2000):
        yield b"x" * 1000


@pytest.mark.parametrize("content", [b"x" * 50_000, endless()], ids=["announced", "chunked"])
def test_a_body_that_is_too_large_is_answered_with_413(site: Served, content: Any) -> None:
    """Also where its length is not announced; the answer is a problem like all others."""
    answer = post(site, "raw", content=content)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "at most 1000 are taken" in answer.json()["detail"]
    assert answer.json()["title"]
    assert post(site, "raw", content=b"x" * 1000).json() == 1000


def test_a_model_and_a_form_are_limited_like_a_stream(site: Served) -> None:
    """FastAPI doesn't make a 400 or 422 of it."""
    assert post(site, "json", json={"text": "x" * 2000}).status_code == 413
    assert post(site, "large", files={"file": b"x" * 120_000}).status_code == 413


def test_a_route_says_otherwise(site: Served) -> None:
    """FastAPI's ``max_body_size`` goes beyond the setting, and below it."""
    assert post(site, "large", files={"file": b"x" * 90_000}).json() == 90_000
    assert post(site, "small", data={"name": "a"}).json() == "a"
    answer = post(site, "small", data={"name": "a" * 20})
    assert answer.status_code == 413
    assert "at most 10 are taken" in answer.json()["detail"]


def test_a_route_that_reads_no_body_answers_as_ever(site: Served) -> None:
    """What it did is done, so its answer is the truth."""
    assert post(site, "unread", content=b"x" * 5000).json() == "nobody looked at it"


def test_413_comes_before_a_byte_of_an_announced_body(site: Served) -> None:
    """A client that waits for a sign sends nothing."""
    head = "POST /api/v1/files/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000000\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as client:
        client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_client_reads_413_while_it_sends(site: Served) -> None:
    """The connection is not reset under what it still has to say."""
    head = "POST /api/v1/files/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as client:
        client.sendall(head.encode() + b"x" * 3_000_000)
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_stops_arriving_is_answered_with_408(site: Served) -> None:
    """The handler ends as well: its client gets 408, and the connection closes."""
    head = "POST /api/v1/files/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as client:
        client.sendall(head.encode() + b"x" * 300)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"arrived too slowly: 300 bytes" in answer
