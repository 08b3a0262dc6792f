"""The app loop waits a moment for the body of a module, and then serves others beside it."""

from __future__ import annotations

import sys

import pytest

from modframe.app import AppContext
from tests.fakes import simple

ASKS = """
from modframe.process import app_in_use

NUMBER = app_in_use().get_service("other").get().result(timeout=20)
"""


def test_a_body_that_asks_the_app_loop_is_answered(app: AppContext) -> None:
    """A body may wait for a service, which answers on the loop that waits for the body."""
    app.load({"api.py": simple("async def get(self):\n    return 7")}, id="other")
    app.load({"api.py": simple("def get(self):\n    return NUMBER", head=ASKS)}, id="asking")
    assert app.get_service("asking").get().result() == 7


def test_a_long_switch_interval_does_not_hold_the_loop(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop waits a moment also where a program lets its threads switch rarely."""
    monkeypatch.setattr(sys, "getswitchinterval", lambda: 60.0)
    app.load({"api.py": simple("async def get(self):\n    return 7")}, id="other")
    app.load({"api.py": simple("def get(self):\n    return NUMBER", head=ASKS)}, id="asking")
    assert app.get_service("asking").get().result() == 7
