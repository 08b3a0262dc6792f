"""A save that failed is reported on the status page, in the snapshot and in a header."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from modframe.server.stale import is_local, stale_header
from tests.fakes import ORDERS, simple
from tests.watching.conftest import Saved

STREAM = """
from modframe.decorators import module
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
import asyncio

router = APIRouter()
VERSION = 1


@router.get("/version")
async def version() -> int:
    return VERSION


@router.get("/events")
async def events():
    async def beat():
        while True:
            yield f"data: {VERSION}\\n\\n"
            await asyncio.sleep(0.01)
    return StreamingResponse(beat(), media_type="text/event-stream")


@module
class Orders:
    pass
"""


@pytest.fixture
def client(saved: Saved) -> Iterator[httpx.Client]:
    """A client of the served app."""
    server = saved.app.serve(port=0)
    with httpx.Client(base_url=server.url) as client:
        yield client


def test_answers_of_a_stale_module_say_so(saved: Saved, client: httpx.Client) -> None:
    """They do so until its newest text is live; answers of other modules don't."""
    saved.save("orders", ORDERS)
    saved.save("other", ORDERS.replace("orders", "other"))
    saved.until(
        lambda: {"orders", "other"} <= {one.removeprefix("standard.") for one in saved.app.modules}
    )
    saved.until(lambda: client.get("/api/v1/other/total").status_code == 200)
    saved.until(lambda: client.get("/api/v1/orders/total").status_code == 200)
    assert "x-modframe-stale" not in client.get("/api/v1/orders/total").headers
    saved.save("orders", ORDERS + "\nraise ValueError('kaputt → ✗\\n\\nfür immer')\n")
    saved.until(lambda: saved.app.modules["orders"].error)
    answer = client.get("/api/v1/orders/total")
    assert answer.json() == {"total": 42}
    said = answer.headers["x-modframe-stale"]
    assert said.startswith("standard.orders generation 1; newer text failed: api.py, line 35: ")
    assert "kaputt ? ? für immer" in said
    assert "x-modframe-stale" not in client.get("/api/v1/other/total").headers
    assert "x-modframe-stale" in client.get("/api/v1/orders/nothing").headers
    proxy = {"X-Forwarded-For": "192.0.2.7"}
    proxied = client.get("/api/v1/orders/total", headers=proxy)
    assert "x-modframe-stale" not in proxied.headers
    assert client.get("/modframe/").status_code == 401
    token = {"Authorization": f"Bearer {saved.app.serve(port=0).token}"}
    assert "kaputt" in client.get("/modframe/", headers=token).text
    assert "x-modframe-stale" in client.get("/api/v1/orders/total", headers=token | proxy).headers
    assert "kaputt" in saved.app.snapshot().to_json()
    saved.save("orders", ORDERS)
    saved.until(lambda: not saved.app.modules["orders"].error)
    assert "x-modframe-stale" not in client.get("/api/v1/orders/total").headers


def test_a_file_that_cannot_be_read_makes_a_module_stale(
    saved: Saved, client: httpx.Client
) -> None:
    """An unreadable file counts as a newer text, and the old one answers."""
    path = saved.save("orders", ORDERS)
    saved.until(lambda: client.get("/api/v1/orders/total").status_code == 200)
    path.write_bytes(b"\xff\xfe\x00")
    saved.until(lambda: saved.app.modules["orders"].error)
    answer = client.get("/api/v1/orders/total")
    assert answer.json() == {"total": 42}
    assert "newer text failed" in answer.headers["x-modframe-stale"]


def test_what_could_not_be_activated_is_not_stale(saved: Saved, client: httpx.Client) -> None:
    """The newest text answers, and `/` shows its error."""
    saved.save(
        "orders", ORDERS + "\n    async def activate(self):\n        raise OSError('no queue')\n"
    )
    saved.until(lambda: "orders" in saved.app.modules and saved.app.modules["orders"].error)
    assert "x-modframe-stale" not in client.get("/api/v1/orders/total").headers
    token = {"Authorization": f"Bearer {saved.app.serve(port=0).token}"}
    assert "no queue" in client.get("/modframe/", headers=token).text


def test_a_local_client_hears_why_a_module_is_not_there(saved: Saved, client: httpx.Client) -> None:
    """Other clients are only told that it isn't live."""
    saved.save("orders", "1 / 0\n" + simple())
    saved.until(lambda: "orders" in saved.app.modules and saved.app.modules["orders"].error)
    answer = client.get("/api/v1/orders/x")
    assert answer.status_code == 503
    assert "ZeroDivisionError" in answer.json()["detail"]
    proxied = client.get("/api/v1/orders/x", headers={"Forwarded": "for=192.0.2.7"})
    assert "ZeroDivisionError" not in proxied.json()["detail"]


@pytest.mark.parametrize(
    ("client", "headers", "local"),
    [
        (("127.0.0.1", 5), [], True),
        (("::1", 5), [(b"host", b"localhost")], True),
        (("192.0.2.7", 5), [], False),
        (None, [], False),
        (("127.0.0.1", 5), [(b"x-forwarded-for", b"192.0.2.7")], False),
        (("127.0.0.1", 5), [(b"via", b"1.1 proxy")], False),
    ],
)
def test_who_is_local(client: object, headers: list[tuple[bytes, bytes]], local: bool) -> None:
    """A client is local if it is on this machine and does not come through a proxy."""
    assert is_local({"type": "http", "client": client, "headers": headers}) is local


def test_a_header_is_one_short_line() -> None:
    """That holds for every text of an error."""
    name, value = stale_header("standard.a", 1, "x\r\nSet-Cookie: a=b\x00" + "y" * 5000)
    assert name == b"x-modframe-stale"
    assert len(value) == 400
    assert not {b"\r"[0], b"\n"[0], 0} & set(value)


def test_an_event_stream_stays_open(saved: Saved, client: httpx.Client) -> None:
    """A stream continues over saves that go live and saves that fail, on the text it began on."""
    saved.save("orders", STREAM)
    saved.until(lambda: client.get("/api/v1/orders/version").status_code == 200)
    with (
        httpx.Client(base_url=client.base_url) as other,
        other.stream("GET", "/api/v1/orders/events") as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "data: 1"
        for number in range(2, 6):
            saved.save("orders", STREAM.replace("VERSION = 1", f"VERSION = {number}"))
            saved.until(lambda number=number: client.get("/api/v1/orders/version").json() == number)
            saved.save("orders", STREAM.replace("VERSION = 1", "VERSION ="))
            saved.until(lambda: saved.app.modules["orders"].error)
        heard = {line for _, line in zip(range(40), lines, strict=False) if line}
        assert heard == {"data: 1"}
