"""An app that gives tests little time, and a temporary folder that no other process writes to."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

import modframe

from .orders import HOLD, runs


@pytest.fixture(autouse=True)
def own_temporary_folder(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other test processes run trials at the same time, whose folders have the same names."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))


@pytest.fixture
def impatient(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An app that gives tests 1.5 s."""
    monkeypatch.setenv("MODFRAME_TEST_TIMEOUT", "1.5")
    HOLD.clear()
    with modframe.start(workspace=workspace, data=":memory:") as app:
        yield app
    HOLD.set()
    for thread in runs():
        thread.join(30)
