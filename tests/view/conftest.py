"""Fixtures of the view's tests: an app that keeps nothing, and runs of a form without a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import modframe

RunForm = Callable[[Any], str]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Any]:
    """A running app in an empty folder."""
    settings = {"orders": {"api_key": "sk-secret", "currency": "CHF"}}
    with modframe.start(workspace=tmp_path, data=":memory:", settings=settings) as app:
        yield app


@pytest.fixture
def run() -> RunForm:
    """Clicks a form's button, waits for the end, gives the outcome's HTML."""

    def run(form: Any) -> str:
        ended = threading.Event()
        before = form.runner.ended

        def note() -> None:
            before()
            ended.set()

        form.runner.ended = note
        form.runner.button.click()
        assert ended.wait(30), "the run did not end"
        return str(form.runner.outcome.value)

    return run
