"""What a front end hears, and how its questions are answered, over HTTP."""

from __future__ import annotations

from functools import partialmethod
from pathlib import Path
from typing import Any

import httpx
import pytest

import modframe
from modframe import AppContext
from modframe.errors import LoadError
from modframe.runtime.generation import Generation
from modframe.runtime.part import Part
from modframe.server.serving import Server
from tests.cockpit.conftest import TOKEN
from tests.cockpit.front import Front
from tests.fakes import ORDERS, simple


def test_a_front_end_hears_what_changes(app: AppContext, front: Front) -> None:
    """Rows come and go with their modules; only the watched module's facts are told."""
    app.load({"api.py": ORDERS}, id="orders")
    front.wait_for(lambda: "standard.orders" in front.rows)
    assert front.rows["standard.orders"]["generation"] == 1
    front.look("orders")
    front.wait_for(lambda: front.facts.get("state") == "LIVE")
    with pytest.raises(LoadError):
        app.load({"api.py": simple("raise KeyError('x')")}, id="orders")
    front.wait_for(lambda: "KeyError" in front.rows["standard.orders"].get("error", ""))
    front.wait_for(lambda: "line" in front.facts.get("failure", {}).get("place", ""))
    app.modules["orders"].unload()
    front.wait_for(lambda: front.rows["standard.orders"]["state"] == "STOPPED")


def test_the_answer_with_news_begins_at_once(app: AppContext) -> None:
    """Before the page has said anything: Firefox hands out an answer only once it has begun."""
    app.serve(port=0, token=TOKEN)
    head = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"{app.url}/modframe/", headers=head, timeout=60) as client:
        session = client.post("open", json={}).json()["session"]
        with client.stream("GET", "news", params={"session": session}) as news:
            assert next(news.iter_bytes()) == b"\n"


def test_a_swap_tells_what_it_changed(app: AppContext, front: Front) -> None:
    """Of the watched module the rows of one panel are told anew, and no panel."""
    app.load({"api.py": ORDERS}, id="orders")
    front.look("orders")
    front.wait_for(lambda: front.facts.get("generation") == 1)
    before = len(front.news)
    app.load({"api.py": f"{ORDERS}\n# more\n"}, id="orders")
    front.wait_for(lambda: front.facts["generation"] == 2)
    told = [key for one in front.news[before:] for key in one.get("detail", {}).get("facts", ())]
    assert [key for key in told if key.startswith("panels.")] == []
    (sessions,) = (one for one in front.panels if one["noun"] == "generation")
    assert sessions["rows"][0][0] == "2"


LATER = """
from modframe import app_context
from modframe.decorators import module, module_health_check


@module_health_check(interval=3600)
@module
class Later:
    well = True

    def check_health(self):
        return self.well

    async def spoil(self):
        self.well = False

    async def begin(self):
        app_context.tasks.start(self.fail, name="fails")

    async def fail(self):
        raise KeyError("x")
"""


def test_what_happens_to_a_live_module_changes_its_row(app: AppContext, front: Front) -> None:
    """Its health, which needs attention, and a task that dies are told though nothing was loaded."""
    app.load({"api.py": LATER}, id="later")
    app.health(wait=True)
    front.wait_for(lambda: front.rows.get("standard.later", {}).get("health") == "healthy")
    before = "urgency" in front.rows["standard.later"]
    service = app.get_service("later")
    app.run(service.spoil())
    again = {"noun": "health check", "action": "Check now", "row": "check_health()"}
    front.ask("act", module="later", **again)
    front.wait_for(lambda: front.rows["standard.later"]["health"] == "unhealthy")
    assert front.rows["standard.later"]["cause"] == {
        "message": "its health check says unhealthy: it returned False",
        "cure": "look at its tab Health, where the check can be run again",
    }
    assert (before, front.rows["standard.later"]["urgency"]) == (False, 2)
    app.run(service.begin())
    front.wait_for(lambda: "KeyError" in front.rows["standard.later"].get("error", ""))


def test_what_cant_be_asked_is_answered(front: Front) -> None:
    """An unknown operation and wrong arguments are errors that name what is wrong."""
    assert "did you mean" in front.fault("plam")["message"]
    assert "action" in front.fault("plan", module="orders")["message"]
    assert "no module" in front.fault("plan", module="nothing", action="reload")["message"]


def test_a_stop_ends_open_pages_at_once(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are told, and the stop does not wait for them."""
    monkeypatch.setattr(Server, "aclose", partialmethod(Server.aclose, grace=100))
    app.serve(port=0, token=TOKEN)
    front = Front(app.url, token=TOKEN)
    assert app.stop().seconds < 60  # a server waits so much longer for answers that go on
    front.wait_for(lambda: "stopped" in front.over)
    front.close()


class Silent(Part[None]):
    """A part of a person's own, which can't say what it has while it is ``broken``."""

    name = "silent"
    broken = False

    def describe(self, generation: Generation) -> dict[str, Any]:
        if self.broken:
            raise LookupError("nobody knows")
        return {}


def test_a_part_that_raises_ends_a_view_and_no_other(tmp_path: Path) -> None:
    """The view is told why, the log has it, and a view that is opened later hears everything."""
    part = Silent()
    with modframe.start(workspace=tmp_path, data=":memory:", modules=[], parts=[part]) as app:
        app.serve(port=0, token=TOKEN)
        with Front(app.url, token=TOKEN) as front:
            part.broken = True
            front.look("core.settings")
            front.wait_for(lambda: "LookupError: nobody knows" in front.over)
            part.broken = False
            assert "a view of the cockpit failed" in [line.message for line in app.snapshot().log]
            front.send({"op": "bye"})
        with Front(app.url, token=TOKEN) as later:
            assert later.rows.keys() == app.modules.keys()
