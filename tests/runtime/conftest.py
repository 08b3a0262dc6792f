"""Fixtures of changes and calls: a stage that modules and the test both see, and threads."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A place for modules to write to and to wait at: ``from tests_stage import stage``.

    ``said`` is a list; ``entered`` and ``release`` are events of threads.
    """
    module = ModuleType("tests_stage")
    stage = SimpleNamespace(said=[], entered=threading.Event(), release=threading.Event())
    module.stage = stage  # type: ignore[attr-defined]  # a module made for this
    monkeypatch.setitem(sys.modules, "tests_stage", module)
    return stage


@pytest.fixture
def behind() -> Iterator[Callable[..., Future[Any]]]:
    """Run a verb in a thread of its own."""
    with ThreadPoolExecutor(32) as pool:
        yield pool.submit
