"""Fixtures of the log's tests: an open log in a folder, and the root logger as it was."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from modframe.observe import EventLog, let_root_listen


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    """A log open on ``tmp_path / "logs"``."""
    with EventLog(tmp_path / "logs") as log:
        yield log


@pytest.fixture
def root_listens() -> Iterator[None]:
    """What the pytest plugin does for people's tests."""
    yield from _root_listens(True)


@pytest.fixture
def root_is_detached() -> Iterator[None]:
    """As in a notebook, even if the pytest plugin attached it."""
    yield from _root_listens(False)


def _root_listens(listens: bool) -> Iterator[None]:
    before = logging.getLogger("modframe").propagate
    let_root_listen(listens)
    yield
    let_root_listen(before)
