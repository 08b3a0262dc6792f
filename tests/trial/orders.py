"""The orders module with tests of its own, for trials of it."""

from __future__ import annotations

import threading
from textwrap import dedent
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.module import Module
from tests.fakes import ORDERS

HANGING = f"""{ORDERS}
    async def hang(self):
        import asyncio
        await asyncio.sleep(3600)
"""
HOLD = threading.Event()
"""A test that can't be interrupted waits for it."""
HOLDS = __name__
"""The name of this module, for the texts of tests."""


def tried(app: AppContext, tests: str, *, api: str = ORDERS, **more: str) -> Module:
    """Load the orders module with a file of tests, which must pass."""
    texts = {"api.py": api, "test_api.py": dedent(tests), **{k: dedent(v) for k, v in more.items()}}
    return app.load(texts, id="orders", test=True)


def red(app: AppContext, tests: str, *, api: str = ORDERS, **more: str) -> LoadError:
    """Return the error of a load whose tests fail."""
    with pytest.raises(LoadError) as caught:
        tried(app, tests, api=api, **more)
    assert caught.value.step == "test"
    return caught.value


def number(app: AppContext) -> int:
    return app.modules["orders"].generation


def load_outcome(app: AppContext, texts: dict[str, str], *, id: str = "orders") -> Any:
    """Return the outcome of a draft whose tests must pass."""
    from modframe.source import SourceFile

    for file, text in texts.items():
        app.draft(id, file, SourceFile(dedent(text), f"<{file}>"))
    return app.try_draft(id, test=True)


def runs() -> list[threading.Thread]:
    """Return the threads that tests run on."""
    return [one for one in threading.enumerate() if one.name == "modframe-test"]
