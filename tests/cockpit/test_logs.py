"""The log in the cockpit: the newest lines come by themselves, older ones page by page."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe import AppContext
from tests.cockpit.conftest import TOKEN
from tests.cockpit.front import Front

LINES = 1200
LOGGER = logging.getLogger("modframe.modules.standard.shop")


@pytest.fixture(params=[True, False], ids=["files", "memory"])
def app(workspace: Path, request: pytest.FixtureRequest) -> Iterator[AppContext]:
    """Start an app, with a data folder or without one, that has logged more than a view is told."""
    data = workspace / "data" if request.param else ":memory:"
    with modframe.start(workspace=workspace, data=data) as running:
        for number in range(LINES):
            log = LOGGER.warning if number % 100 == 0 else LOGGER.info
            log('line "%d" of the shop', number, extra={"correlation_id": f"request-{number}"})
        running.serve(port=0, token=TOKEN)
        yield running


def older(front: Front, **wanted: Any) -> dict[str, Any]:
    """Ask for lines before those that the view was told, as its tab does."""
    first = front.log[0]["time"]
    known = [one for one in front.log if one["time"] == first]
    return dict(front.ask("logs", before=first, same=len(known), **wanted))


def numbers(lines: list[dict[str, Any]]) -> list[int]:
    return [
        int(one["message"].split('"')[1]) for one in lines if one["message"].startswith("line ")
    ]


def test_a_view_is_told_the_newest_and_asks_for_older_ones(app: AppContext) -> None:
    """No line is missing between two pages and none comes twice; filters choose among all lines."""
    with Front(app.url, token=TOKEN) as front:
        assert len(front.log) == 500
        told = numbers(front.log)
        page = older(front, most=300)
        assert page["more"]
        assert numbers(page["lines"]) == list(range(told[0] - 300, told[0]))
        everything = older(front, most=20_000)
        assert not everything["more"]
        assert numbers([*everything["lines"], *front.log]) == list(range(LINES))

        # A filter's own lines count as known, as in the tab.
        before = front.log[-1]["time"]
        found = front.ask("logs", before=before, module="shop", level="WARNING")["lines"]
        assert numbers(found) == list(range(0, LINES, 100))
        for text in ("REQUEST-7", "request-7"):
            found = front.ask("logs", before=before, text=text)["lines"]
            assert numbers(found) == [7, *range(70, 80), *range(700, 800)]
        found = front.ask("logs", before=before, text='"31" of the')["lines"]
        assert numbers(found) == [31]
        assert front.ask("logs", before=before, text="nothing like it") == {
            "lines": [],
            "more": False,
        }


def test_what_is_no_time_is_refused(app: AppContext) -> None:
    with Front(app.url, token=TOKEN) as front:
        assert "before" in front.fault("logs", before="soon")["message"]
        assert "most" in front.fault("logs", before=front.log[0]["time"], most=1_000_000)["message"]


def test_long_and_broken_fields_are_cut_and_said(app: AppContext) -> None:
    """A line of megabytes costs a view some thousand characters; a broken field is described."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    class Odd:
        def __str__(self) -> Any:
            return 3  # noqa: PLE0307

    with Front(app.url, token=TOKEN) as front:
        size = sum(len(json.dumps(one)) for one in front.news)
        fields = {"big": "x" * 2_000_000, "broken": Broken(), "odd": Odd(), "many": [1] * 5000}
        LOGGER.info("y" * 2_000_000, extra=fields)
        line = front.wait_for(
            lambda: next((one for one in front.log if "big" in one.get("fields", {})), None)
        )
        assert line["message"].endswith("… and 1,992,000 more characters")
        assert line["fields"]["big"].endswith("… and 1,992,000 more characters")
        assert line["fields"]["broken"] == "<Broken that can't be shown: RuntimeError>"
        assert line["fields"]["odd"] == "<Odd that can't be shown: TypeError>"
        assert line["fields"]["many"][-1] == "… 4,900 more"
        assert sum(len(json.dumps(one)) for one in front.news) - size < 50_000


@pytest.mark.soak
def test_a_hundred_thousand_lines(workspace: Path) -> None:
    """The first message is as small as ever, and a search reaches the oldest line."""
    with modframe.start(workspace=workspace, data=workspace / "data") as running:
        for number in range(100_000):
            LOGGER.info("line %d", number)
        running.serve(port=0, token=TOKEN)
        with Front(running.url, token=TOKEN) as front:
            assert len(front.log) == 500
            assert len(json.dumps(front.news[0])) < 150_000
            found = front.ask("logs", before=front.log[-1]["time"], text="line 77", most=2000)
            found = found["lines"]
            assert [one["message"] for one in found][:2] == ["line 77", "line 770"]
            assert len(found) == 1111
