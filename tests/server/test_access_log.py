"""The access log: a line for each request, without what a client must not leave in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import modframe
from modframe.app import AppContext
from modframe.observe import Event, parse_line
from tests.fakes import simple

ROUTES = """
from fastapi import APIRouter
router = APIRouter()

@router.get("/items/{number}")
async def item(number: int):
    return 1 / number
"""
SECRET = "tok-5uper-s3cret-value"


@pytest.fixture
def app(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppContext]:
    """Start an app that keeps an access log."""
    monkeypatch.setenv("MODFRAME_ACCESS_LOG", "1")
    with modframe.start(workspace=workspace, modules=[]) as running:
        running.load({"api.py": simple(head=ROUTES, name="Shop")}, id="shop")
        yield running


def lines(workspace: Path) -> list[Event]:
    """Return what the file has, read as lines of the log are."""
    text = (workspace / "data" / "logs" / "access.log").read_text("utf-8")
    events = [parse_line(line) for line in text.splitlines()]
    return [event for event in events if event is not None]


def test_each_request_is_a_line(app: AppContext, workspace: Path) -> None:
    """It has correlation id, module, generation, route, status and duration; a stop writes it."""
    server = app.serve(port=0, token=SECRET)
    url = f"{server.url}/api/v1/shop"
    for path in ("items/1", "items/0"):
        httpx.get(
            f"{url}/{path}?token={SECRET}&password=x1y2z3", headers={"X-Correlation-ID": "42"}
        )
    httpx.get(f"{url}/none/{SECRET}?password=x1y2z3")
    httpx.get(f"{url}/a%0d%0a2026-11-30T10:00:00.000Z INFO forged")
    app.stop()
    text = (workspace / "data" / "logs" / "access.log").read_text("utf-8")
    assert SECRET not in text
    assert "x1y2z3" not in text
    events = lines(workspace)
    assert [(event.message, event.fields["status"]) for event in events[:2]] == [
        ("GET /api/v1/shop/items/{number}", 200),
        ("GET /api/v1/shop/items/{number}", 500),
    ]
    assert events[2].message.startswith("GET /api/v1/shop/none/")
    assert len(events) == len(text.splitlines()) == 4
    for event in events:
        assert event.module_id == "standard.shop"
        assert event.fields["generation"] == 1
        assert event.fields["ms"] > 0
    assert events[0].fields["correlation_id"] == "42"
    [failed] = [one for one in app.snapshot().log if one.level == "ERROR"]
    assert failed.correlation_id == "42"


async def test_without_the_setting_there_is_no_file(workspace: Path) -> None:
    """The access log is off by default."""
    with modframe.start(workspace=workspace, modules=[]) as app:
        async with app.test_client() as http:
            await http.get("/health/live")
    assert not (workspace / "data" / "logs" / "access.log").exists()


def test_without_a_folder_it_is_said(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An access log that nobody could read is not silently left out."""
    monkeypatch.setenv("MODFRAME_ACCESS_LOG", "1")
    with modframe.start(workspace=workspace, data=":memory:", modules=[]) as app:
        assert any("MODFRAME_ACCESS_LOG" in one.message for one in app.snapshot().log)
