"""Ctrl-C around the moment at which a change is submitted to the app loop cancels the change."""

from __future__ import annotations

import threading

import pytest

from modframe.app import AppContext
from modframe.runtime.loop.submission import Submission
from tests import inside
from tests.fakes import simple

WAITS = simple(
    "async def initialize(self):\n    await asyncio.Event().wait()\n\ndef get(self):\n    return 1",
    head="import asyncio",
)


@pytest.mark.parametrize("when", ["before it is sent", "after it was sent"])
def test_a_change_that_is_interrupted_while_it_is_sent_does_not_go_on(
    app: AppContext, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """A change is cancelled whether the interrupt comes just before or just after it was sent."""
    begin = Submission.begin
    main = threading.current_thread()

    def interrupted(submission: Submission[object]) -> None:
        monkeypatch.undo()
        if when == "after it was sent":
            begin(submission)
        assert threading.current_thread() is main
        raise KeyboardInterrupt

    monkeypatch.setattr(Submission, "begin", interrupted)
    with pytest.raises(KeyboardInterrupt):
        app.load({"api.py": WAITS}, id="thing")
    assert not inside.is_building(app, "thing")
    assert inside.submissions(app) == 0
    app.load({"api.py": simple("def get(self):\n    return 2")}, id="thing")
    assert app.get_service("thing").get().result() == 2
