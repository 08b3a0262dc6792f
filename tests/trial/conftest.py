"""An app that gives tests little time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import modframe

from .orders import HOLD, runs


@pytest.fixture
def impatient(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An app whose tests have a second and a half."""
    monkeypatch.setenv("MODFRAME_TEST_TIMEOUT", "1.5")
    HOLD.clear()
    with modframe.start(workspace=workspace, data=":memory:") as app:
        yield app
    HOLD.set()
    for thread in runs():
        thread.join(30)
