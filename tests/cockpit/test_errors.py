"""Recorded failures as a front end gets them: grouped, one kind, one request, many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import modframe
from modframe import AppContext
from tests.cockpit.front import Front
from tests.fakes import ORDERS


@pytest.fixture
def app(workspace: Path) -> Iterator[AppContext]:
    """Start an app that keeps its log."""
    with modframe.start(workspace=workspace, data=workspace / "data") as running:
        yield running


async def test_errors_are_grouped_and_found_by_their_request(app: AppContext, front: Front) -> None:
    """A kind has its numbers and generations; a correlation id leads to the traceback."""
    texts = {"api.py": ORDERS.replace("total(2)", "boom()")}
    app.load(texts, id="orders")
    async with app.test_client() as http:
        for _ in range(2):
            answer = await http.get("/api/v1/orders/total")
    assert answer.status_code == 500
    (group,) = front.ask("errors", module="orders")["groups"]
    assert (group["count"], group["generations"]) == (2, {"1": 2})
    assert (group["type"], group["place"].partition(",")[0]) == ("ValueError", "api.py")
    assert front.ask("errors", module="core.settings")["groups"] == []
    newest, oldest = front.ask("error_group", fingerprint=group["fingerprint"])
    assert newest["time"] >= oldest["time"]
    request = answer.headers["x-correlation-id"]
    (found,) = front.ask("request_errors", correlation_id=request)
    assert "no such order" in found["traceback"]
    assert "modframe/runtime" not in found["traceback"]
    assert front.ask("request_errors", correlation_id="nothing") == []
    assert "no time" in front.fault("errors", since="yesterdayish")["message"]


def test_a_thousand_kinds_are_listed(app: AppContext, front: Front) -> None:
    """More kinds than are listed are counted."""
    line = {"time": "2026-11-25T10:00:00Z", "module_id": "standard.orders", "message": "bad\nworse"}
    lines = [
        json.dumps({**line, "type": "ValueError", "fingerprint": f"{n:x}"}) for n in range(1100)
    ]
    file = Path(app.snapshot().data, "logs", "errors.jsonl")
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join([*lines, ""]))
    found = front.ask("errors")
    assert (len(found["groups"]), found["total"]) == (1000, 1100)
