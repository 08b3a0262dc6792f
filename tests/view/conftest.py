"""The app of the view's tests: it keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modframe


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Any]:
    """A running app in an empty folder."""
    settings = {"orders": {"api_key": "sk-secret", "currency": "CHF"}}
    with modframe.start(workspace=tmp_path, data=":memory:", settings=settings) as app:
        yield app
