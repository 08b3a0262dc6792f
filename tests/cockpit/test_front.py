"""What a front end hears, and how its questions are answered, over HTTP."""

from __future__ import annotations

import pytest

from modframe import AppContext
from modframe.errors import LoadError
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


def test_what_cant_be_asked_is_answered(front: Front) -> None:
    """An unknown operation and wrong arguments are errors that name what is wrong."""
    assert "did you mean" in front.fault("plam")["message"]
    assert "action" in front.fault("plan", module="orders")["message"]
    assert "no module" in front.fault("plan", module="nothing", action="reload")["message"]


def test_a_stop_ends_open_pages_at_once(app: AppContext) -> None:
    """They are told, and the stop does not wait for them."""
    app.serve(port=0, token=TOKEN)
    front = Front(app.url, token=TOKEN)
    assert app.stop().seconds < 4  # a server waits 5 s for answers that go on
    front.wait_for(lambda: "stopped" in front.over)
    front.close()
