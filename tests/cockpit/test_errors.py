"""Recorded failures as a front end gets them: grouped, one kind, one request, many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import modframe
from modframe import AppContext
from tests.cockpit.front import Front, block_of, blocks_of, rows_of, texts_of
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
    (row,) = rows_of(front.ask("errors", module="orders"), "Errors")
    assert (row["Count"], row["Generations"]) == (2, "1 (2)")
    assert row["Place"].startswith("api.py, line ")
    assert blocks_of(front.ask("errors"), "text")[1]["strong"] == "ValueError"
    assert block_of(front.ask("errors", module="core.settings"), "empty")["title"] == "No errors"
    kind = row["opens"]["args"]
    newest, oldest = block_of(front.ask("error_kind", **kind), "select")["options"]
    assert newest[1] >= oldest[1]
    assert "no such order" in block_of(front.ask("error_kind", **kind, failure=1), "code")["text"]
    assert "kept no more" in front.fault("error_kind", kind="nothing")["message"]
    request = answer.headers["x-correlation-id"]
    section = block_of(front.ask("errors", text=f" {request} "), "section")
    found = block_of(section, "code")["text"]
    assert "no such order" in found
    assert "modframe/runtime" not in found
    nothing = block_of(front.ask("errors", text="0" * 16), "section")
    assert "Nothing that is kept failed in it." in texts_of(nothing)
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
    assert len(rows_of(found, "Errors")) == 1000
    assert "1,100 kinds of error, the newest 1,000 are listed" in texts_of(found)
    assert rows_of(front.ask("errors", only="orders"), "Errors")[0]["Module"] == "orders"
